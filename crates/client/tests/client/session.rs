//! Append sessions: answers in order, bytes in flight bounded, and what a break leaves.

use std::sync::Arc;

use crate::scripted::{Script, Session, connected, lock};
use annals_client::{AppendSession, Appended, Error, Event, PendingAppend, Reason};
use annals_model::Fault;
use annals_wire::fault::to_rpc_status;
use annals_wire::opaque::AppendRequest;
use annals_wire::v1::append_session_response::Result as Answer;
use annals_wire::v1::{AppendResponse, AppendSessionResponse, ShardAppend};
use futures_util::FutureExt;
use tokio::sync::mpsc;
use tonic::Status;

/// The server's side of a session, driven by the test.
struct Server {
    requests: mpsc::Receiver<AppendRequest>,
    answers: mpsc::Sender<Result<AppendSessionResponse, Status>>,
}

async fn session(bytes_in_flight_max: usize) -> (AppendSession, Server) {
    let script = Arc::new(Script::default());
    let (requests, received) = mpsc::channel(1_000);
    let (sent, answers) = mpsc::channel(1_000);
    *lock(&script.session) = Some(Session { requests, answers });
    let client = connected(&script).await;
    (client.append_session_with(bytes_in_flight_max), Server { requests: received, answers: sent })
}

impl Server {
    async fn accept(&mut self, first_sequence: u64) {
        let request = self.requests.recv().await.expect("a request");
        let event_count = request.events.len() as u64;
        let shards = vec![ShardAppend { first_sequence, event_count, ..ShardAppend::default() }];
        let appended = AppendResponse { shards, ..AppendResponse::default() };
        self.answer(Answer::Appended(appended)).await;
    }

    async fn refuse(&mut self, reason: Reason) {
        self.requests.recv().await.expect("a request");
        self.answer(Answer::Error(to_rpc_status(&Fault::new(reason, "refused")))).await;
    }

    async fn answer(&self, result: Answer) {
        self.answers.send(Ok(AppendSessionResponse { result: Some(result) })).await.expect("a session");
    }
}

fn event(bytes: usize) -> Event {
    Event::builder("key").column("payload", &vec![0_u8; bytes][..]).build().expect("an event")
}

async fn append(session: &mut AppendSession, bytes: usize) -> PendingAppend {
    session.append("k.t", [event(bytes)]).await.expect("an open session")
}

fn first_sequence(appended: &Appended) -> u64 {
    appended.shards[0].first_sequence.get()
}

#[tokio::test]
async fn answers_go_to_their_appends_in_order_and_a_refusal_ends_nothing() {
    let (mut session, mut server) = session(1 << 20).await;
    let (one, two, three) =
        (append(&mut session, 1).await, append(&mut session, 1).await, append(&mut session, 1).await);
    server.accept(10).await;
    server.refuse(Reason::ColumnTypeMismatch).await;
    server.accept(11).await;
    assert_eq!(first_sequence(&one.await.expect("appended")), 10);
    assert_eq!(two.await.expect_err("refused").reason(), Some(Reason::ColumnTypeMismatch));
    assert_eq!(first_sequence(&three.await.expect("appended")), 11);
    drop(server);
    session.finish().await.expect("all was answered");
}

#[tokio::test]
async fn an_append_waits_while_the_bytes_in_flight_are_at_their_bound() {
    let (mut session, mut server) = session(10_000).await;
    let first = append(&mut session, 6_000).await;
    {
        let mut second = std::pin::pin!(session.append("k.t", [event(6_000)]));
        tokio::task::yield_now().await;
        assert!(second.as_mut().now_or_never().is_none(), "two would be 12,000 bytes in flight");
        server.accept(1).await;
        first.await.expect("appended");
        second.await.expect("there is room again");
    }
    server.accept(2).await;
}

#[tokio::test]
async fn a_request_larger_than_the_bound_goes_alone() {
    let (mut session, mut server) = session(1_000).await;
    let pending = append(&mut session, 50_000).await;
    server.accept(1).await;
    pending.await.expect("appended");
}

#[tokio::test]
async fn a_break_leaves_unanswered_appends_open_and_lets_none_begin() {
    let (mut session, mut server) = session(1 << 20).await;
    let (answered, open) = (append(&mut session, 1).await, append(&mut session, 1).await);
    server.accept(1).await;
    answered.await.expect("appended");
    server.answers.send(Err(Status::unavailable("the test broke it"))).await.expect("a session");
    let error = open.await.expect_err("nobody answered");
    assert!(matches!(&error, Error::OutcomeUnknown(why) if why.contains("the test broke it")), "{error}");
    assert!(!error.is_retryable());
    let not_sent = session.append("k.t", [event(1)]).await.expect_err("the session has ended");
    assert!(not_sent.is_retryable(), "events that were never sent can be appended again: {not_sent}");
    assert!(session.finish().await.is_err());
}

#[tokio::test]
async fn finishing_waits_for_the_last_answer() {
    let (mut session, mut server) = session(1 << 20).await;
    let pending = append(&mut session, 1).await;
    let finishing = tokio::spawn(session.finish());
    server.accept(7).await;
    assert_eq!(first_sequence(&pending.await.expect("appended")), 7);
    drop(server);
    finishing.await.expect("no panic").expect("all was answered");
}
