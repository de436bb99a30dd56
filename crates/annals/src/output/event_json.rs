//! Events as JSON objects, both ways.
//!
//! `{"key", "time", "id", "shard", "sequence", "commit_time", "columns": {…}}`. In `columns`, true and false, text and
//! numbers stand for themselves: a number with a point or exponent is a double, any other an integer. What JSON has no
//! form for is an object with one member: `{"timestamp": "…"}`, `{"uuid": "…"}`, `{"bytes": "<base64>"}`, and
//! `{"double": "NaN"}` or an infinity. So what `scan` writes can be appended again and gives the same cells, bit for bit.

use annals_client::{ColumnType, Event, EventTime, RecordedEvent, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::cell::bytes_from_text;
use super::key::{key_from_text, key_to_text};
use crate::double::{double_from_text, double_to_text};
use crate::json_members::Members;
use crate::time_argument::{TimeArgument, TimeArgumentError};

/// A stored event that serializes as its JSON object, straight from its bytes.
pub(crate) struct EventJson<'a>(pub(crate) &'a RecordedEvent);

impl Serialize for EventJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.0.view().map_err(S::Error::custom)?;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", &key_to_text(view.key()))?;
        map.serialize_entry("time", &view.time().map(|time| time.to_string()))?;
        map.serialize_entry("id", &view.id().map(|id| id.to_string()))?;
        map.serialize_entry("shard", &self.0.shard.get())?;
        map.serialize_entry("sequence", &self.0.sequence.get())?;
        map.serialize_entry("commit_time", &self.0.commit_time.to_string())?;
        if self.0.late {
            map.serialize_entry("late", &true)?;
        }
        map.serialize_entry("columns", &ColumnsJson(view))?;
        map.end()
    }
}

struct ColumnsJson<'a>(annals_client::EventView<'a>);

impl Serialize for ColumnsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.columns().map(|(name, value)| (name, CellJson(value))))
    }
}

struct CellJson<'a>(Value<'a>);

impl Serialize for CellJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Bool(value) => serializer.serialize_bool(value),
            Value::Int64(value) => serializer.serialize_i64(value),
            Value::Double(value) if value.is_finite() => serializer.serialize_f64(value),
            Value::Double(value) => tagged("double", &double_to_text(value)).serialize(serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => tagged("bytes", &STANDARD.encode(bytes)).serialize(serializer),
            Value::Timestamp(time) => tagged("timestamp", &time.to_string()).serialize(serializer),
            Value::Uuid(uuid) => tagged("uuid", &uuid.to_string()).serialize(serializer),
        }
    }
}

fn tagged(tag: &str, text: &str) -> Json {
    Json::Object(Map::from_iter([(tag.to_owned(), Json::String(text.to_owned()))]))
}

/// The members that make an event.
const PRODUCERS: [&str; 4] = ["key", "time", "id", "columns"];
/// The members that only the store can say; `scan` writes them, and they are no part of a new event.
const STORES: [&str; 4] = ["shard", "sequence", "commit_time", "late"];

/// Builds an event from the text of its JSON object. `column_type` tells the type that the table has given a column, if
/// it has: an integer then becomes a double, and a text a time, a UUID or bytes, where the column asks for it. Relative
/// times count from `now`.
///
/// # Errors
/// A sentence that names the member at fault: also one that is given twice, and a number that its column can't hold.
pub(crate) fn event_from_json(
    json: &str,
    now: EventTime,
    column_type: impl Fn(&str) -> Option<ColumnType>,
) -> Result<Event, String> {
    if !json.starts_with('{') {
        return Err("an event is a JSON object with \"key\" and \"columns\"".to_owned());
    }
    let object = read_json::<Members>(json)?;
    if let Some(name) = object.repeated() {
        return Err(format!("{name:?} is given twice"));
    }
    let is_known = |name: &str| PRODUCERS.contains(&name) || STORES.contains(&name);
    if let Some((name, _)) = object.0.iter().find(|(name, _)| !is_known(name)) {
        return Err(format!("{name:?} is no part of an event; data goes into \"columns\""));
    }
    let key = text_member(&object, "key")?.ok_or("\"key\" is missing: the partition that the event belongs to")?;
    let mut builder = Event::builder(key_from_text(&key).map_err(|error| format!("\"key\": {error}"))?);
    if let Some(time) = text_member(&object, "time")? {
        builder = builder.time(time.parse::<TimeArgument>().map_err(|error| format!("\"time\": {error}"))?.at(now));
    }
    if let Some(id) = text_member(&object, "id")? {
        builder = builder.id(id.parse().map_err(|error| format!("\"id\" is not a UUID: {error}"))?);
    }
    let columns = match object.get("columns") {
        None | Some("null") => Members(Vec::new()),
        Some(columns) if columns.starts_with('{') => read_json(columns)?,
        Some(_) => return Err("\"columns\" is not an object of names and values".to_owned()),
    };
    if let Some(name) = columns.repeated() {
        return Err(format!("column {name:?} is given twice"));
    }
    for (name, cell) in &columns.0 {
        with_cell(cell, column_type(name), |value| builder.add_column(name, value))
            .map_err(|error| format!("column {name:?}: {error}"))?;
    }
    builder.build().map_err(|error| error.to_string())
}

