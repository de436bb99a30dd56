//! Runs the corpus of encoded events through the server's walk and through a full decoder. Promises that each case is
//! taken or refused as the corpus says, for the reason it says, and that what is taken decodes to what it says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use annals_event::walk::{ColumnCheck, Refusal, Walker};
use annals_model::ColumnType;
use annals_wire::v1::value::Kind;
use annals_wire::v1::{Event, Value as Cell};
use prost::Message;
use serde_json::Value as Json;

struct AnyColumn;

impl ColumnCheck for AnyColumn {
    fn check(&mut self, _: &str, _: ColumnType) -> Result<(), Refusal> {
        Ok(())
    }
}

fn cases() -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/walk/cases.ndjson");
    let text = fs::read_to_string(path).expect("the corpus");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

fn text<'a>(of: &'a Json, member: &str) -> &'a str {
    of[member].as_str().unwrap_or_else(|| panic!("{member} is text in {of}"))
}

/// Hexadecimal tokens; `7a*300` repeats a byte.
fn bytes(written: &str) -> Vec<u8> {
    let mut all = Vec::new();
    for token in written.split_whitespace() {
        let (digits, count) = token.split_once('*').unwrap_or((token, "1"));
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("two hexadecimal digits");
        let once: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        all.extend(once.repeat(count.parse().expect("a count")));
    }
    all
}

fn number(written: &Json) -> i64 {
    written.as_str().expect("a decimal string").parse().expect("an i64")
}

fn cell(written: &Json) -> Cell {
    let (column_type, value) = written.as_object().and_then(|one| one.iter().next()).expect("one type");
    let value_text = value.as_str().unwrap_or_default();
    let kind = match column_type.as_str() {
        "bool" => Kind::BoolValue(value.as_bool().expect("true or false")),
        "int64" => Kind::IntValue(number(value)),
        "double" => Kind::DoubleValue(f64::from_bits(u64::from_str_radix(value_text, 16).expect("bits"))),
        "string" => Kind::StringValue(value_text.to_owned()),
        "bytes" => Kind::BytesValue(bytes(value_text).into()),
        "timestamp" => Kind::TimestampUnixNanos(number(value)),
        "uuid" => Kind::UuidValue(bytes(value_text).into()),
        other => panic!("the type {other} of the corpus"),
    };
    Cell { kind: Some(kind) }
}

fn event(written: &Json) -> Event {
    let columns = written["columns"].as_object().expect("columns");
    Event {
        partition_key: bytes(text(written, "partition_key")).into(),
        time_unix_nanos: (!written["time_unix_nanos"].is_null()).then(|| number(&written["time_unix_nanos"])),
        event_id: bytes(written["event_id"].as_str().unwrap_or_default()).into(),
        columns: columns.iter().map(|(name, value)| (name.clone(), cell(value))).collect::<BTreeMap<_, _>>(),
    }
}

/// Doubles by their bits, so that NaN equals itself.
fn comparable(mut event: Event) -> (Event, Vec<u64>) {
    let mut bits = Vec::new();
    for value in event.columns.values_mut() {
        if let Some(Kind::DoubleValue(double)) = &mut value.kind {
            bits.push(double.to_bits());
            *double = 0.0;
        }
    }
    (event, bits)
}

#[test]
fn every_case_is_taken_or_refused_as_the_corpus_says() {
    let cases = cases();
    assert!(cases.len() >= 100, "the corpus has {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let outcome = Walker::new().walk(&bytes(text(case, "bytes")), &mut AnyColumn);
        let found = outcome.as_ref().map_or_else(Refusal::name, |_| "ACCEPTED");
        if found != text(case, "expect") {
            wrong.push(format!(
                "{}: expected {}, found {found} ({outcome:?})",
                text(case, "name"),
                text(case, "expect")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_taken_decodes_to_what_the_corpus_says() {
    for case in cases().iter().filter(|case| case["expect"] == "ACCEPTED") {
        let encoded = bytes(text(case, "bytes"));
        let decoded = Event::decode(&encoded[..]).unwrap_or_else(|error| panic!("{}: {error}", case["name"]));
        assert_eq!(comparable(decoded), comparable(event(&case["event"])), "{}", case["name"]);
        let walked = Walker::new().walk(&encoded, &mut AnyColumn).unwrap_or_else(|_| panic!("{}", case["name"]));
        let expected = event(&case["event"]);
        assert_eq!(&encoded[walked.key], &expected.partition_key[..], "{}", case["name"]);
        assert_eq!(walked.time.map(annals_model::EventTime::unix_nanos), expected.time_unix_nanos, "{}", case["name"]);
        assert_eq!(walked.has_id, !expected.event_id.is_empty(), "{}", case["name"]);
    }
}

#[test]
fn every_refusal_of_the_encoding_has_a_case() {
    let cases = cases();
    let covered = |name: &str| cases.iter().any(|case| case["expect"] == name);
    let encoding = [
        "EVENT_TOO_LARGE",
        "TRUNCATED",
        "TAG_TOO_LONG",
        "LENGTH_TOO_LONG",
        "VARINT_TOO_LONG",
        "GROUP",
        "RESERVED_WIRE_TYPE",
        "WIRE_TYPE",
        "UNKNOWN_FIELD",
        "GIVEN_TWICE",
        "KEY_MISSING",
        "KEY_EMPTY",
        "KEY_TOO_LONG",
        "ID_EMPTY",
        "ID_LENGTH",
        "TOO_MANY_COLUMNS",
        "NAME_MISSING",
        "NAME_LENGTH",
        "NAME_NOT_TEXT",
        "VALUE_MISSING",
        "KIND_MISSING",
        "DUPLICATE_COLUMN",
        "BOOL_VALUE",
        "TEXT_NOT_TEXT",
        "UUID_LENGTH",
    ];
    let bare: Vec<_> = encoding.into_iter().filter(|name| !covered(name)).collect();
    assert!(bare.is_empty(), "no case is refused as {bare:?}");
}
