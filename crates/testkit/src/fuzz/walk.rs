//! The strict walk of an event against prost's decoder: what the walk takes, a parser reads to the same parts.

use std::cell::RefCell;
use std::collections::BTreeMap;

use annals_event::Projection;
use annals_event::walk::{ColumnCheck, EventIds, Refusal, Walked, Walker};
use annals_model::limits::{COLUMN_NAME_BYTES_MAX, EVENT_COLUMNS_MAX, EVENT_ID_BYTES, PARTITION_KEY_BYTES_MAX};
use annals_model::{ColumnType, EventTime};
use annals_wire::v1::value::Kind;
use annals_wire::v1::{Event, Value};
use bytes::Bytes;
use prost::Message;

use super::input::Input;

/// Events of one input: several, since the walker remembers the columns of the one before.
const EVENTS_MAX: usize = 6;

/// The time at which events come that have none.
const NOW: EventTime = EventTime::from_unix_nanos(1_700_000_000_000_000_000);

/// A table that takes all columns but those whose name begins with this.
const REFUSED: u8 = b'!';

/// Walks events, as they are or encoded from values, and changed in a byte.
///
/// # Panics
/// When the walk takes what prost refuses, or reads otherwise; when it refuses an event of the contract; or when what it
/// remembers of the event before makes a difference.
pub fn walk(data: &[u8]) {
    let mut input = Input::new(data);
    let mut walker = Walker::new();
    for _ in 0..EVENTS_MAX {
        match input.byte() % 3 {
            0 => check(&mut walker, input.part()),
            1 => {
                let event = event(&mut input);
                let encoded = event.encode_to_vec();
                let is_taken = walker.walk(&encoded, &mut Asked::default()).is_ok();
                assert_eq!(is_taken, is_of_the_contract(&event), "{event:?}");
                check(&mut walker, &encoded);
            }
            _ => {
                let mut encoded = event(&mut input).encode_to_vec();
                if !encoded.is_empty() {
                    let at = input.below(encoded.len());
                    encoded[at] ^= input.byte();
                }
                check(&mut walker, &encoded);
            }
        }
        if input.is_empty() {
            return;
        }
    }
}

/// Notes what it is asked for.
#[derive(Debug, Default)]
struct Asked(BTreeMap<String, ColumnType>);

impl ColumnCheck for Asked {
    fn check(&mut self, name: &str, column_type: ColumnType) -> Result<(), Refusal> {
        self.0.insert(name.to_owned(), column_type);
        if name.as_bytes()[0] == REFUSED { Err(Refusal::Undeclared(name.to_owned())) } else { Ok(()) }
    }
}

fn check(walker: &mut Walker, encoded: &[u8]) {
    let walked = walker.walk(encoded, &mut Asked::default());
    let mut asked = Asked::default();
    let afresh = Walker::new().walk(encoded, &mut asked);
    assert_eq!(walked, afresh, "what the walker remembers makes no difference");
    if let Ok(walked) = walked {
        check_taken(encoded, &walked, &asked);
    }
}

fn check_taken(encoded: &[u8], walked: &Walked, asked: &Asked) {
    let event = Event::decode(encoded).expect("prost reads what the walk takes");
    assert!(is_of_the_contract(&event), "the walk takes only {event:?}s of the contract");
    assert_eq!(event.partition_key, encoded[walked.key.clone()], "the key");
    assert_eq!(event.time_unix_nanos, walked.time.map(EventTime::unix_nanos), "the time");
    assert_eq!(!event.event_id.is_empty(), walked.has_id, "whether there is an id");
    let columns = event.columns.iter().map(|(name, value)| (name.clone(), type_of(value)));
    assert_eq!(columns.collect::<BTreeMap<_, _>>(), asked.0, "the columns that the table was asked for");
    let again = Walker::new().walk(&event.encode_to_vec(), &mut Asked::default());
    assert!(again.is_ok(), "what prost encodes of it is taken: {again:?}");
    check_completed(encoded, walked, &event);
    check_projected(encoded, &event);
}

/// What was left out is appended, and nothing else changes.
fn check_completed(encoded: &[u8], walked: &Walked, event: &Event) {
    thread_local! {
        static IDS: RefCell<EventIds> = RefCell::new(EventIds::new());
    }
    let (time, suffix) = IDS.with_borrow_mut(|ids| walked.complete(NOW, ids));
    let whole = [encoded, suffix.as_bytes()].concat();
    let completed = Walker::new().walk(&whole, &mut Asked::default()).expect("a completed event is an event");
    assert_eq!(completed, Walked { key: walked.key.clone(), time: Some(time), has_id: true });
    let decoded = Event::decode(&whole[..]).expect("prost reads a completed event");
    let event_id = if walked.has_id { event.event_id.clone() } else { decoded.event_id.clone() };
    let expected = Event { time_unix_nanos: Some(time.unix_nanos()), event_id, ..event.clone() };
    // Compared as bytes, since a NaN does not equal itself.
    assert_eq!(decoded.encode_to_vec(), expected.encode_to_vec(), "completed with what was left out");
}

