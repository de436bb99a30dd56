//! What is wrong with an event. A bad event stands between good ones, so that its index says something.

use annals_testkit::event::{Cell, TestEvent, put_bytes, put_tag, put_varint};
use annals_wire::v1::{Column, ColumnType, CreateTableRequest, SchemaMode, Table};
use bytes::Bytes;
use tonic::Code;

use crate::harness::{Bench, assert_event_refused, assert_refused, good};

const BAD_INDEX: usize = 2;

/// A good event, then the bytes `after` behind it.
fn with(after: &[u8]) -> Bytes {
    let mut bytes = good().encode();
    bytes.extend_from_slice(after);
    bytes.into()
}

/// Two good events, of which one would teach a column, the bad one, and another good one.
fn among_good_ones(bad: Bytes) -> Vec<Bytes> {
    let teaching = good().with("never_stored", Cell::Int(1)).encode();
    vec![good().encode().into(), teaching.into(), bad, good().encode().into()]
}

async fn assert_each_refused(cases: Vec<(&str, Bytes)>, reason: &str) {
    let bench = Bench::start().await;
    for (name, bad) in cases {
        eprintln!("{name}");
        let answer = bench.append_bytes(among_good_ones(bad)).await;
        assert_event_refused(answer, Code::InvalidArgument, reason, BAD_INDEX);
    }
    bench.assert_untouched().await;
    bench.stop().await;
}

#[tokio::test]
async fn a_key_or_an_id_of_a_wrong_length_is_refused_with_its_index() {
    let mut short_id = TestEvent::new("k", 1).encode();
    let id = short_id.len() - 18;
    short_id.truncate(id);
    put_bytes(&mut short_id, 3, &[1; 15]);
    let cases = vec![
        ("no key", Bytes::new()),
        ("an empty key", TestEvent::new("", 1).encode().into()),
        ("a key of 65,536 bytes", TestEvent::new(vec![b'k'; 65_536], 1).encode().into()),
        ("an id of 15 bytes", short_id.into()),
    ];
    assert_each_refused(cases, "INVALID_EVENT").await;
}

#[tokio::test]
async fn what_parsers_could_read_differently_is_refused_with_its_index() {
    let entry = |parts: &[(u32, &[u8])]| {
        let mut entry = Vec::new();
        for (field, bytes) in parts {
            put_bytes(&mut entry, *field, bytes);
        }
        let mut out = Vec::new();
        put_bytes(&mut out, 4, &entry);
        out
    };
    let one = Cell::Double(1.0).encode();
    let mut unknown = Vec::new();
    put_bytes(&mut unknown, 9, b"stranger");
    let mut wrong_wire_type = Vec::new();
    put_tag(&mut wrong_wire_type, 2, 0);
    put_varint(&mut wrong_wire_type, 7);
    let mut second_key = Vec::new();
    put_bytes(&mut second_key, 1, b"other");
    let long_name = [b'n'; 256];
    let cases = vec![
        ("an unknown field", with(&unknown)),
        ("a wrong wire type", with(&wrong_wire_type)),
        ("a group", with(&[0x0b, 0x0c])),
        ("a second key", with(&second_key)),
        ("bytes cut short", with(&[0x22, 0x7f, 0x0a])),
        ("two columns of one name", with(&entry(&[(1, b"speed"), (2, &one)]))),
        ("a column without a name", with(&entry(&[(2, &one)]))),
        ("a column with an empty name", with(&entry(&[(1, b""), (2, &one)]))),
        ("a name of 256 bytes", with(&entry(&[(1, &long_name), (2, &one)]))),
        ("a name that is not UTF-8", with(&entry(&[(1, &[0xff]), (2, &one)]))),
        ("a column without a value", with(&entry(&[(1, b"empty")]))),
        ("a value without a kind", with(&entry(&[(1, b"empty"), (2, b"")]))),
        ("text that is not UTF-8", with(&entry(&[(1, b"text"), (2, &[0x22, 1, 0xff])]))),
        ("a bool of 2", with(&entry(&[(1, b"bool"), (2, &[0x08, 2])]))),
        ("a uuid of 3 bytes", with(&entry(&[(1, b"uuid"), (2, &[0x3a, 3, 1, 2, 3])]))),
        ("a tag of 6 bytes", with(&[0x8a, 0x80, 0x80, 0x80, 0x80, 0x00, 0x01, b'k'])),
    ];
    assert_each_refused(cases, "INVALID_EVENT").await;
}

#[tokio::test]
async fn more_than_a_thousand_columns_are_refused_with_the_events_index() {
    let mut wide = TestEvent::new("k", 1);
    for number in 0..1_001 {
        wide = wide.with(&format!("column-{number}"), Cell::Bool(true));
    }
    assert_each_refused(vec![("1,001 columns", wide.encode().into())], "INVALID_EVENT").await;
}

