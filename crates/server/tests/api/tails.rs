//! `Tail`: arrival order without gap or repeat, from every start, in every scope.

use std::collections::BTreeMap;

use annals_model::Reason;
use annals_server::Limits;
use annals_testkit::event::{Cell, TestEvent};
use annals_testkit::plain::PlainSubject;
use annals_testkit::subject::Subject;
use annals_wire::opaque::tail_response::Body;
use annals_wire::opaque::{RecordedEvent, TailResponse};
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{
    DropTableRequest, Event, HashSlices, Retention, ShardPosition, ShardPositions, StartPosition, Table, TailRequest,
    UpdateTableRequest,
};
use bytes::Bytes;
use prost::Message;
use tonic::Streaming;

use crate::harness::*;

pub(crate) fn events(range: std::ops::Range<i64>) -> Vec<TestEvent> {
    range.map(|time| TestEvent::new(format!("key-{}", time % 7), time)).collect()
}

pub(crate) fn delivered(responses: &[TailResponse]) -> Vec<RecordedEvent> {
    let of = |response: &TailResponse| match &response.body {
        Some(Body::Events(events)) => events.events.clone(),
        _ => Vec::new(),
    };
    responses.iter().flat_map(of).collect()
}

/// All that a tail delivers up to the head.
pub(crate) async fn to_head(server: &Running, request: TailRequest) -> Vec<TailResponse> {
    collect(server.tail(TailRequest { stop_at_head: true, ..request }).await).await
}

/// The next response that is no heartbeat.
pub(crate) async fn next_body(tail: &mut Streaming<TailResponse>) -> Body {
    loop {
        match next(tail).await.expect("no error").expect("a response").body.expect("a body") {
            Body::Heartbeat(_) => {}
            body => return body,
        }
    }
}

async fn next_events(tail: &mut Streaming<TailResponse>) -> Vec<RecordedEvent> {
    match next_body(tail).await {
        Body::Events(events) => events.events,
        other => panic!("no events: {other:?}"),
    }
}

pub(crate) async fn until_caught_up(tail: &mut Streaming<TailResponse>) -> usize {
    let mut count = 0;
    loop {
        match next_body(tail).await {
            Body::Events(events) => count += events.events.len(),
            Body::CaughtUp(_) => return count,
            other => panic!("{other:?}"),
        }
    }
}

fn sequences(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.sequence).collect()
}

#[tokio::test]
async fn a_tail_goes_from_stored_to_live_without_a_gap() {
    let server = start().await;
    server.plain_table(1).await;
    server.append(&events(0..100)).await;
    let mut tail = server.tail(tail_from(earliest())).await;
    let mut seen = Vec::new();
    for round in 0..20 {
        server.append(&events(100 + round * 10..110 + round * 10)).await;
        while seen.len() < 100 + (usize::try_from(round).expect("small") + 1) * 10 {
            if let Body::Events(more) = next_body(&mut tail).await {
                seen.extend(more.events);
            }
        }
    }
    assert_eq!(sequences(&seen), (1..=300).collect::<Vec<_>>());
    assert_eq!(bytes_of(&seen), events(0..300).iter().map(TestEvent::encode).collect::<Vec<_>>());
}

#[tokio::test]
async fn caught_up_is_said_once_between_stored_and_live() {
    let server = start().await;
    server.plain_table(1).await;
    server.append(&events(0..10)).await;
    let mut tail = server.tail(tail_from(earliest())).await;
    assert_eq!(next_events(&mut tail).await.len(), 10);
    assert!(
        matches!(next_body(&mut tail).await, Body::CaughtUp(up) if up.watermark.expect("one").max_time_unix_nanos == Some(9))
    );
    server.append(&events(10..11)).await;
    assert_eq!(sequences(&next_events(&mut tail).await), [11]);
}

#[tokio::test]
async fn a_tail_from_the_latest_delivers_only_what_comes() {
    let server = start().await;
    server.plain_table(2).await;
    server.append(&events(0..20)).await;
    let mut tail = server.tail(tail_from(latest())).await;
    let first = next(&mut tail).await.expect("no error").expect("a response");
    assert!(matches!(first.body, Some(Body::CaughtUp(_))) && !first.resume_token.is_empty());
    server.append(&events(20..21)).await;
    assert_eq!(next_events(&mut tail).await.len(), 1);
}

