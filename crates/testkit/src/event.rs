//! Events for tests, and an encoder of their own.
//!
//! The bytes are those of `annals.v1.Event`, written here by hand: a test that encoded with the code it tests would
//! agree with its mistakes.

use std::ops::Range;

use annals_model::{BatchBuilder, Column, ColumnType, EventBatch, EventTime};

/// One typed cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// `bool_value`.
    Bool(bool),
    /// `int_value`.
    Int(i64),
    /// `double_value`.
    Double(f64),
    /// `string_value`.
    Text(String),
    /// `bytes_value`.
    Bytes(Vec<u8>),
    /// `timestamp_unix_nanos`.
    Timestamp(i64),
    /// `uuid_value`.
    Uuid([u8; 16]),
}

/// An event before it is encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct TestEvent {
    /// The partition key.
    pub key: Vec<u8>,
    /// The event time, in nanoseconds since the Unix epoch.
    pub time: i64,
    /// The event's id.
    pub id: [u8; 16],
    /// The cells, by column name.
    pub cells: Vec<(String, Cell)>,
}

impl Cell {
    /// The column type that the cell has.
    pub fn column_type(&self) -> ColumnType {
        match self {
            Self::Bool(_) => ColumnType::Bool,
            Self::Int(_) => ColumnType::Int64,
            Self::Double(_) => ColumnType::Double,
            Self::Text(_) => ColumnType::String,
            Self::Bytes(_) => ColumnType::Bytes,
            Self::Timestamp(_) => ColumnType::Timestamp,
            Self::Uuid(_) => ColumnType::Uuid,
        }
    }

    /// The encoded `annals.v1.Value`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Bool(value) => {
                put_tag(&mut out, 1, 0);
                out.push(u8::from(*value));
            }
            Self::Int(value) => {
                put_tag(&mut out, 2, 0);
                put_varint(&mut out, ((value << 1) ^ (value >> 63)).cast_unsigned());
            }
            Self::Double(value) => {
                put_tag(&mut out, 3, 1);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Self::Text(value) => put_bytes(&mut out, 4, value.as_bytes()),
            Self::Bytes(value) => put_bytes(&mut out, 5, value),
            Self::Timestamp(value) => {
                put_tag(&mut out, 6, 1);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Self::Uuid(value) => put_bytes(&mut out, 7, value),
        }
        out
    }
}

impl TestEvent {
    /// An event without cells. Its id is made of its time.
    pub fn new(key: impl Into<Vec<u8>>, time: i64) -> Self {
        let mut id = [7; 16];
        id[..8].copy_from_slice(&time.to_be_bytes());
        Self { key: key.into(), time, id, cells: Vec::new() }
    }

    /// The same event with one cell more.
    #[must_use]
    pub fn with(mut self, column: &str, cell: Cell) -> Self {
        self.cells.push((column.to_owned(), cell));
        self
    }

    /// The encoded `annals.v1.Event`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, 1, &self.key);
        put_tag(&mut out, 2, 1);
        out.extend_from_slice(&self.time.to_le_bytes());
        put_bytes(&mut out, 3, &self.id);
        for (name, cell) in &self.cells {
            let mut entry = Vec::new();
            put_bytes(&mut entry, 1, name.as_bytes());
            put_bytes(&mut entry, 2, &cell.encode());
            put_bytes(&mut out, 4, &entry);
        }
        out
    }

    /// Where the key lies in the encoded event.
    pub fn key_range(&self) -> Range<usize> {
        let mut before = Vec::new();
        put_tag(&mut before, 1, 2);
        put_varint(&mut before, self.key.len() as u64);
        before.len()..before.len() + self.key.len()
    }

    /// The columns of the event, with the types of its cells.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.cells.iter().map(|(name, cell)| Column { name: name.clone(), column_type: cell.column_type() })
    }
}

/// Packs events into a batch, in their order.
pub fn batch_of<'e>(events: impl IntoIterator<Item = &'e TestEvent>) -> EventBatch {
    let mut builder = BatchBuilder::default();
    for event in events {
        builder.push(&[&event.encode()], event.key_range(), EventTime::from_unix_nanos(event.time));
    }
    builder.finish()
}

/// Bytes as hex digits, to compare them by eye.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Appends the tag of a field.
pub fn put_tag(out: &mut Vec<u8>, field: u32, wire_type: u8) {
    put_varint(out, u64::from(field << 3) | u64::from(wire_type));
}

/// Appends a varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends a length-delimited field.
pub fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    put_tag(out, field, 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_found_in_the_encoded_event() {
        for length in [1, 127, 128, 65_535] {
            let event = TestEvent::new(vec![b'k'; length], -1).with("a", Cell::Int(-3));
            assert_eq!(event.encode()[event.key_range()], event.key);
        }
    }
}