/// Every second column, and one that is not there.
fn check_projected(encoded: &[u8], event: &Event) {
    let wanted: Vec<&str> = event.columns.keys().step_by(2).map(String::as_str).chain(["not there"]).collect();
    let projection = Projection::new(wanted.iter().copied()).expect("at least one name");
    let projected = projection.project(&Bytes::copy_from_slice(encoded)).expect("an event that the walk took");
    let mut expected = event.clone();
    expected.columns.retain(|name, _| wanted.contains(&name.as_str()));
    let decoded = Event::decode(projected).expect("prost reads a projected event");
    assert_eq!(decoded.encode_to_vec(), expected.encode_to_vec(), "projected to {wanted:?}");
}

fn type_of(value: &Value) -> ColumnType {
    match value.kind.as_ref().expect("the walk takes no value without a kind") {
        Kind::BoolValue(_) => ColumnType::Bool,
        Kind::IntValue(_) => ColumnType::Int64,
        Kind::DoubleValue(_) => ColumnType::Double,
        Kind::StringValue(_) => ColumnType::String,
        Kind::BytesValue(_) => ColumnType::Bytes,
        Kind::TimestampUnixNanos(_) => ColumnType::Timestamp,
        Kind::UuidValue(_) => ColumnType::Uuid,
    }
}

/// Whether the comments of the contract let a client send the event, and the table takes its columns.
fn is_of_the_contract(event: &Event) -> bool {
    let is_column = |(name, value): (&String, &Value)| {
        let is_value = match &value.kind {
            None => false,
            Some(Kind::UuidValue(uuid)) => uuid.len() == 16,
            Some(_) => true,
        };
        is_value && (1..=COLUMN_NAME_BYTES_MAX).contains(&name.len()) && name.as_bytes()[0] != REFUSED
    };
    (1..=PARTITION_KEY_BYTES_MAX).contains(&event.partition_key.len())
        && [0, EVENT_ID_BYTES].contains(&event.event_id.len())
        && event.columns.len() <= EVENT_COLUMNS_MAX
        && event.columns.iter().all(is_column)
}

/// An event of any parts, most of them as they should be.
fn event(input: &mut Input<'_>) -> Event {
    let choices = input.byte();
    let id_bytes = if choices & 0x30 == 0x30 { usize::from(input.byte() % 24) } else { EVENT_ID_BYTES };
    let columns = usize::from(input.byte() % 20);
    Event {
        partition_key: Bytes::copy_from_slice(piece(input)),
        time_unix_nanos: (choices & 1 == 1).then(|| input.number().cast_signed()),
        event_id: if choices & 2 == 2 { Bytes::copy_from_slice(input.piece(id_bytes)) } else { Bytes::new() },
        columns: (0..columns).map(|_| (name(input), Value { kind: kind(input) })).collect(),
    }
}

/// Few bytes as a rule.
fn piece<'a>(input: &mut Input<'a>) -> &'a [u8] {
    match input.byte() {
        255 => input.part(),
        length => input.piece((length % 24).into()),
    }
}

/// One of few names as a rule, so that events have the columns of the one before.
fn name(input: &mut Input<'_>) -> String {
    match input.byte() {
        255 => String::from_utf8_lossy(piece(input)).into_owned(),
        254 => "n".repeat(input.below(COLUMN_NAME_BYTES_MAX + 3)),
        letter => format!("column-{}", letter % 12),
    }
}

fn kind(input: &mut Input<'_>) -> Option<Kind> {
    Some(match input.byte() % 16 {
        0..3 => Kind::BoolValue(input.is_set()),
        3..6 => Kind::IntValue(input.number().cast_signed()),
        6 | 7 => Kind::DoubleValue(f64::from_bits(input.number())),
        8 | 9 => Kind::StringValue(String::from_utf8_lossy(piece(input)).into_owned()),
        10 | 11 => Kind::BytesValue(Bytes::copy_from_slice(piece(input))),
        12 | 13 => Kind::TimestampUnixNanos(input.number().cast_signed()),
        14 => Kind::UuidValue(Bytes::copy_from_slice(&input.array::<16>())),
        _ if input.is_set() => Kind::UuidValue(Bytes::copy_from_slice(piece(input))),
        _ => return None,
    })
}