#[tokio::test]
async fn every_response_carries_the_token_that_goes_on_after_it() {
    let server = start_with(Limits { response_events_max: 10, ..Limits::default() }).await;
    server.plain_table(3).await;
    server.append(&events(0..200)).await;
    let responses = to_head(&server, tail_from(earliest())).await;
    let all = delivered(&responses);
    assert_eq!(all.len(), 200);
    let mut before = 0;
    for response in &responses {
        before += delivered(std::slice::from_ref(response)).len();
        let rest = to_head(&server, tail_from(Start::ResumeToken(response.resume_token.clone()))).await;
        let mut both: Vec<_> = [&all[..before], &delivered(&rest)].concat();
        both.sort_by_key(|event| (event.shard, event.sequence));
        let mut whole = all.clone();
        whole.sort_by_key(|event| (event.shard, event.sequence));
        assert_eq!(both, whole);
    }
}

#[tokio::test]
async fn catching_up_takes_the_shard_whose_next_events_came_first() {
    let server = start_with(Limits { response_events_max: 1, ..Limits::default() }).await;
    server.plain_table(4).await;
    for event in events(0..60) {
        server.append(&[event]).await;
    }
    let all = delivered(&to_head(&server, tail_from(earliest())).await);
    let commits: Vec<_> = all.iter().map(|event| event.commit_time_unix_nanos).collect();
    assert!(commits.is_sorted() && commits.len() == 60, "{commits:?}");
}

#[tokio::test]
async fn scopes_share_the_events_and_keep_their_order() {
    let server = start().await;
    server.plain_table(3).await;
    server.append(&events(0..140)).await;
    let mut all: BTreeMap<(u32, u64), Bytes> = BTreeMap::new();
    for index in 0..5 {
        let hash_slices = Some(HashSlices { count: 5, indexes: vec![index] });
        let part = delivered(&to_head(&server, TailRequest { hash_slices, ..tail_from(earliest()) }).await);
        all.extend(part.into_iter().map(|event| ((event.shard, event.sequence), event.event)));
    }
    assert_eq!(all.len(), 140);
    let mut by_shard = 0;
    for shard in 0..3 {
        let part = delivered(&to_head(&server, TailRequest { shards: vec![shard], ..tail_from(earliest()) }).await);
        assert!(sequences(&part).is_sorted() && part.iter().all(|event| event.shard == shard));
        by_shard += part.len();
    }
    assert_eq!(by_shard, 140);
    let partition_keys = vec![Bytes::from("key-3"), Bytes::from("key-5"), Bytes::from("key-3")];
    let part = delivered(&to_head(&server, TailRequest { partition_keys, ..tail_from(earliest()) }).await);
    let keys: Vec<_> =
        part.iter().map(|one| Event::decode(one.event.clone()).expect("an event").partition_key).collect();
    assert_eq!(keys.len(), 40);
    assert!(keys.iter().all(|key| key == "key-3" || key == "key-5"));
}

#[tokio::test]
async fn a_live_tail_of_one_partition_gets_that_partition() {
    let server = start().await;
    server.plain_table(2).await;
    let request = TailRequest { partition_keys: vec!["mine".into()], ..tail_from(latest()) };
    let mut tail = server.tail(request).await;
    assert_eq!(until_caught_up(&mut tail).await, 0);
    server.append(&events(0..50)).await;
    server.append(&[TestEvent::new("mine", 1)]).await;
    assert_eq!(bytes_of(&next_events(&mut tail).await), [TestEvent::new("mine", 1).encode()]);
}

#[tokio::test]
async fn positions_and_commit_times_are_starts() {
    let server = start().await;
    server.plain_table(1).await;
    server.append(&events(0..5)).await;
    let commit = server.append(&events(5..8)).await.shards[0].commit_time_unix_nanos;
    let after = async |start| sequences(&delivered(&to_head(&server, tail_from(start)).await));
    let positions = |shard, next_sequence| {
        Start::ShardPositions(ShardPositions { positions: vec![ShardPosition { shard, next_sequence }] })
    };
    assert_eq!(after(positions(0, 7)).await, [7, 8]);
    assert_eq!(after(positions(0, 9)).await, [0_u64; 0]);
    assert_eq!(after(Start::ShardPositions(ShardPositions::default())).await.len(), 8);
    assert_eq!(after(Start::CommitTimeUnixNanos(commit)).await, [6, 7, 8]);
    assert_eq!(after(Start::CommitTimeUnixNanos(i64::MIN)).await.len(), 8);
    assert_eq!(after(Start::CommitTimeUnixNanos(i64::MAX)).await, [0_u64; 0]);
    let refused = async |start, reason, field: &str| {
        assert_field(&server.tail_refused(tail_from(start)).await, reason, field);
    };
    refused(positions(1, 1), Reason::UnknownShard, "shard_positions.positions[0].shard").await;
    refused(positions(0, 0), Reason::InvalidRequest, "shard_positions.positions[0].next_sequence").await;
    refused(positions(0, 10), Reason::TokenAhead, "shard_positions.positions[0].next_sequence").await;
}

