//! A session whose client sends on without waiting for answers: it waits, and keeps its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
