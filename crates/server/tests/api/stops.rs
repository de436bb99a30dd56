//! A stop in order: appends under way are answered, tails are told, and it does not take long.

use std::time::{Duration, Instant};

use annals_model::Reason;
use annals_testkit::event::TestEvent;
use annals_wire::opaque::AppendSessionRequest;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::harness::*;

/// What an operator is promised.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

fn message(time: i64) -> AppendSessionRequest {
    AppendSessionRequest { append: Some(request(&[TestEvent::new("k", time)])) }
}

#[tokio::test]
async fn tails_and_sessions_are_told_and_everything_ends_in_time() {
    let mut server = start().await;
    server.plain_table(1).await;
    let mut tail = server.tail(tail_from(latest())).await;
    next(&mut tail).await.expect("caught up");
    let (sender, receiver) = mpsc::channel(4);
    let session = server.events().append_session(ReceiverStream::new(receiver)).await;
    let mut answers = session.expect("a session").into_inner();
    sender.send(message(1)).await.expect("open");
    next(&mut answers).await.expect("an answer");
    next(&mut tail).await.expect("the event");
    // Connections that say nothing, or do not take what they asked for, must not hold up a stop.
    let silent = TcpStream::connect(server.address).await.expect("a connection");
    let stopped_at = Instant::now();
    server.stop.take().expect("once").send(()).expect("the server runs");
    assert_eq!(fault(next(&mut tail).await.expect_err("told")).reason, Reason::ShuttingDown);
    assert_eq!(fault(next(&mut answers).await.expect_err("told")).reason, Reason::ShuttingDown);
    tokio::time::timeout(PATIENCE, server.ended).await.expect("ended").expect("no panic");
    assert!(stopped_at.elapsed() < STOP_TIME_MAX, "{:?}", stopped_at.elapsed());
    drop(silent);
}

#[tokio::test]
async fn nobody_new_is_let_in_after_a_stop() {
    let mut server = start().await;
    server.stop.take().expect("once").send(()).expect("the server runs");
    tokio::time::timeout(PATIENCE, server.ended).await.expect("ended").expect("no panic");
    TcpStream::connect(server.address).await.expect_err("nobody listens");
}

#[tokio::test]
async fn what_was_answered_during_a_stop_is_stored() {
    let mut server = start().await;
    server.plain_table(1).await;
    let (sender, receiver) = mpsc::channel(64);
    let session = server.events().append_session(ReceiverStream::new(receiver)).await;
    let mut answers = session.expect("a session").into_inner();
    let sending = tokio::spawn(async move {
        let mut time = 0;
        while sender.send(message(time)).await.is_ok() {
            time += 1;
        }
    });
    let mut answered: u64 = 0;
    while answered < 100 {
        next(&mut answers).await.expect("open").expect("an answer");
        answered += 1;
    }
    server.stop.take().expect("once").send(()).expect("the server runs");
    while let Ok(Some(_)) = next(&mut answers).await {
        answered += 1;
    }
    drop(answers);
    sending.await.expect("no panic");
    tokio::time::timeout(PATIENCE, server.ended).await.expect("ended").expect("no panic");
    let table = annals_engine::Engine::table(&*server.engine, &"k.t".parse().expect("a name")).expect("a table");
    let head = annals_engine::Engine::head(&*server.engine, table.id).expect("a head");
    assert!(head.of(annals_model::Shard::ZERO).get() >= answered);
}
