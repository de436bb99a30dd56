//! Builds an event by writing its encoded bytes directly; no map of columns is ever made.

use std::collections::HashSet;

use annals_model::limits::{COLUMN_NAME_BYTES_MAX, EVENT_BYTES_MAX, EVENT_COLUMNS_MAX, PARTITION_KEY_BYTES_MAX};
use annals_model::{EventTime, KeyError, PartitionKey};
use uuid::Uuid;

use crate::encoding::cursor::WireType;
use crate::encoding::write::{put_bytes, put_varint, tag, varint_length};
use crate::event::Event;
use crate::value::Value;
use crate::view::{COLUMNS, EventView, ID, KEY, TIME};

/// Up to so many columns, comparing each name with each beats hashing them.
const COMPARED_COLUMNS_MAX: usize = 24;

/// Makes one event. Begin with [`Event::builder`].
#[derive(Clone, Debug)]
pub struct EventBuilder {
    bytes: Vec<u8>,
    time: Option<EventTime>,
    id: Option<Uuid>,
    column_count: usize,
    /// A bit for each name's hash. Only when a bit is met twice do names have to be compared.
    name_bits: u128,
    names_may_repeat: bool,
    mistake: Option<EventError>,
}

/// Why an event can't be built: the server would refuse it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The key is empty or too long.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A column's name is empty or too long.
    #[error("a column's name has {0} bytes; it has 1 to {COLUMN_NAME_BYTES_MAX}")]
    ColumnName(usize),
    /// A column was given twice.
    #[error("column {0:?} is given twice")]
    ColumnTwice(String),
    /// Too many columns.
    #[error("the event has {0} columns; at most {EVENT_COLUMNS_MAX} are stored")]
    TooManyColumns(usize),
    /// Too large.
    #[error("the event has {0} bytes; at most {EVENT_BYTES_MAX} are stored")]
    TooLarge(usize),
}

impl Event {
    /// Begins an event of the partition `key`.
    ///
    /// ```
    /// use annals_event::Event;
    /// use annals_model::EventTime;
    ///
    /// let event = Event::builder("N14228")
    ///     .time(EventTime::from_unix_nanos(1_360_332_000_000_000_000))
    ///     .column("origin", "EWR")
    ///     .column("delay_minutes", 17)
    ///     .column("cancelled", false)
    ///     .build()?;
    /// assert_eq!(event.view()?.get("origin"), Some("EWR".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(key: impl AsRef<[u8]>) -> EventBuilder {
        EventBuilder::new(key.as_ref())
    }
}

impl EventBuilder {
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(128 + key.len().min(PARTITION_KEY_BYTES_MAX));
        let mistake = PartitionKey::check(key).err().map(EventError::Key);
        if mistake.is_none() {
            put_bytes(&mut bytes, field(KEY), key);
        }
        Self { bytes, time: None, id: None, column_count: 0, name_bits: 0, names_may_repeat: false, mistake }
    }

    /// When the event was produced. Left out: the time at which the server takes the request.
    #[must_use]
    pub fn time(mut self, time: EventTime) -> Self {
        self.time = Some(time);
        self
    }

    /// The event's name. Left out: the server makes a `UUIDv7`.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    /// Adds a cell. A column that is not added is null.
    #[must_use]
    pub fn column<'a>(mut self, name: &str, value: impl Into<Value<'a>>) -> Self {
        self.add_column(name, value.into());
        self
    }

    /// Adds a cell, in a loop.
    pub fn add_column(&mut self, name: &str, value: Value<'_>) {
        self.column_count += 1;
        if !(1..=COLUMN_NAME_BYTES_MAX).contains(&name.len()) {
            self.mistake.get_or_insert(EventError::ColumnName(name.len()));
        }
        let value_length = value.encoded_length();
        let too_large = self.bytes.len() + name.len() + value_length;
        if too_large > EVENT_BYTES_MAX {
            self.mistake.get_or_insert(EventError::TooLarge(too_large));
        }
        if self.mistake.is_some() {
            return;
        }
        let bit = name_bit(name);
        self.names_may_repeat |= self.name_bits & bit != 0;
        self.name_bits |= bit;
        let name_length = 1 + varint_length(name.len() as u64) + name.len();
        self.bytes.push(tag(field(COLUMNS), WireType::LengthDelimited));
        let entry_length = name_length + 1 + varint_length(value_length as u64) + value_length;
        put_varint(&mut self.bytes, entry_length as u64);
        put_bytes(&mut self.bytes, 1, name.as_bytes());
        self.bytes.push(tag(2, WireType::LengthDelimited));
        put_varint(&mut self.bytes, value_length as u64);
        value.encode(&mut self.bytes);
    }

    /// The encoded event.
    ///
    /// # Errors
    /// The first mistake made: a key or name of a wrong length, a column given twice, too many columns or bytes.
    pub fn build(mut self) -> Result<Event, EventError> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        if self.column_count > EVENT_COLUMNS_MAX {
            return Err(EventError::TooManyColumns(self.column_count));
        }
        if self.names_may_repeat {
            check_names(&self.bytes, self.column_count)?;
        }
        if let Some(time) = self.time {
            self.bytes.push(tag(field(TIME), WireType::Fixed64));
            self.bytes.extend_from_slice(&time.unix_nanos().to_le_bytes());
        }
        if let Some(id) = self.id {
            put_bytes(&mut self.bytes, field(ID), id.as_bytes());
        }
        if self.bytes.len() > EVENT_BYTES_MAX {
            return Err(EventError::TooLarge(self.bytes.len()));
        }
        Ok(Event::from_encoded(self.bytes))
    }
}