fn read_json<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

fn text_member(object: &Members, name: &str) -> Result<Option<String>, String> {
    match object.get(name) {
        None | Some("null") => Ok(None),
        Some(text) if text.starts_with('"') => read_json(text).map_err(|error| format!("{name:?}: {error}")).map(Some),
        Some(_) => Err(format!("{name:?} is not a text in quotes")),
    }
}

/// Hands the cell to `put`; null is a column that the event does not have.
fn with_cell(cell: &str, column_type: Option<ColumnType>, put: impl FnOnce(Value<'_>)) -> Result<(), String> {
    match cell.as_bytes().first() {
        Some(b'n') => {}
        Some(b't' | b'f') => put(Value::Bool(cell == "true")),
        Some(b'"') => {
            let text: String = read_json(cell)?;
            match column_type {
                Some(tag @ (ColumnType::Timestamp | ColumnType::Uuid | ColumnType::Bytes)) => {
                    with_tagged(&tag.to_string(), &text, put)?;
                }
                _ => put(Value::String(&text)),
            }
        }
        Some(b'{') => match read_json::<Members>(cell)?.0.as_slice() {
            [(tag, text)] if text.starts_with('"') => with_tagged(tag, &read_json::<String>(text)?, put)?,
            [(tag, _), (again, _), ..] if tag == again => return Err(format!("member {tag:?} is given twice")),
            _ => {
                return Err(
                    "an object is {\"timestamp\" | \"uuid\" | \"bytes\" | \"double\" | \"int64\": \"…\"}".to_owned()
                );
            }
        },
        Some(b'[') => return Err("an array can't be stored in one cell; give each value a column".to_owned()),
        _ => put(number_cell(cell, column_type)?),
    }
    Ok(())
}

/// The cell of a JSON number, out of the digits as they are written.
fn number_cell(number: &str, column_type: Option<ColumnType>) -> Result<Value<'static>, String> {
    // An integer has no -0; only a double keeps the sign.
    let is_whole = number != "-0" && !number.contains(['.', 'e', 'E']);
    if is_whole && column_type != Some(ColumnType::Double) {
        let whole = number.parse().map_err(|_| format!("{number} does not fit a signed 64-bit integer"))?;
        return Ok(Value::Int64(whole));
    }
    double_from_text(number).map(Value::Double).map_err(|error| format!("{number} {error}"))
}

