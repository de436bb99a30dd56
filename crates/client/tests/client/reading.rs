//! Scans and tails whose connection breaks: nothing is left out, nothing comes twice.

use std::sync::Arc;

use crate::scripted::{Script, connected, lock, recorded, tail_events, tail_started};
use annals_client::{Client, Error, Reason, Scan, Tail, TailBody};
use annals_model::Fault;
use annals_wire::fault::to_status;
use annals_wire::opaque::ScanResponse;
use annals_wire::v1::tail_request::Start;
use futures_util::StreamExt;
use tonic::Status;

fn page(sequences: std::ops::RangeInclusive<u64>, next: &'static str) -> ScanResponse {
    let events = sequences.map(recorded).collect();
    ScanResponse { events, next_page_token: next.into(), resume_token: "moment".into() }
}

fn broken<T>() -> Result<T, Status> {
    Err(Status::unavailable("connection reset by the test"))
}

async fn scanned(client: &Client, scan: Scan) -> Result<Vec<u64>, Error> {
    let mut events = client.scan(scan);
    let mut sequences = Vec::new();
    while let Some(event) = events.next().await {
        sequences.push(event?.sequence.get());
    }
    assert_eq!(events.resume_token().map(|token| token.as_bytes().to_vec()), Some(b"moment".to_vec()));
    Ok(sequences)
}

#[tokio::test]
async fn a_scan_that_breaks_goes_on_after_its_last_page_with_what_is_left_of_its_limit() {
    let script = Arc::new(Script::default());
    lock(&script.scans).extend([vec![Ok(page(1..=3, "a")), broken()], vec![broken()], vec![Ok(page(4..=5, "b"))]]);
    let client = connected(&script).await;
    assert_eq!(scanned(&client, Scan::table("k.t").limit(5)).await.expect("events"), [1, 2, 3, 4, 5]);
    let asked: Vec<_> = lock(&script.scanned).iter().map(|scan| (scan.page_token.to_vec(), scan.limit)).collect();
    assert_eq!(asked, [(vec![], 5), (b"a".to_vec(), 2), (b"a".to_vec(), 2)]);
}

#[tokio::test]
async fn pages_follow_one_another_until_nothing_is_left() {
    let script = Arc::new(Script::default());
    lock(&script.scans).extend([vec![Ok(page(1..=2, "a"))], vec![Ok(page(3..=3, "b")), Ok(page(4..=4, ""))]]);
    let client = connected(&script).await;
    assert_eq!(scanned(&client, Scan::table("k.t")).await.expect("events"), [1, 2, 3, 4]);
    assert_eq!(lock(&script.scanned).len(), 2);
}

#[tokio::test]
async fn a_scan_that_breaks_before_its_first_page_says_so() {
    let script = Arc::new(Script::default());
    lock(&script.scans).push_back(vec![broken()]);
    let client = connected(&script).await;
    let error = client.scan(Scan::table("k.t")).next().await.expect("an item").expect_err("it broke");
    assert!(matches!(error, Error::Broken(_)), "{error}");
}

/// What a tail gave, in short.
async fn tailed(client: &Client, tail: Tail) -> Vec<String> {
    let mut messages = client.tail(tail).await.expect("a tail");
    let mut seen = Vec::new();
    while let Some(message) = messages.next().await {
        seen.push(match message {
            Err(error) => format!("error {:?}", error.reason()),
            Ok(message) => match message.body {
                TailBody::Events(events) => {
                    format!("{:?}", events.iter().map(|one| one.sequence.get()).collect::<Vec<_>>())
                }
                TailBody::Started => "started".to_owned(),
                TailBody::Interrupted { .. } => "interrupted".to_owned(),
                other => format!("{other:?}"),
            },
        });
    }
    seen
}

#[tokio::test]
async fn a_tail_that_breaks_says_so_and_goes_on_from_its_token() {
    let script = Arc::new(Script::default());
    lock(&script.tails).extend([
        vec![Ok(tail_started("0")), Ok(tail_events(1..=3)), broken()],
        vec![broken()],
        vec![Ok(tail_started("3")), Ok(tail_events(4..=4))],
    ]);
    let client = connected(&script).await;
    let seen = tailed(&client, Tail::table("k.t").from_latest()).await;
    assert_eq!(seen, ["started", "[1, 2, 3]", "interrupted", "interrupted", "started", "[4]"]);
    let starts: Vec<_> = lock(&script.tailed).iter().map(|tail| tail.start.clone()).collect();
    let after_three = Some(Start::ResumeToken("3".into()));
    assert_eq!(starts[1..], [after_three.clone(), after_three]);
}

#[tokio::test]
async fn a_tail_ends_with_the_error_that_no_patience_helps_against() {
    let script = Arc::new(Script::default());
    let removed = to_status(&Fault::new(Reason::EventsRemoved, "gone"));
    lock(&script.tails).extend([vec![Ok(tail_started("0")), Ok(tail_events(1..=1)), broken()], vec![Err(removed)]]);
    let client = connected(&script).await;
    let seen = tailed(&client, Tail::table("k.t")).await;
    assert_eq!(seen, ["started", "[1]", "interrupted", "error Some(EventsRemoved)"]);
}

#[tokio::test]
async fn a_tail_waits_for_a_server_that_is_shutting_down() {
    let script = Arc::new(Script::default());
    let stopping = to_status(&Fault::new(Reason::ShuttingDown, "stopping"));
    lock(&script.tails)
        .extend([vec![Ok(tail_started("0")), Err(stopping)], vec![Ok(tail_started("0")), Ok(tail_events(1..=1))]]);
    let client = connected(&script).await;
    assert_eq!(tailed(&client, Tail::table("k.t")).await, ["started", "interrupted", "started", "[1]"]);
}

#[tokio::test]
async fn a_tail_ends_rather_than_deliver_an_event_twice() {
    let script = Arc::new(Script::default());
    lock(&script.tails).extend([
        vec![Ok(tail_started("0")), Ok(tail_events(1..=3)), broken()],
        vec![Ok(tail_started("3")), Ok(tail_events(3..=4))],
    ]);
    let client = connected(&script).await;
    assert_eq!(
        tailed(&client, Tail::table("k.t")).await,
        ["started", "[1, 2, 3]", "interrupted", "started", "error None"]
    );
}

#[tokio::test]
async fn a_tail_that_is_refused_at_once_is_an_error_and_no_stream() {
    let script = Arc::new(Script::default());
    let unknown = to_status(&Fault::new(Reason::TableNotFound, "no such table"));
    lock(&script.tails).push_back(vec![Err(unknown)]);
    let client = connected(&script).await;
    let error = client.tail(Tail::table("k.t")).await.err().expect("refused");
    assert_eq!(error.reason(), Some(Reason::TableNotFound));
}