#[tokio::test]
async fn a_tail_ends_at_its_end_token() {
    let server = start().await;
    server.plain_table(2).await;
    server.append(&events(0..30)).await;
    let end_token = server.scan(scan_all()).await[0].resume_token.clone();
    server.append(&events(30..60)).await;
    let request = TailRequest { end_token, ..tail_from(earliest()) };
    assert_eq!(delivered(&collect(server.tail(request.clone()).await).await).len(), 30);
    let refused = server.tail_refused(TailRequest { stop_at_head: true, ..request }).await;
    assert_field(&refused, Reason::InvalidRequest, "end_token");
}

#[tokio::test]
async fn a_tail_that_has_nothing_to_say_still_answers() {
    let server = start().await;
    server.plain_table(1).await;
    let responses = to_head(&server, tail_from(earliest())).await;
    assert!(responses.len() == 1 && !responses[0].resume_token.is_empty());
}

#[tokio::test]
async fn columns_are_cut_to_those_asked_for() {
    let server = start().await;
    server.plain_table(1).await;
    server.append(&[TestEvent::new("k", 1).with("a", Cell::Int(1)).with("b", Cell::Int(2))]).await;
    let responses = to_head(&server, TailRequest { columns: vec!["a".into()], ..tail_from(earliest()) }).await;
    let event = Event::decode(delivered(&responses).remove(0).event).expect("an event");
    assert_eq!(event.columns.into_keys().collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn a_slow_reader_falls_behind_and_misses_nothing() {
    let limits = Limits { tail_behind_events: 500, response_events_max: 50, ..Limits::default() };
    let server = start_with(limits).await;
    server.plain_table(1).await;
    let mut tail = server.tail(tail_from(latest())).await;
    assert_eq!(until_caught_up(&mut tail).await, 0);
    let large: Vec<_> =
        (0..60).map(|time| TestEvent::new("k", time).with("c", Cell::Bytes(vec![1; 100_000]))).collect();
    let mut sent = 0;
    for _ in 0..40 {
        sent += server.append(&large).await.shards[0].event_count;
    }
    let (mut seen, mut fell_behind, mut caught_up) = (Vec::new(), 0, 0);
    while (seen.len() as u64) < sent || caught_up == 0 {
        match next_body(&mut tail).await {
            Body::Events(events) => seen.extend(sequences(&events.events)),
            Body::FellBehind(behind) => {
                fell_behind += 1;
                assert!(behind.lag.expect("known").events > 500);
            }
            Body::CaughtUp(_) => caught_up += 1,
            Body::Heartbeat(_) => {}
        }
    }
    assert_eq!(seen, (1..=sent).collect::<Vec<_>>());
    assert!(fell_behind >= 1, "it did not fall behind");
}

#[tokio::test]
async fn tokens_are_bound_to_their_scope_and_table() {
    let server = start().await;
    server.plain_table(2).await;
    server.table(Table { name: "k.other".into(), shard_count: 2, ..Table::default() }).await;
    server.append(&events(0..20)).await;
    let scoped = TailRequest { partition_keys: vec!["key-1".into()], ..tail_from(earliest()) };
    let token = to_head(&server, scoped.clone()).await.pop().expect("a response").resume_token;
    let from = Start::ResumeToken(token.clone());
    assert!(delivered(&to_head(&server, TailRequest { start: Some(from.clone()), ..scoped.clone() }).await).is_empty());
    let changed = [
        tail_from(from.clone()),
        TailRequest { partition_keys: vec!["key-2".into()], ..tail_from(from.clone()) },
        TailRequest { shards: vec![1], start: Some(from.clone()), ..scoped },
        TailRequest { hash_slices: Some(HashSlices { count: 2, indexes: vec![0] }), ..tail_from(from.clone()) },
    ];
    for request in changed {
        let refused = server.tail_refused(request.clone()).await;
        assert_field(&refused, Reason::ScopeChanged, "resume_token");
        to_head(&server, TailRequest { allow_scope_change: true, ..request }).await;
    }
    let other = TailRequest { table: "k.other".into(), ..tail_from(from) };
    assert_field(&server.tail_refused(other).await, Reason::ForeignToken, "resume_token");
    let garbled = tail_from(Start::ResumeToken(token.slice(..token.len() - 1)));
    assert_field(&server.tail_refused(garbled).await, Reason::MalformedToken, "resume_token");
}

#[tokio::test]
async fn what_retention_removed_is_an_error_and_the_earliest_start_is_later() {
    let server = start().await;
    server.plain_table(1).await;
    let token = to_head(&server, tail_from(earliest())).await.pop().expect("a response").resume_token;
    server.append(&events(0..20)).await;
    PlainSubject::default().settle(&server.engine).await;
    server.append(&events(20..30)).await;
    PlainSubject::default().settle(&server.engine).await;
    let retention = Some(Retention { max_bytes: 1, ..Retention::default() });
    let update = UpdateTableRequest { name: "k.t".into(), retention, ..UpdateTableRequest::default() };
    assert_eq!(server.tables().update_table(update).await.expect("an update").into_inner().removed_events, 20);
    let refused = server.tail_refused(tail_from(Start::ResumeToken(token))).await;
    assert_eq!(refused.reason, Reason::EventsRemoved);
    assert!(refused.message.contains("sequence 21"), "{}", refused.message);
    assert_eq!(sequences(&delivered(&to_head(&server, tail_from(earliest())).await)), (21..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_dropped_table_ends_its_tails() {
    let server = start().await;
    server.plain_table(1).await;
    let mut tail = server.tail(tail_from(latest())).await;
    assert_eq!(until_caught_up(&mut tail).await, 0);
    server.tables().drop_table(DropTableRequest { name: "k.t".into() }).await.expect("a drop");
    assert_eq!(fault(next(&mut tail).await.expect_err("gone")).reason, Reason::TableNotFound);
}

#[tokio::test]
async fn requests_that_can_not_be_followed_say_why() {
    let server = start_with(Limits { keys_max: 2, ..Limits::default() }).await;
    server.plain_table(2).await;
    let refused = async |request: TailRequest, reason: Reason, field: &str| {
        assert_field(&server.tail_refused(request).await, reason, field);
    };
    let plain = || tail_from(earliest());
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    refused(TailRequest { start: None, ..plain() }, Reason::InvalidRequest, "start").await;
    let unspecified = Start::Position(StartPosition::Unspecified.into());
    refused(tail_from(unspecified), Reason::InvalidRequest, "position").await;
    refused(TailRequest { shards: vec![2], ..plain() }, Reason::UnknownShard, "shards").await;
    refused(
        TailRequest { partition_keys: vec![Bytes::new()], ..plain() },
        Reason::InvalidPartitionKey,
        "partition_keys[0]",
    )
    .await;
    refused(TailRequest { partition_keys: vec!["k".into(); 3], ..plain() }, Reason::InvalidRequest, "partition_keys")
        .await;
    let no_slice = Some(HashSlices { count: 2, indexes: vec![] });
    refused(TailRequest { hash_slices: no_slice, ..plain() }, Reason::InvalidHashSlices, "hash_slices").await;
    for interval in [seconds(0), seconds(61), seconds(-1)] {
        let request = TailRequest { heartbeat_interval: interval, ..plain() };
        refused(request, Reason::InvalidRequest, "heartbeat_interval").await;
    }
    refused(TailRequest { client_name: "n".repeat(256), ..plain() }, Reason::InvalidRequest, "client_name").await;
    refused(TailRequest { columns: vec!["c".repeat(256)], ..plain() }, Reason::InvalidRequest, "columns[0]").await;
    refused(TailRequest { filter: "true".into(), ..plain() }, Reason::NotSupported, "filter").await;
    refused(
        TailRequest { pace: Some(annals_wire::v1::ReplayPace::default()), ..plain() },
        Reason::NotSupported,
        "pace",
    )
    .await;
    refused(tail_from(Start::Consumer("c".into())), Reason::NotSupported, "consumer").await;
    let member = Some(annals_wire::v1::ConsumerMember::default());
    refused(TailRequest { member, ..plain() }, Reason::NotSupported, "member").await;
    let unknown = TailRequest { table: "k.other".into(), ..plain() };
    assert_eq!(server.tail_refused(unknown).await.reason, Reason::TableNotFound);
}
