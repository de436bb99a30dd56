//! `Append`: what goes in comes back bit for bit, and nothing of a refused request is stored or learned.

use annals_model::Reason;
use annals_testkit::event::{Cell, TestEvent};
use annals_wire::opaque;
use annals_wire::v1::{self, Event};
use bytes::Bytes;
use prost::Message;

use crate::harness::*;

#[tokio::test]
async fn events_come_back_bit_for_bit_with_their_places() {
    let server = start().await;
    server.plain_table(1).await;
    // Fields in an order that no encoder of ours would choose.
    let odd = [&b"\x22\x0b\x12\x02\x08\x01\x0a\x05alpha"[..], &TestEvent::new("k", 7).encode()].concat();
    let answer = server.events().append(raw_request([odd.clone()])).await.expect("an append").into_inner();
    let [shard] = &answer.shards[..] else { panic!("one shard: {answer:?}") };
    assert_eq!((shard.shard, shard.first_sequence, shard.event_count), (0, 1, 1));
    let stored = events_of(&server.scan(scan_all()).await);
    assert_eq!(stored[0].event, odd);
    assert_eq!((stored[0].sequence, stored[0].commit_time_unix_nanos), (1, shard.commit_time_unix_nanos));
}

#[tokio::test]
async fn a_time_and_an_id_that_were_left_out_are_appended() {
    let server = start().await;
    server.plain_table(1).await;
    let bare = Event { partition_key: "k".into(), ..Event::default() }.encode_to_vec();
    server.events().append(raw_request([bare.clone()])).await.expect("an append");
    let stored = events_of(&server.scan(scan_all()).await).remove(0).event;
    assert!(stored.starts_with(&bare));
    let event = Event::decode(stored).expect("an event");
    assert_eq!(event.event_id.len(), 16);
    assert!(event.time_unix_nanos.expect("a time") > 1_600_000_000_000_000_000);
}

#[tokio::test]
async fn each_shard_numbers_its_events_in_the_order_of_the_request() {
    let server = start().await;
    server.plain_table(4).await;
    let events: Vec<_> = (0..100).map(|time| TestEvent::new(format!("key-{}", time % 10), time)).collect();
    let answer = server.append(&events).await;
    assert_eq!(answer.shards.iter().map(|shard| shard.event_count).sum::<u64>(), 100);
    let stored = events_of(&server.scan(scan_all()).await);
    for shard in &answer.shards {
        let mut of_shard: Vec<_> = stored.iter().filter(|event| event.shard == shard.shard).collect();
        of_shard.sort_by_key(|event| event.sequence);
        let bytes: Vec<Bytes> = of_shard.iter().map(|event| event.event.clone()).collect();
        let sent: Vec<Bytes> =
            events.iter().map(|event| event.encode().into()).filter(|event| bytes.contains(event)).collect();
        assert_eq!(bytes, sent);
        assert_eq!(of_shard.len() as u64, shard.event_count);
    }
}

#[tokio::test]
async fn an_explicit_shard_is_asked_for_where_it_is_and_only_there() {
    let server = start().await;
    server.plain_table(2).await;
    let explicit = v1::Table {
        name: "k.e".into(),
        shard_count: 2,
        sharding: v1::Sharding::Explicit.into(),
        ..v1::Table::default()
    };
    server.table(explicit).await;
    let events = request(&[TestEvent::new("k", 1)]);
    let to = |table: &str, shard| opaque::AppendRequest { table: table.into(), shard, ..events.clone() };
    let answer = server.events().append(to("k.e", Some(1))).await.expect("an append").into_inner();
    assert_eq!(answer.shards[0].shard, 1);
    assert_field(&server.append_refused(to("k.e", None)).await, Reason::ShardMissing, "shard");
    assert_field(&server.append_refused(to("k.e", Some(2))).await, Reason::UnknownShard, "shard");
    assert_field(&server.append_refused(to("k.t", Some(0))).await, Reason::ShardNotAllowed, "shard");
}

#[tokio::test]
async fn a_refused_event_is_named_by_its_index_and_nothing_is_stored_or_learned() {
    let server = start().await;
    server.plain_table(1).await;
    let good = TestEvent::new("k", 1).with("new", Cell::Int(1)).encode();
    let cases: [(Vec<u8>, Reason, &str); 5] = [
        (vec![], Reason::InvalidEvent, "events[1].partition_key"),
        (b"\x0a\x00".to_vec(), Reason::InvalidEvent, "events[1].partition_key"),
        (b"\x0a\x01k\x1a\x02id".to_vec(), Reason::InvalidEvent, "events[1].event_id"),
        (b"\x0a\x01k\x28\x01".to_vec(), Reason::InvalidEvent, "events[1]"),
        (
            TestEvent::new("k", 2).with("new", Cell::Bool(true)).encode(),
            Reason::ColumnTypeMismatch,
            "events[1].columns[\"new\"]",
        ),
    ];
    for (bad, reason, field) in cases {
        assert_field(&server.append_refused(raw_request([good.clone(), bad])).await, reason, field);
    }
    assert_eq!(server.count().await, 0);
    let table = server.tables().get_table(v1::GetTableRequest { name: "k.t".into() }).await.expect("a table");
    assert!(table.into_inner().table.expect("described").columns.is_empty(), "a column was learned");
}

#[tokio::test]
async fn many_refused_events_are_counted_and_sixteen_are_listed() {
    let server = start().await;
    server.plain_table(1).await;
    let fault = server.append_refused(raw_request(vec![b"\x0a\x00".to_vec(); 40])).await;
    assert_eq!((fault.violations.len(), fault.violations_total), (16, 40));
}