#[tokio::test]
async fn an_event_over_three_mebibytes_is_refused_with_its_index() {
    let large = TestEvent::new("k", 1).with("payload", Cell::Bytes(vec![0; 3 * 1024 * 1024]));
    assert_each_refused(vec![("3 MiB and some", large.encode().into())], "EVENT_TOO_LARGE").await;
}

#[tokio::test]
async fn a_mistyped_column_is_refused_and_the_sequence_that_set_it_named() {
    let bench = Bench::start().await;
    let mistyped = good().with("never_stored", Cell::Int(1));
    let text = TestEvent::new("k", 1).with("speed", Cell::Text("fast".to_owned()));
    let answer = bench.append(&[good(), mistyped, text]).await;
    let message = answer.as_ref().expect_err("speed is double").message().to_owned();
    assert_event_refused(answer, Code::InvalidArgument, "COLUMN_TYPE_MISMATCH", 2);
    for part in ["speed", "double", "string", "sequence 1"] {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
    bench.assert_untouched().await;
    bench.stop().await;
}

#[tokio::test]
async fn two_types_for_a_new_column_in_one_request_are_refused() {
    let bench = Bench::start().await;
    let (number, text) = (Cell::Int(1), Cell::Text("one".to_owned()));
    let events = [good().with("both", number), good(), good().with("both", text)];
    assert_event_refused(bench.append(&events).await, Code::InvalidArgument, "COLUMN_TYPE_MISMATCH", 2);
    bench.assert_untouched().await;
    bench.stop().await;
}

#[tokio::test]
async fn a_strict_table_refuses_an_undeclared_column_with_the_events_index() {
    let bench = Bench::start().await;
    let speed = Column { name: "speed".to_owned(), r#type: ColumnType::Double.into() };
    let table = Table {
        name: "errors.strict".to_owned(),
        columns: vec![speed],
        schema_mode: SchemaMode::Strict.into(),
        ..Table::default()
    };
    let create = CreateTableRequest { table: Some(table), if_not_exists: false };
    bench.tables().create_table(create).await.expect("a table");
    let mut request = annals_testkit::calls::append_request("errors.strict", &[good(), good().with("x", Cell::Int(1))]);
    let answer = bench.append_request(request.clone()).await;
    assert_event_refused(answer, Code::InvalidArgument, "UNKNOWN_COLUMN", 1);
    request.events.truncate(1);
    bench.append_request(request).await.expect("declared columns only");
    bench.stop().await;
}

#[tokio::test]
async fn at_most_sixteen_violations_are_listed_and_all_are_counted() {
    let bench = Bench::start().await;
    let answer = bench.append_bytes(vec![Bytes::new(); 40]).await;
    let total = annals_wire::fault::from_status(answer.as_ref().expect_err("no keys")).expect("a fault");
    assert_eq!(total.violations_total, 40);
    assert_eq!(assert_refused(answer, Code::InvalidArgument, "INVALID_EVENT").len(), 16);
    bench.assert_untouched().await;
    bench.stop().await;
}

#[tokio::test]
async fn a_refused_request_of_a_session_is_answered_in_band_and_the_session_goes_on() {
    use annals_wire::opaque::AppendSessionRequest;
    use annals_wire::v1::append_session_response::Result as Answer;

    let bench = Bench::start().await;
    let request = |events: Vec<Bytes>| AppendSessionRequest {
        append: Some(annals_wire::opaque::AppendRequest {
            table: crate::harness::TABLE.to_owned(),
            events,
            ..Default::default()
        }),
    };
    let good_bytes: Bytes = good().encode().into();
    let requests = vec![
        request(vec![good_bytes.clone()]),
        request(vec![good_bytes.clone(), Bytes::new()]),
        request(vec![good_bytes]),
    ];
    let session = bench.events().append_session(futures_util::stream::iter(requests)).await;
    let mut answers = session.expect("a session").into_inner();
    let mut results = Vec::new();
    while let Some(answer) = answers.message().await.expect("the session goes on") {
        results.push(answer.result.expect("a result"));
    }
    let [Answer::Appended(first), Answer::Error(error), Answer::Appended(third)] = &results[..] else {
        panic!("one answer for each request: {results:?}");
    };
    assert_eq!((first.shards[0].first_sequence, third.shards[0].first_sequence), (2, 3));
    let status = annals_wire::fault::from_rpc_status(error);
    assert_event_refused(Err::<(), _>(status), Code::InvalidArgument, "INVALID_EVENT", 1);
    bench.stop().await;
}
