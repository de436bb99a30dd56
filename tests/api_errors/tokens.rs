//! What is wrong with a token: cut, mangled, of another table, of a dropped one, of another scope or scan, ahead.

use std::time::{Duration, Instant};

use annals_model::{Moment, PartitionKey, ResumeToken, Sequence, Shard, ShardCount, TableId};
use annals_testkit::calls;
use annals_testkit::event::TestEvent;
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{
    CountRequest, Direction, DropTableRequest, GetTableRequest, HashSlices, PlanScanRequest, Retention, ScanRequest,
    TailRequest, TimeRange, UpdateTableRequest,
};
use bytes::Bytes;
use tonic::Code;

use crate::harness::{Bench, TABLE, assert_refused, good, scan_request, tail_request};

fn tail_from(token: Bytes) -> TailRequest {
    TailRequest { start: Some(Start::ResumeToken(token)), ..tail_request() }
}

fn mangled(token: &Bytes) -> [Bytes; 4] {
    let mut flipped = token.to_vec();
    flipped[3] ^= 1;
    let mut longer = token.to_vec();
    longer.push(0);
    [flipped.into(), longer.into(), token.slice(..token.len() - 1), Bytes::from_static(b"no token")]
}

/// The resume token of an append of one event.
async fn resume_token(bench: &Bench, table: &str) -> Bytes {
    let appended = bench.append_request(calls::append_request(table, &[good()])).await;
    appended.expect("an append").resume_token
}

/// The page token of a scan of one event of at least two.
async fn page_token(bench: &Bench, scan: &ScanRequest) -> Bytes {
    let responses = bench.scan(ScanRequest { limit: 1, ..scan.clone() }).await.expect("a scan");
    let token = responses.last().expect("a response").next_page_token.clone();
    assert!(!token.is_empty(), "more is left");
    token
}

#[tokio::test]
async fn a_mangled_token_is_refused_wherever_it_is_given() {
    let bench = Bench::start().await;
    let token = resume_token(&bench, TABLE).await;
    let (code, reason) = (Code::InvalidArgument, "MALFORMED_TOKEN");
    for bad in mangled(&token) {
        assert_refused(bench.tail(tail_from(bad.clone())).await, code, reason);
        assert_refused(bench.tail(TailRequest { end_token: bad.clone(), ..tail_request() }).await, code, reason);
        assert_refused(bench.scan(ScanRequest { as_of: bad, ..scan_request() }).await, code, reason);
    }
    for bad in mangled(&page_token(&bench, &scan_request()).await) {
        assert_refused(bench.scan(ScanRequest { page_token: bad, ..scan_request() }).await, code, reason);
    }
    bench.tail(tail_from(token)).await.expect("the token as it was handed out");
    bench.stop().await;
}

#[tokio::test]
async fn a_token_of_another_table_is_refused_also_of_one_that_had_the_name() {
    let bench = Bench::start().await;
    calls::create_table(&bench.channel, "errors.other", 1).await;
    let foreign = resume_token(&bench, "errors.other").await;
    resume_token(&bench, TABLE).await;
    let page = page_token(&bench, &scan_request()).await;
    let (code, reason) = (Code::InvalidArgument, "FOREIGN_TOKEN");
    assert_refused(bench.tail(tail_from(foreign.clone())).await, code, reason);
    assert_refused(bench.scan(ScanRequest { as_of: foreign.clone(), ..scan_request() }).await, code, reason);
    let other = ScanRequest { table: "errors.other".to_owned(), page_token: page, ..scan_request() };
    assert_refused(bench.scan(other).await, code, reason);
    let name = "errors.other".to_owned();
    bench.tables().drop_table(DropTableRequest { name: name.clone() }).await.expect("dropped");
    calls::create_table(&bench.channel, &name, 1).await;
    assert_refused(bench.tail(TailRequest { table: name, ..tail_from(foreign) }).await, code, reason);
    bench.stop().await;
}

#[tokio::test]
async fn only_the_limit_may_change_behind_a_page_token() {
    let bench = Bench::start().await;
    resume_token(&bench, TABLE).await;
    resume_token(&bench, TABLE).await;
    let scan = scan_request();
    let token = page_token(&bench, &scan).await;
    let range = TimeRange { start_unix_nanos: Some(0), end_unix_nanos: None };
    let changed = [
        ScanRequest { direction: Direction::Descending.into(), ..scan.clone() },
        ScanRequest { time_range: Some(range), ..scan.clone() },
        ScanRequest { partition_keys: vec![Bytes::from_static(b"N14228")], ..scan.clone() },
        ScanRequest { limit_per_partition: 5, ..scan.clone() },
        ScanRequest { columns: vec!["speed".to_owned()], ..scan.clone() },
    ];
    for other in changed {
        eprintln!("{other:?}");
        let answer = bench.scan(ScanRequest { page_token: token.clone(), ..other }).await;
        assert_refused(answer, Code::InvalidArgument, "SCAN_CHANGED");
    }
    let rest = bench.scan(ScanRequest { page_token: token, limit: 9, ..scan }).await.expect("another limit");
    assert_eq!(rest.iter().map(|response| response.events.len()).sum::<usize>(), 2, "the other two events");
    bench.stop().await;
}

