//! `AppendSession`: one answer for each request, in order, pipelined and bounded.

use std::sync::Arc;

use annals_embedded::EmbeddedEngine;
use annals_model::{Reason, ResumeToken, Shard};
use annals_server::Limits;
use annals_testkit::event::{Cell, TestEvent};
use annals_wire::fault::{from_rpc_status, from_status};
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::{AppendRequest, AppendSessionRequest, RecordedEvent};
use annals_wire::v1::append_session_response::Result as Outcome;
use annals_wire::v1::table_service_client::TableServiceClient;
use annals_wire::v1::{CreateTableRequest, ShardAppend, Table};
use futures_util::stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::harness::*;

fn message(append: AppendRequest) -> AppendSessionRequest {
    AppendSessionRequest { append: Some(append) }
}

/// The first sequence of an append, or the reason of a refusal.
fn outcome(result: Option<Outcome>) -> Result<u64, Reason> {
    match result.expect("an outcome") {
        Outcome::Appended(appended) => Ok(appended.shards[0].first_sequence),
        Outcome::Error(status) => Err(from_status(&from_rpc_status(&status)).expect("a fault").reason),
    }
}

#[tokio::test]
async fn every_request_is_answered_once_and_in_order_refused_ones_among_them() {
    let server = start().await;
    server.plain_table(1).await;
    let requests: Vec<_> = (0..200)
        .map(|index| match index % 10 {
            3 => raw_request([b"\x0a\x00".to_vec()]),
            7 => AppendRequest { table: "k.other".into(), ..request(&[TestEvent::new("k", index)]) },
            _ => request(&[TestEvent::new("k", index)]),
        })
        .map(message)
        .collect();
    let answers = server.events().append_session(stream::iter(requests)).await.expect("a session").into_inner();
    let outcomes: Vec<_> = collect(answers).await.into_iter().map(|answer| outcome(answer.result)).collect();
    let mut sequence = 0;
    for (index, outcome) in outcomes.iter().enumerate() {
        let expected = match index % 10 {
            3 => Err(Reason::InvalidEvent),
            7 => Err(Reason::TableNotFound),
            _ => {
                sequence += 1;
                Ok(sequence)
            }
        };
        assert_eq!(*outcome, expected, "request {index}");
    }
    assert_eq!((outcomes.len(), server.count().await), (200, 160));
}