/// Finds a name that is given twice, by walking what has been written.
fn check_names(message: &[u8], column_count: usize) -> Result<(), EventError> {
    let view = EventView::decode(message).expect("the builder wrote these bytes");
    let mut columns = view.columns();
    if column_count > COMPARED_COLUMNS_MAX {
        let mut seen = HashSet::with_capacity(column_count);
        return match columns.find(|(name, _)| !seen.insert(*name)) {
            Some((name, _)) => Err(EventError::ColumnTwice(name.to_owned())),
            None => Ok(()),
        };
    }
    while let Some((name, _)) = columns.next() {
        // The iterator is a cursor: a copy of it walks the columns that come after this one.
        if columns.clone().any(|(other, _)| other == name) {
            return Err(EventError::ColumnTwice(name.to_owned()));
        }
    }
    Ok(())
}

/// One of 128 bits, chosen by an FNV-1a hash of the name.
fn name_bit(name: &str) -> u128 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    1 << (hash >> 57)
}

fn field(number: u32) -> u8 {
    u8::try_from(number).expect("an event's fields are numbered below 16")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_kinds() -> Vec<(&'static str, Value<'static>)> {
        vec![
            ("bool", true.into()),
            ("int", (-5_i64).into()),
            ("double", (-0.0_f64).into()),
            ("text", "Zürich".into()),
            ("bytes", Value::Bytes(&[0, 255])),
            ("time", EventTime::MIN.into()),
            ("uuid", Uuid::from_u128(7).into()),
        ]
    }

    #[test]
    fn a_built_event_gives_back_what_was_put_in() {
        let mut builder = Event::builder("N14228").time(EventTime::from_unix_nanos(-1)).id(Uuid::from_u128(9));
        for (name, value) in all_kinds() {
            builder.add_column(name, value);
        }
        let event = builder.build().expect("a good event");
        let view = event.view().expect("what was built can be read");
        assert_eq!(view.key(), b"N14228");
        assert_eq!(view.time(), Some(EventTime::from_unix_nanos(-1)));
        assert_eq!(view.id(), Some(Uuid::from_u128(9)));
        assert_eq!(view.columns().collect::<Vec<_>>(), all_kinds());
        assert_eq!((view.column_count(), view.get("int"), view.get("none")), (7, Some(Value::Int64(-5)), None));
    }

    #[test]
    fn the_bytes_are_those_that_prost_writes() {
        let event = Event::builder("k").column("a", 1).time(EventTime::from_unix_nanos(2)).build().expect("an event");
        let expected = [10, 1, b'k', 34, 7, 10, 1, b'a', 18, 2, 16, 2, 17, 2, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(event.as_bytes(), &expected[..]);
    }

    #[test]
    fn nan_is_kept_bit_for_bit() {
        let odd_nan = f64::from_bits(0x7ff8_0000_dead_beef);
        let event = Event::builder("k").column("x", odd_nan).build().expect("an event");
        let Some(Value::Double(read)) = event.view().expect("an event").get("x") else { panic!("no double") };
        assert_eq!(read.to_bits(), odd_nan.to_bits());
    }

    #[test]
    fn a_column_given_twice_is_found_among_few_and_many() {
        for count in [1, COMPARED_COLUMNS_MAX, 200] {
            let mut builder = Event::builder("k");
            for index in 0..count {
                builder.add_column(&format!("c{index}"), Value::Int64(1));
            }
            builder.clone().build().expect("all names differ");
            builder.add_column("c0", Value::Bool(true));
            assert_eq!(builder.build(), Err(EventError::ColumnTwice("c0".to_owned())), "{count}");
        }
    }

    #[test]
    fn what_the_server_would_refuse_is_refused_at_once() {
        assert_eq!(Event::builder("").build(), Err(EventError::Key(KeyError::Empty)));
        assert_eq!(Event::builder(vec![0; 65_536]).build(), Err(EventError::Key(KeyError::TooLong(65_536))));
        assert_eq!(Event::builder("k").column("", 1).build(), Err(EventError::ColumnName(0)));
        assert_eq!(Event::builder("k").column(&"n".repeat(256), 1).build(), Err(EventError::ColumnName(256)));
        let mut builder = Event::builder("k");
        (0..=EVENT_COLUMNS_MAX).for_each(|index| builder.add_column(&format!("c{index}"), Value::Int64(0)));
        assert_eq!(builder.build(), Err(EventError::TooManyColumns(1_001)));
        let large = vec![0_u8; EVENT_BYTES_MAX];
        assert!(matches!(Event::builder("k").column("x", &large[..]).build(), Err(EventError::TooLarge(_))));
    }
}