#[tokio::test]
async fn a_tails_token_needs_its_scope_unless_a_change_is_allowed() {
    let bench = Bench::start().await;
    let keys = |key: &'static [u8]| vec![Bytes::from_static(key)];
    let mine = TailRequest { partition_keys: keys(b"N14228"), ..tail_request() };
    let token = bench.tail(mine.clone()).await.expect("a tail").resume_token;
    let resumed = TailRequest { start: Some(Start::ResumeToken(token)), ..mine };
    bench.tail(resumed.clone()).await.expect("the same scope");
    let other = TailRequest { partition_keys: keys(b"N999"), ..resumed };
    assert_refused(bench.tail(other.clone()).await, Code::InvalidArgument, "SCOPE_CHANGED");
    bench.tail(TailRequest { allow_scope_change: true, ..other }).await.expect("a change that is allowed");
    bench.stop().await;
}

#[tokio::test]
async fn a_token_that_covers_what_is_not_stored_is_refused() {
    let bench = Bench::start().await;
    let answer = bench.tables().get_table(GetTableRequest { name: TABLE.to_owned() }).await.expect("the table");
    let id = answer.into_inner().table.expect("the table").table_id;
    let ahead = ResumeToken {
        table: TableId::from_bytes(id[..].try_into().expect("16 bytes")),
        scope: annals_model::ScopeDigest::ANY,
        moment: Moment::new(vec![Sequence::new(1_000)]),
        floor: Moment::new(vec![Sequence::ZERO]),
    };
    let (code, reason) = (Code::FailedPrecondition, "TOKEN_AHEAD");
    assert_refused(bench.tail(tail_from(ahead.encode())).await, code, reason);
    assert_refused(bench.scan(ScanRequest { as_of: ahead.encode(), ..scan_request() }).await, code, reason);
    bench.stop().await;
}

/// Removes all that has settled of a table, by a retention, once so many events are old enough to go: an age is taken as
/// shorter by what clocks may differ.
async fn remove_settled(bench: &Bench, table: &str, events: u64) {
    let at_once = prost_types::Duration { seconds: 0, nanos: 1 };
    let retention = Some(Retention { max_age: Some(at_once), ..Retention::default() });
    let update = UpdateTableRequest { name: table.to_owned(), retention, ..UpdateTableRequest::default() };
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let plan = UpdateTableRequest { validate_only: true, ..update.clone() };
        let planned = bench.tables().update_table(plan).await.expect("a plan").into_inner().removed_events;
        if planned == events {
            break;
        }
        assert!(Instant::now() < deadline, "{planned} events would go, not {events}");
    }
    let removed = bench.tables().update_table(update).await.expect("an update").into_inner().removed_events;
    assert_eq!(removed, events, "all that was stored");
}

/// Removes all that is stored.
async fn remove_everything(bench: &Bench) {
    bench.server.settle().await;
    remove_settled(bench, TABLE, 4).await;
}