#[tokio::test]
async fn answers_keep_their_order_while_many_requests_wait_for_the_disk() {
    let directory = tempfile::tempdir().expect("a folder");
    let options = annals_embedded::Options::in_directory(directory.path().join("store"));
    let engine = Arc::new(EmbeddedEngine::open(options).expect("a store"));
    let channel = serve(Arc::clone(&engine)).await;
    let table = Table { name: "k.t".into(), ..Table::default() };
    let made = CreateTableRequest { table: Some(table), if_not_exists: false };
    TableServiceClient::new(channel.clone()).create_table(made).await.expect("a table");
    // Refused requests are decided at once, while those before them wait for a sync.
    let requests: Vec<_> = (0..300)
        .map(|index| if index % 3 == 1 { raw_request([vec![]]) } else { request(&[TestEvent::new("k", index)]) })
        .map(message)
        .collect();
    let session = EventServiceClient::new(channel).append_session(stream::iter(requests)).await;
    let answers = collect(session.expect("a session").into_inner()).await;
    let outcomes: Vec<_> = answers.into_iter().map(|answer| outcome(answer.result)).collect();
    let mut sequences = 1..;
    let expected: Vec<_> = (0..300)
        .map(|index| if index % 3 == 1 { Err(Reason::InvalidEvent) } else { Ok(sequences.next().expect("endless")) })
        .collect();
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn sessions_keep_their_order_while_the_store_is_overloaded() {
    let directory = tempfile::tempdir().expect("a folder");
    let mut options = annals_embedded::Options::in_directory(directory.path().join("store"));
    // Room for three appends of four sessions that have many more under way.
    (options.admission_table_bytes_max, options.admission_wait_max) = (6 * 1024, PATIENCE);
    let engine = Arc::new(EmbeddedEngine::open(options).expect("a store"));
    let channel = serve(Arc::clone(&engine)).await;
    let table = Table { name: "k.t".into(), ..Table::default() };
    let made = CreateTableRequest { table: Some(table), if_not_exists: false };
    TableServiceClient::new(channel.clone()).create_table(made).await.expect("a table");
    let sessions = (0..4).map(|_| async {
        let requests = (0..200).map(|index| message(request(&[TestEvent::new("k", index)])));
        let session = EventServiceClient::new(channel.clone()).append_session(stream::iter(requests)).await;
        let answers = collect(session.expect("a session").into_inner()).await;
        let sequences: Vec<_> = answers.into_iter().map(|answer| outcome(answer.result).expect("stored")).collect();
        assert_eq!(sequences.len(), 200);
        assert!(sequences.is_sorted(), "{sequences:?}");
    });
    futures_util::future::join_all(sessions).await;
}

#[tokio::test]
async fn an_answer_comes_while_the_session_stays_open() {
    let server = start().await;
    server.plain_table(1).await;
    let (sender, receiver) = mpsc::channel(4);
    let session = server.events().append_session(ReceiverStream::new(receiver)).await;
    let mut answers = session.expect("a session").into_inner();
    for index in 1..4 {
        sender.send(message(request(&[TestEvent::new("k", index)]))).await.expect("open");
        let answer = next(&mut answers).await.expect("no error").expect("an answer");
        assert_eq!(outcome(answer.result), Ok(index.cast_unsigned()));
    }
    drop(sender);
    assert!(next(&mut answers).await.expect("no error").is_none());
}

#[tokio::test]
async fn a_session_with_little_room_still_answers_everything() {
    let server = start_with(Limits { session_requests_max: 1, session_bytes_max: 1, ..Limits::default() }).await;
    server.plain_table(1).await;
    let requests: Vec<_> = (0..100).map(|index| message(request(&[TestEvent::new("k", index)]))).collect();
    let answers = server.events().append_session(stream::iter(requests)).await.expect("a session").into_inner();
    assert_eq!(collect(answers).await.len(), 100);
}

#[tokio::test]
async fn a_request_that_is_too_large_ends_the_session_after_the_answers_before_it() {
    let server = start().await;
    server.plain_table(1).await;
    let large = TestEvent::new("k", 2).with("c", Cell::Bytes(vec![0; 3 * 1024 * 1024 - 100])).encode();
    let requests = vec![
        message(request(&[TestEvent::new("k", 1)])),
        message(raw_request(vec![large; 6])),
        message(request(&[TestEvent::new("k", 3)])),
    ];
    let session = server.events().append_session(stream::iter(requests)).await;
    let mut answers = session.expect("a session").into_inner();
    let first = next(&mut answers).await.expect("an answer").expect("an answer");
    assert_eq!(outcome(first.result), Ok(1));
    assert_eq!(fault(next(&mut answers).await.expect_err("too large")).reason, Reason::RequestTooLarge);
    assert_eq!(server.count().await, 1);
}

#[tokio::test]
async fn a_message_without_an_append_is_an_append_without_a_table() {
    let server = start().await;
    let empty = stream::iter([AppendSessionRequest { append: None }]);
    let answers = server.events().append_session(empty).await.expect("a session").into_inner();
    let [answer] = &collect(answers).await[..] else { panic!("one answer") };
    assert_eq!(outcome(answer.result.clone()), Err(Reason::InvalidTableName));
}

#[tokio::test]
async fn each_request_of_many_is_told_where_its_own_events_went() {
    let server = start().await;
    server.plain_table(4).await;
    let sent: Vec<Vec<_>> = (0..150)
        .map(|index| (0..=index % 3).map(|nth| TestEvent::new(format!("k{}", index * 7 + nth), index)).collect())
        .collect();
    let requests: Vec<_> = sent.iter().map(|events| message(request(events))).collect();
    let session = server.events().append_session(stream::iter(requests)).await;
    let answers = collect(session.expect("a session").into_inner()).await;
    let stored = events_of(&server.scan(scan_all()).await);
    for (events, answer) in sent.iter().zip(answers) {
        let Some(Outcome::Appended(answer)) = answer.result else { panic!("refused: {answer:?}") };
        let token = ResumeToken::decode(&answer.resume_token).expect("a token");
        let holds = |shard: &ShardAppend, event: &RecordedEvent| {
            let sequences = shard.first_sequence..shard.first_sequence + shard.event_count;
            shard.shard == event.shard && sequences.contains(&event.sequence)
        };
        let in_answer = |event: &&RecordedEvent| answer.shards.iter().any(|shard| holds(shard, event));
        let mut told: Vec<_> = stored.iter().filter(in_answer).map(|event| event.event.to_vec()).collect();
        let mut expected: Vec<_> = events.iter().map(TestEvent::encode).collect();
        told.sort();
        expected.sort();
        assert_eq!(told, expected);
        for shard in &answer.shards {
            let covered = token.moment.of(Shard::new(shard.shard)).get();
            assert_eq!(covered, shard.first_sequence + shard.event_count - 1);
        }
    }
}

#[tokio::test]
async fn requests_that_bring_columns_are_accepted_or_refused_one_by_one() {
    let server = start().await;
    server.plain_table(1).await;
    let with = |index: i64, cell: Cell| message(request(&[TestEvent::new("k", index).with("c", cell)]));
    let plain = |index: i64| message(request(&[TestEvent::new("k", index)]));
    let requests = vec![
        plain(1),
        with(2, Cell::Int(5)),
        with(3, Cell::Text("of another type".into())),
        plain(4),
        with(5, Cell::Int(6)),
        message(raw_request([TestEvent::new("k", 6).with("d", Cell::Int(7)).encode(), vec![]])),
        with(7, Cell::Int(8)),
        message(request(&[TestEvent::new("k", 8).with("d", Cell::Bool(true))])),
    ];
    let session = server.events().append_session(stream::iter(requests)).await;
    let answers = collect(session.expect("a session").into_inner()).await;
    let outcomes: Vec<_> = answers.into_iter().map(|answer| outcome(answer.result)).collect();
    let [mistyped, invalid] = [Err(Reason::ColumnTypeMismatch), Err(Reason::InvalidEvent)];
    // The refused request has taught nothing, so that its column may get another type after it.
    assert_eq!(outcomes, [Ok(1), Ok(2), mistyped, Ok(3), Ok(4), invalid, Ok(5), Ok(6)]);
}