#[tokio::test]
async fn a_mistyped_column_names_the_event_that_set_its_type() {
    let server = start().await;
    server.plain_table(1).await;
    server.append(&[TestEvent::new("k", 1), TestEvent::new("k", 2).with("speed", Cell::Double(1.5))]).await;
    let fault = server.append_refused(request(&[TestEvent::new("k", 3).with("speed", Cell::Int(1))])).await;
    assert_field(&fault, Reason::ColumnTypeMismatch, "events[0].columns[\"speed\"]");
    assert!(fault.message.contains("sequence 2 of shard 0"), "{}", fault.message);
}

#[tokio::test]
async fn a_strict_table_takes_declared_columns_only() {
    let server = start().await;
    let columns = vec![v1::Column { name: "known".into(), r#type: v1::ColumnType::Int64.into() }];
    let strict =
        v1::Table { name: "k.t".into(), schema_mode: v1::SchemaMode::Strict.into(), columns, ..v1::Table::default() };
    server.table(strict).await;
    server.append(&[TestEvent::new("k", 1).with("known", Cell::Int(1))]).await;
    let fault = server.append_refused(request(&[TestEvent::new("k", 2).with("other", Cell::Int(1))])).await;
    assert_field(&fault, Reason::UnknownColumn, "events[0].columns[\"other\"]");
}

#[tokio::test]
async fn requests_that_can_not_be_appended_say_why() {
    let server = start().await;
    server.plain_table(1).await;
    let event = [TestEvent::new("k", 1)];
    let named = |table: &str| opaque::AppendRequest { table: table.into(), ..request(&event) };
    assert_eq!(server.append_refused(named("k.other")).await.reason, Reason::TableNotFound);
    assert_field(&server.append_refused(named("nodot")).await, Reason::InvalidTableName, "table");
    assert_field(&server.append_refused(request(&[])).await, Reason::NoEvents, "events");
    let many = raw_request(vec![b"\x0a\x01k".to_vec(); 100_001]);
    assert_field(&server.append_refused(many).await, Reason::TooManyEvents, "events");
    let large = TestEvent::new("k", 1).with("c", Cell::Bytes(vec![0; 3 * 1024 * 1024])).encode();
    assert_field(&server.append_refused(raw_request([large])).await, Reason::EventTooLarge, "events[0]");
    let two = TestEvent::new("k", 1).with("c", Cell::Bytes(vec![0; 2 * 1024 * 1024])).encode();
    let fault = server.append_refused(raw_request(vec![two; 8])).await;
    assert_eq!(fault.reason, Reason::RequestTooLarge);
    assert_eq!(server.count().await, 0);
}

#[tokio::test]
async fn the_largest_request_is_taken() {
    let server = start().await;
    server.plain_table(1).await;
    let one = TestEvent::new("k", 1).with("c", Cell::Bytes(vec![7; 2 * 1024 * 1024 - 200])).encode();
    let request = raw_request(vec![one; 8]);
    assert!(request.encoded_len() > 16 * 1024 * 1024 - 2000 && request.encoded_len() <= 16 * 1024 * 1024);
    server.events().append(request).await.expect("an append");
    assert_eq!(server.count().await, 8);
}

#[tokio::test]
async fn what_is_not_built_is_refused_by_name() {
    let server = start().await;
    server.plain_table(1).await;
    let plain = request(&[TestEvent::new("k", 1)]);
    let conditions = opaque::AppendRequest { conditions: vec![v1::AppendCondition::default()], ..plain.clone() };
    assert_field(&server.append_refused(conditions).await, Reason::NotSupported, "conditions");
    let producer = opaque::AppendRequest { producer: Some(v1::ProducerStamp::default()), ..plain.clone() };
    assert_field(&server.append_refused(producer).await, Reason::NotSupported, "producer");
    let checkpoints = opaque::AppendRequest { checkpoints: vec![v1::Checkpoint::default()], ..plain.clone() };
    assert_field(&server.append_refused(checkpoints).await, Reason::NotSupported, "checkpoints");
    let query_conditions =
        opaque::AppendRequest { query_conditions: vec![v1::QueryCondition::default()], ..plain.clone() };
    assert_field(&server.append_refused(query_conditions).await, Reason::NotSupported, "query_conditions");
    let watermark = opaque::AppendRequest { watermark_unix_nanos: Some(1), ..plain };
    assert_field(&server.append_refused(watermark).await, Reason::NotSupported, "watermark_unix_nanos");
    let opened = server.events().open_producer(v1::OpenProducerRequest::default()).await.expect_err("not built");
    assert_eq!(fault(opened).reason, Reason::NotSupported);
}

#[tokio::test]
async fn the_answers_token_covers_the_append() {
    let server = start().await;
    server.plain_table(1).await;
    server.append(&[TestEvent::new("k", 1)]).await;
    let token = server.append(&[TestEvent::new("k", 2)]).await.resume_token;
    server.append(&[TestEvent::new("k", 3)]).await;
    let as_of = v1::ScanRequest { as_of: token.clone(), ..scan_all() };
    assert_eq!(events_of(&server.scan(as_of).await).len(), 2);
    let mut after = tail_from(v1::tail_request::Start::ResumeToken(token));
    after.stop_at_head = true;
    let responses = collect(server.tail(after).await).await;
    let Some(opaque::tail_response::Body::Events(events)) = &responses[0].body else { panic!("{responses:?}") };
    assert_eq!(bytes_of(&events.events), [TestEvent::new("k", 3).encode()]);
}