#[tokio::test]
async fn a_token_whose_events_retention_removed_is_refused_and_an_earliest_tail_starts_behind_them() {
    let bench = Bench::start().await;
    let token = resume_token(&bench, TABLE).await;
    resume_token(&bench, TABLE).await;
    resume_token(&bench, TABLE).await;
    let page = page_token(&bench, &scan_request()).await;
    let plan = PlanScanRequest { scan: Some(scan_request()), max_splits: 2 };
    let splits = bench.events().plan_scan(plan).await.expect("a plan").into_inner().splits;
    remove_everything(&bench).await;
    assert_refused(bench.tail(tail_from(token.clone())).await, Code::OutOfRange, "EVENTS_REMOVED");
    let next = ScanRequest { page_token: page, ..scan_request() };
    let as_of = ScanRequest { as_of: token, ..scan_request() };
    for scan in [next, as_of.clone()].into_iter().chain(splits.into_iter().filter_map(|split| split.scan)) {
        let count = CountRequest { scan: Some(scan.clone()) };
        assert_refused(bench.events().count(count).await, Code::OutOfRange, "SCAN_EXPIRED");
        assert_refused(bench.scan(scan).await, Code::OutOfRange, "SCAN_EXPIRED");
    }
    let plan = PlanScanRequest { scan: Some(as_of), max_splits: 2 };
    assert_refused(bench.events().plan_scan(plan).await, Code::OutOfRange, "SCAN_EXPIRED");
    let after = resume_token(&bench, TABLE).await;
    let stored = calls::tail_all(&bench.channel, TABLE).await;
    assert_eq!(stored[&0].iter().map(|event| event.sequence).collect::<Vec<_>>(), [5], "the earliest retained");
    let fresh = bench.scan(ScanRequest { as_of: after.clone(), ..scan_request() }).await.expect("its moment is whole");
    assert_eq!(fresh.iter().map(|answer| answer.events.len()).sum::<usize>(), 1, "what was left when it was made");
    let again = ScanRequest { as_of: fresh[0].resume_token.clone(), ..scan_request() };
    bench.scan(again).await.expect("a scan's own token");
    let tail = bench.tail(tail_from(after)).await.expect("a token of what is retained");
    bench.scan(ScanRequest { as_of: tail.resume_token, ..scan_request() }).await.expect("a tail's token");
    bench.stop().await;
}

/// A key whose events lie in this shard of four.
fn key_of(shard: u32) -> String {
    let count = ShardCount::new(4).expect("four shards");
    let lies_there = |key: &String| {
        let key = PartitionKey::new(Bytes::from(key.clone())).expect("a key");
        count.shard_of(key.token()) == Shard::new(shard)
    };
    (0..10_000).map(|number| format!("key-{number}")).find(lies_there).expect("some key of every shard")
}

/// Whether a scan is answered with so many events, and counted so, or refused as expired both times.
async fn assert_scan(bench: &Bench, scan: ScanRequest, events: Option<usize>) {
    let count = bench.events().count(CountRequest { scan: Some(scan.clone()) }).await;
    let answers = bench.scan(scan).await;
    if let Some(events) = events {
        assert_eq!(count.expect("a count").into_inner().events, events as u64);
        assert_eq!(answers.expect("a scan").iter().map(|answer| answer.events.len()).sum::<usize>(), events);
    } else {
        assert_refused(count, Code::OutOfRange, "SCAN_EXPIRED");
        assert_refused(answers, Code::OutOfRange, "SCAN_EXPIRED");
    }
}

#[tokio::test]
async fn a_moment_is_refused_only_where_retention_has_passed_it() {
    let bench = Bench::start().await;
    let table = "errors.shards".to_owned();
    calls::create_table(&bench.channel, &table, 4).await;
    let event = |shard: u32| TestEvent::new(key_of(shard), 1);
    bench.append_request(calls::append_request(&table, &[event(0)])).await.expect("an append");
    bench.server.settle().await;
    let rest: Vec<TestEvent> = (1..4).map(event).collect();
    let as_of = bench.append_request(calls::append_request(&table, &rest)).await.expect("an append").resume_token;
    let scan = ScanRequest { table: table.clone(), ..scan_request() };
    let whole = bench.scan(scan.clone()).await.expect("a scan");
    let as_of = whole.first().map_or(as_of, |answer| answer.resume_token.clone());
    let at = |request: ScanRequest| ScanRequest { as_of: as_of.clone(), ..request };
    let slice = |index| Some(HashSlices { count: 4, indexes: vec![index] });
    let key = |shard| vec![Bytes::from(key_of(shard))];
    assert_scan(&bench, at(scan.clone()), Some(4)).await;

    // Only shard 0 has anything in a run yet, so only that goes.
    remove_settled(&bench, &table, 1).await;

    assert_scan(&bench, at(scan.clone()), None).await;
    assert_scan(&bench, at(ScanRequest { hash_slices: slice(0), ..scan.clone() }), None).await;
    assert_scan(&bench, at(ScanRequest { partition_keys: key(0), ..scan.clone() }), None).await;
    for shard in 1..4 {
        assert_scan(&bench, at(ScanRequest { hash_slices: slice(shard), ..scan.clone() }), Some(1)).await;
        assert_scan(&bench, at(ScanRequest { partition_keys: key(shard), ..scan.clone() }), Some(1)).await;
    }
    assert_scan(&bench, scan, Some(3)).await;

    // A tail needs what came after the moment, which is all there.
    let tail = TailRequest { table, ..tail_from(as_of.clone()) };
    for request in [tail.clone(), TailRequest { shards: vec![0], allow_scope_change: true, ..tail }] {
        bench.tail(request).await.expect("nothing that it needs is gone");
    }
    bench.stop().await;
}
