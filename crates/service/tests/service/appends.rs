//! Appends and sessions.

use annals_model::Reason;
use annals_service::{AppendRequest, Deadline, ScanRequest, SessionError};
use annals_testkit::event::TestEvent;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::harness::*;

#[tokio::test]
async fn an_append_tells_where_its_events_went_and_a_scan_brings_their_bytes() {
    let bench = Bench::start(1).await;
    let sent = events("k", 10..13);
    let receipt = bench.append(&sent).await;
    let places: Vec<_> = receipt.shards.iter().map(|one| (one.first_sequence.get(), one.event_count)).collect();
    assert_eq!(places, [(1, 3)]);
    let as_of = ScanRequest { as_of: receipt.resume_token, ..ScanRequest::of(TABLE) };
    bench.append(&events("k", 20..22)).await;
    let stored: Vec<_> = bench.scan(as_of).await.into_iter().flat_map(|page| page.events).collect();
    let bytes: Vec<_> = stored.iter().map(|event| event.bytes.to_vec()).collect();
    assert_eq!(bytes, sent.iter().map(TestEvent::encode).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_append_is_refused_for_what_it_counts_and_for_what_is_not_known() {
    let bench = Bench::start(1).await;
    let good = request(&events("k", 0..1));
    let refused = |request| async { bench.service.append(&bench.caller, request, None).await.expect_err("refused") };
    let large = AppendRequest { bytes: 17 << 20, ..good.clone() };
    assert_eq!(refused(large).await.reason, Reason::RequestTooLarge);
    let unsupported = AppendRequest { unsupported: Some("conditions"), ..good.clone() };
    assert_field(&refused(unsupported).await, Reason::NotSupported, "conditions");
    let broken = AppendRequest { events: vec![Bytes::from_static(b"?")], ..good.clone() };
    assert_eq!(refused(broken).await.reason, Reason::InvalidEvent);
    let elsewhere = AppendRequest { table: "k.other".to_owned(), ..good };
    assert_eq!(refused(elsewhere).await.reason, Reason::TableNotFound);
}

#[tokio::test]
async fn a_deadline_is_named_as_its_door_names_it() {
    let bench = Bench::start(1).await;
    let passed = Deadline::new(Instant::now(), "delivery.timeout.ms");
    let late = bench.service.append(&bench.caller, request(&events("k", 0..1)), Some(passed)).await;
    let fault = late.expect_err("too late");
    assert_eq!(fault.reason, Reason::DeadlineExceeded);
    assert!(fault.message.contains("(delivery.timeout.ms)") && fault.message.contains("nothing"), "{fault}");
    assert!(bench.scan(ScanRequest::of(TABLE)).await.iter().all(|page| page.events.is_empty()));
}

#[tokio::test]
async fn a_session_answers_each_request_in_order_and_hands_back_what_broke_its_stream() {
    let bench = Bench::start(1).await;
    let unknown = AppendRequest { table: "k.other".to_owned(), ..request(&events("k", 0..1)) };
    let requests = [
        Ok(request(&events("k", 0..2))),
        Ok(unknown),
        Ok(request(&events("k", 2..3))),
        Err("the line was cut"),
        Ok(request(&events("k", 3..4))),
    ];
    let answers = bench.service.append_session(&bench.caller, stream::iter(requests), None).expect("a session");
    let answers: Vec<_> = answers.collect().await;
    let [Ok(Ok(first)), Ok(Err(refused)), Ok(Ok(last)), Err(SessionError::Broken("the line was cut"))] = &answers[..]
    else {
        panic!("{answers:?}");
    };
    assert_eq!([first, last].map(|receipt| receipt.shards[0].first_sequence.get()), [1, 3]);
    assert_eq!(refused.reason, Reason::TableNotFound);
    let stored = bench.scan(ScanRequest::of(TABLE)).await;
    assert_eq!(stored.iter().map(|page| page.events.len()).sum::<usize>(), 3, "what came behind the break is not read");
    assert!(!bench.service.requests().is_full());
}

#[tokio::test]
async fn a_session_ends_with_the_server_and_one_too_many_is_refused() {
    let bench = Bench::start(1).await;
    let open = || bench.service.append_session(&bench.caller, stream::pending::<Result<_, ()>>(), None);
    let (first, _second) = (open().expect("a session"), open().expect("a session"));
    assert_eq!(open().err().map(|fault| fault.reason), Some(Reason::Overloaded));
    let Bench { stopper, .. } = bench;
    stopper.stop();
    let answers: Vec<_> = first.collect().await;
    assert!(matches!(&answers[..], [Err(SessionError::Fault(fault))] if fault.reason == Reason::ShuttingDown));
}
