//! Tails.

use annals_model::Reason;
use annals_service::{EventPage, ScanRequest, TailRequest, TailStart, TailStep};
use futures_util::StreamExt;

use crate::harness::*;

/// The steps of a tail in words: the times of its events, and what it says of itself.
fn told(step: Option<Result<TailStep<TimesAsText>, annals_model::Fault>>) -> String {
    match step {
        None => "end".to_owned(),
        Some(Err(fault)) => fault.reason.to_string(),
        Some(Ok(TailStep::Events { pages, .. })) => {
            let page = |page: EventPage<TimesAsText>| match page {
                EventPage::Own(own) => format!("own {}", times(&own).iter().map(i64::to_string).collect::<String>()),
                EventPage::Shared(TimesAsText(times)) => format!("shared {times}"),
            };
            pages.into_iter().map(page).collect::<Vec<_>>().join(", ")
        }
        Some(Ok(TailStep::CaughtUp { .. })) => "caught up".to_owned(),
        Some(Ok(TailStep::FellBehind { .. })) => "fell behind".to_owned(),
        Some(Ok(TailStep::Heartbeat { .. })) => "heartbeat".to_owned(),
    }
}

#[tokio::test]
async fn a_tail_from_a_scans_token_delivers_what_the_scan_did_not_hold_and_ends_where_it_should() {
    let bench = Bench::start(1).await;
    bench.append(&events("k", 0..3)).await;
    let scanned = bench.scan(ScanRequest::of(TABLE)).await;
    let token = scanned.last().expect("at least one page").resume_token.clone();
    bench.append(&events("k", 3..6)).await;
    let request = TailRequest { stop_at_head: true, ..TailRequest::of(TABLE, TailStart::Token(token)) };
    let pages = bench.service.live_pages();
    let mut steps = bench.service.tail(&bench.caller, request, &pages).await.expect("a tail").boxed();
    for expected in ["own 345", "caught up", "end"] {
        assert_eq!(told(next(&mut steps).await), expected);
    }
}

#[tokio::test]
async fn live_tails_share_pages_in_the_encoding_of_their_door() {
    let bench = Bench::start(1).await;
    let pages = bench.service.live_pages();
    let open = || bench.service.tail(&bench.caller, TailRequest::of(TABLE, TailStart::Latest), &pages);
    let mut one = open().await.expect("a tail").boxed();
    let mut other = open().await.expect("a tail").boxed();
    assert_eq!([told(next(&mut one).await), told(next(&mut other).await)], ["caught up", "caught up"]);
    bench.append(&events("k", 7..9)).await;
    assert_eq!([told(next(&mut one).await), told(next(&mut other).await)], ["shared 7 8", "shared 7 8"]);
    drop(other);
    bench.append(&events("k", 9..10)).await;
    assert_eq!(told(next(&mut one).await), "own 9", "one alone shares with nobody");
    bench.stopper.stop();
    assert_eq!(told(next(&mut one).await), Reason::ShuttingDown.to_string());
}

#[tokio::test]
async fn a_tail_must_say_where_it_starts_and_is_refused_past_the_limit() {
    let bench = Bench::start(1).await;
    let pages = bench.service.live_pages::<TimesAsText>();
    let nowhere = TailRequest { table: TABLE.to_owned(), ..TailRequest::default() };
    let refused = bench.service.tail(&bench.caller, nowhere, &pages).await.err().expect("refused");
    assert_field(&refused, Reason::InvalidRequest, "start");
    let sequences = TailStart::Sequences(vec![(0, 1), (0, 1)]);
    let twice = bench.service.tail(&bench.caller, TailRequest::of(TABLE, sequences), &pages).await;
    assert_field(&twice.err().expect("refused"), Reason::InvalidRequest, "shard_positions.positions[1].shard");
    let mut open = Vec::new();
    for _ in 0..limits().tails_max {
        let request = TailRequest::of(TABLE, TailStart::Earliest);
        open.push(bench.service.tail(&bench.caller, request, &pages).await.expect("a tail"));
    }
    let request = TailRequest::of(TABLE, TailStart::Earliest);
    let refused = bench.service.tail(&bench.caller, request, &pages).await.err().expect("refused");
    assert_eq!(refused.reason, Reason::TooManyTails);
}
