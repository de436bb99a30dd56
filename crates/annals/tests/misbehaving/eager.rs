//! Sessions whose client sends on without waiting for answers: they wait, keep their connection, and cost what they sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use annals_testkit::ahead::{AheadClient, session_message};
use annals_testkit::calls;
use annals_testkit::event::TestEvent;
use annals_wire::opaque::AppendSessionRequest;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::v1::append_session_response::Result as Answer;
use tokio::sync::mpsc;
use tokio::task::yield_now;

use crate::harness::*;

/// Of one event each, the smallest there are: more than fit into the window of a call.
const REQUESTS: usize = 60_000;
/// Sessions that fill the window of their connection, which is eight times a call's.
const SESSIONS: usize = 8;
/// What they may cost: the window of 16 MiB, as much that joining its frames leaves free, and what each session has taken in.
/// Were each frame kept by itself, it would cost some 200 MiB.
const GROWTH_BYTES_MAX: u64 = 64 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_sends_ahead_of_its_answers_waits_and_keeps_its_connection() {
    let served = Served::start(&[]).await;
    let channel = served.connect().await;
    let (sender, mut receiver) = mpsc::channel(1);
    let requests = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let sending = tokio::spawn(async move {
        let append = calls::append_request(TABLE, &[TestEvent::new("k", 1)]);
        for _ in 0..REQUESTS {
            let request = AppendSessionRequest { append: Some(append.clone()) };
            sender.send(request).await.expect("the session goes on");
            counted.fetch_add(1, Ordering::Relaxed);
            // So that each request becomes a frame of its own.
            yield_now().await;
        }
    });
    let session = EventServiceClient::new(channel.clone()).append_session(requests).await;
    let mut answers = session.expect("a session").into_inner();
    // The server does nothing until as much is on its way as there can be.
    served.process.signal("STOP");
    let (mut last, mut unchanged) = (0, 0);
    until("no more is sent", async || {
        let now = sent.load(Ordering::Relaxed);
        unchanged = if now == last { unchanged + 1 } else { 0 };
        last = now;
        unchanged > 10
    })
    .await;
    served.process.signal("CONT");
    for number in 0..REQUESTS {
        let answer = answers.message().await.unwrap_or_else(|status| panic!("after {number}: {status:?}"));
        let result = answer.and_then(|answer| answer.result);
        assert!(matches!(result, Some(Answer::Appended(_))), "after {number}: {result:?}");
    }
    sending.await.expect("all was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_fill_their_windows_with_single_events_cost_about_the_windows() {
    let served = Served::start(&[]).await;
    served.serves_a_good_client().await;
    let before = served.process.memory_bytes();
    // No answer is taken, so the sessions are not read on.
    let mut client = AheadClient::connect(served.process.address(), 0).await;
    let message = session_message(calls::append_request(TABLE, &[TestEvent::new("k", 1)]));
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        let (requests, answers) = client.open().await;
        sessions.push((tokio::spawn(requests.send(message.clone(), usize::MAX)), answers));
    }
    let sent = client.settle().await;
    let growth = served.process.memory_bytes().saturating_sub(before);
    eprintln!("{sent} events sent ahead, {} KiB", growth / 1024);
    // Of each window less than an event may be left.
    let windows = 16 * 1024 * 1024 / message.len() - SESSIONS;
    assert!(sent >= windows, "{sent} events of {} bytes were sent, and the window takes {windows}", message.len());
    assert!(growth <= GROWTH_BYTES_MAX, "the server grew by {growth} bytes");
    served.serves_a_good_client().await;
    for (sending, answers) in sessions {
        sending.abort();
        drop(answers);
    }
}
