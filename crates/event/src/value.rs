//! One typed cell.

use std::fmt;

use annals_model::{ColumnType, EventTime};
use uuid::Uuid;

use crate::decode_error::DecodeError;
use crate::encoding::cursor::WireType;
use crate::encoding::fields::{Field, FieldValue, Fields};
use crate::encoding::write::{put_bytes, put_varint, tag, unzigzag, varint_length, zigzag};

/// One typed cell of an event. Text and bytes are borrowed: from the caller when an event is built, from the event's
/// own bytes when it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// A signed 64-bit integer.
    Int64(i64),
    /// A double; NaN and -0.0 are kept bit for bit.
    Double(f64),
    /// Text.
    String(&'a str),
    /// Any bytes.
    Bytes(&'a [u8]),
    /// A point in time.
    Timestamp(EventTime),
    /// A UUID.
    Uuid(Uuid),
}

const BOOL: u8 = 1;
const INT: u8 = 2;
const DOUBLE: u8 = 3;
const STRING: u8 = 4;
const BYTES: u8 = 5;
const TIMESTAMP: u8 = 6;
const UUID: u8 = 7;

impl<'a> Value<'a> {
    /// The type of column that holds such cells.
    pub fn column_type(&self) -> ColumnType {
        match self {
            Self::Bool(_) => ColumnType::Bool,
            Self::Int64(_) => ColumnType::Int64,
            Self::Double(_) => ColumnType::Double,
            Self::String(_) => ColumnType::String,
            Self::Bytes(_) => ColumnType::Bytes,
            Self::Timestamp(_) => ColumnType::Timestamp,
            Self::Uuid(_) => ColumnType::Uuid,
        }
    }

    /// The cell as a number, if it is an integer or a double; integers past 2^53 are rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            #[expect(clippy::cast_precision_loss, reason = "said in the method's promise")]
            Self::Int64(value) => Some(value as f64),
            Self::Double(value) => Some(value),
            _ => None,
        }
    }

    /// The cell's text, if it is text.
    pub fn as_str(&self) -> Option<&'a str> {
        match *self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Bytes of the encoded `annals.v1.Value`.
    pub(crate) fn encoded_length(&self) -> usize {
        match self {
            Self::Bool(_) => 2,
            Self::Int64(value) => 1 + varint_length(zigzag(*value)),
            Self::Double(_) | Self::Timestamp(_) => 9,
            Self::String(text) => delimited_length(text.len()),
            Self::Bytes(bytes) => delimited_length(bytes.len()),
            Self::Uuid(_) => delimited_length(16),
        }
    }

    /// Appends the encoded `annals.v1.Value`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bool(value) => out.extend_from_slice(&[tag(BOOL, WireType::Varint), u8::from(*value)]),
            Self::Int64(value) => {
                out.push(tag(INT, WireType::Varint));
                put_varint(out, zigzag(*value));
            }
            Self::Double(value) => {
                out.push(tag(DOUBLE, WireType::Fixed64));
                out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Self::String(text) => put_bytes(out, STRING, text.as_bytes()),
            Self::Bytes(bytes) => put_bytes(out, BYTES, bytes),
            Self::Timestamp(time) => {
                out.push(tag(TIMESTAMP, WireType::Fixed64));
                out.extend_from_slice(&time.unix_nanos().to_le_bytes());
            }
            Self::Uuid(uuid) => put_bytes(out, UUID, uuid.as_bytes()),
        }
    }

    /// Reads an encoded `annals.v1.Value`.
    pub(crate) fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(message);
        let mut value = None;
        while let Some(field) = fields.next()? {
            value = Self::of_field(field)?.or(value);
        }
        value.ok_or(DecodeError::new("a cell has no value that this version knows"))
    }

    fn of_field(field: Field<'a>) -> Result<Option<Self>, DecodeError> {
        let mistyped = DecodeError::new("a cell's value is laid out as another type");
        let number = u8::try_from(field.number).unwrap_or(u8::MAX);
        Ok(Some(match (number, field.value) {
            (BOOL, FieldValue::Varint(value)) => Self::Bool(value != 0),
            (INT, FieldValue::Varint(value)) => Self::Int64(unzigzag(value)),
            (DOUBLE, FieldValue::Fixed64(bytes)) => Self::Double(f64::from_bits(u64::from_le_bytes(bytes))),
            (STRING, FieldValue::Bytes(bytes)) => {
                Self::String(std::str::from_utf8(bytes).map_err(|_| DecodeError::new("a text is not UTF-8"))?)
            }
            (BYTES, FieldValue::Bytes(bytes)) => Self::Bytes(bytes),
            (TIMESTAMP, FieldValue::Fixed64(bytes)) => {
                Self::Timestamp(EventTime::from_unix_nanos(i64::from_le_bytes(bytes)))
            }
            (UUID, FieldValue::Bytes(bytes)) => {
                Self::Uuid(Uuid::from_slice(bytes).map_err(|_| DecodeError::new("a UUID has not 16 bytes"))?)
            }
            (BOOL..=UUID, _) => return Err(mistyped),
            _ => return Ok(None),
        }))
    }
}

const fn delimited_length(length: usize) -> usize {
    1 + varint_length(length as u64) + length
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int64(value) => value.fmt(f),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::String(text) => f.write_str(text),
            Self::Bytes(bytes) => bytes.escape_ascii().fmt(f),
            Self::Timestamp(time) => time.fmt(f),
            Self::Uuid(uuid) => uuid.fmt(f),
        }
    }
}

macro_rules! value_from {
    ($($source:ty => $kind:ident),* $(,)?) => {
        $(impl<'a> From<$source> for Value<'a> {
            fn from(value: $source) -> Self {
                Self::$kind(value.into())
            }
        })*
    };
}

value_from! {
    bool => Bool,
    i64 => Int64,
    i32 => Int64,
    u32 => Int64,
    f64 => Double,
    f32 => Double,
    &'a str => String,
    &'a [u8] => Bytes,
    EventTime => Timestamp,
    Uuid => Uuid,
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::String(text)
    }
}