fn with_tagged(tag: &str, text: &str, put: impl FnOnce(Value<'_>)) -> Result<(), String> {
    match tag {
        "timestamp" => match text.parse() {
            Ok(TimeArgument::Absolute(nanos)) => put(Value::Timestamp(EventTime::from_unix_nanos(nanos))),
            Err(error @ (TimeArgumentError::OutOfRange | TimeArgumentError::Inexact(_))) => {
                return Err(format!("{text:?}: {error}"));
            }
            // A stored cell must not depend on when the command ran, so a relative time is refused here.
            Ok(TimeArgument::FromNow(_)) | Err(TimeArgumentError::Unreadable) => {
                return Err(format!("{text:?} is not a time like 2013-02-08T14:00:00Z"));
            }
        },
        "uuid" => put(Value::Uuid(text.parse::<Uuid>().map_err(|error| format!("{text:?} is not a UUID: {error}"))?)),
        "bytes" => {
            let bytes = bytes_from_text(text).map_err(|error| format!("{text:?} is not base64: {error}"))?;
            put(Value::Bytes(&bytes));
        }
        "double" => put(Value::Double(double_from_text(text).map_err(|error| format!("{text:?} {error}"))?)),
        "int64" => put(Value::Int64(text.parse().map_err(|_| format!("{text:?} is not a 64-bit integer"))?)),
        _ => return Err(format!("{tag:?} is not a type; timestamp, uuid, bytes, double and int64 are written so")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use annals_client::{CommitTime, Sequence, Shard};

    use super::*;

    fn recorded(event: Event) -> RecordedEvent {
        RecordedEvent {
            event,
            shard: Shard::ZERO,
            sequence: Sequence::FIRST,
            commit_time: CommitTime::from_unix_nanos(0),
            late: false,
        }
    }

    fn from_text(text: &str) -> Result<Event, String> {
        event_from_json(text, EventTime::from_unix_nanos(0), |_| None)
    }

    #[test]
    fn an_event_of_every_type_comes_back_from_its_json() {
        let event = Event::builder([0, 1, 255])
            .column("bool", true)
            .column("int", i64::MIN)
            .column("whole", 3.0)
            .column("double", 901.971_145_749_404_3)
            .column("small", -1.957_737_303_117_278_6e-264)
            .column("zero", -0.0)
            .column("odd", f64::from_bits(0xfff8_0000_dead_beef))
            .column("none", "")
            .column("nothing", &[][..])
            .column("nan", f64::NEG_INFINITY)
            .column("text", "a \"b\"\n")
            .column("bytes", &[0_u8, 255][..])
            .column("at", EventTime::from_unix_nanos(1_360_332_000_123_456_789))
            .column("uuid", Uuid::from_u128(5))
            .time(EventTime::from_unix_nanos(-1))
            .id(Uuid::from_u128(6))
            .build()
            .expect("an event");
        let text = serde_json::to_string(&EventJson(&recorded(event.clone()))).expect("JSON");
        assert_eq!(from_text(&text), Ok(event), "{text}");
    }

    #[test]
    fn a_column_of_the_table_decides_what_a_number_or_text_means() {
        let json = r#"{"key": "k", "columns": {"delay": 3, "seen": "2013-02-08", "n": null}}"#;
        let types = |name: &str| match name {
            "delay" => Some(ColumnType::Double),
            "seen" => Some(ColumnType::Timestamp),
            _ => None,
        };
        let event = event_from_json(json, EventTime::from_unix_nanos(0), types).expect("an event");
        let view = event.view().expect("an event");
        assert_eq!(view.get("delay"), Some(Value::Double(3.0)));
        assert!(matches!(view.get("seen"), Some(Value::Timestamp(_))));
        assert_eq!(view.column_count(), 2);
    }

    #[test]
    fn a_mistake_is_named() {
        for (text, expected) in [
            ("[]", "JSON object"),
            ("{}", "\"key\" is missing"),
            (r#"{"key": 1}"#, "\"key\" is not a text"),
            (r#"{"key": "k", "origin": "EWR"}"#, "\"origin\" is no part"),
            (r#"{"key": "k", "time": "soon"}"#, "\"time\""),
            (r#"{"key": "k", "columns": {"a": [1]}}"#, "column \"a\": an array"),
            (r#"{"key": "k", "columns": {"a": 18446744073709551615}}"#, "64-bit"),
            (r#"{"key": "k", "columns": {"a": {"timestamp": "-2h"}}}"#, "is not a time"),
            (r#"{"key": "k", "key": "l"}"#, "\"key\" is given twice"),
            (r#"{"key": "k", "time": null, "time": "now"}"#, "\"time\" is given twice"),
            (r#"{"key": "k", "columns": {"a": 1, "b": 1, "a": 2}}"#, "column \"a\" is given twice"),
            (
                r#"{"key": "k", "columns": {"a": {"bytes": "", "bytes": ""}}}"#,
                "column \"a\": member \"bytes\" is given twice",
            ),
            (r#"{"key": "k", "columns": {"a": 1e400}}"#, "column \"a\": 1e400 is more than a double can hold"),
            (r#"{"key": "k", "columns": {"a": {"double": "-1e400"}}}"#, "more than a double can hold"),
            (r#"{"key": "k", "columns": {"a": 1e-400}}"#, "closer to 0 than a double can be"),
            (r#"{"key": "k", "columns": {"a": 9007199254740993.0}}"#, "more than a double can hold exactly"),
            (r#"{"key": "k", "columns": {"a": "\ud800"}}"#, "column \"a\""),
            (r#"{"key": "k", "time": "2013-02-08T14:00:00.1234567891Z"}"#, "nine decimals"),
            (r#"{"key": "k", "columns": {"a": {"timestamp": "2013-02-08T14:00:60Z"}}}"#, "leap second"),
        ] {
            let error = from_text(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
