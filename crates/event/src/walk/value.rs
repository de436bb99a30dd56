//! One cell: a map entry's value, exactly one kind of it.

use std::ops::Range;

use annals_model::ColumnType;

use super::refusal::Refusal;
use super::tag::expect;
use crate::encoding::cursor::{Broken, Cursor, WireType};

const UUID_BYTES: usize = 16;

/// What is wrong with a value; its column's name is added by the caller, who knows it.
#[derive(Debug)]
pub(super) enum ValueRefusal {
    Encoding(Refusal),
    KindMissing,
    BoolValue,
    TextNotText,
    UuidLength(usize),
}

impl From<Refusal> for ValueRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Encoding(refusal)
    }
}

impl From<Broken> for ValueRefusal {
    #[cold]
    fn from(broken: Broken) -> Self {
        Self::Encoding(broken.into())
    }
}

impl ValueRefusal {
    /// The refusal of the event, with the column's name in it.
    pub(super) fn of_column(self, name: String) -> Refusal {
        match self {
            Self::Encoding(refusal) => refusal,
            Self::KindMissing => Refusal::KindMissing(name),
            Self::BoolValue => Refusal::BoolValue(name),
            Self::TextNotText => Refusal::TextNotText(name),
            Self::UuidLength(length) => Refusal::UuidLength { name, length },
        }
    }
}

/// Checks the value at `range` of `event` and tells its type.
#[inline]
pub(super) fn walk_value(event: &[u8], range: Range<usize>) -> Result<ColumnType, ValueRefusal> {
    let mut cursor = Cursor::over(event, range);
    if cursor.is_at_end() {
        return Err(ValueRefusal::KindMissing);
    }
    let column_type = walk_kind(event, &mut cursor)?;
    if cursor.is_at_end() {
        return Ok(column_type);
    }
    walk_kind(event, &mut cursor)?;
    Err(Refusal::GivenTwice { field: "Value.kind" }.into())
}

#[inline]
fn walk_kind(event: &[u8], cursor: &mut Cursor<'_>) -> Result<ColumnType, ValueRefusal> {
    let tag = cursor.tag()?;
    match tag.field {
        1 => {
            expect(tag, WireType::Varint, "Value.bool_value")?;
            if cursor.varint64()? > 1 { Err(ValueRefusal::BoolValue) } else { Ok(ColumnType::Bool) }
        }
        2 => {
            expect(tag, WireType::Varint, "Value.int_value")?;
            cursor.varint64()?;
            Ok(ColumnType::Int64)
        }
        3 => {
            expect(tag, WireType::Fixed64, "Value.double_value")?;
            cursor.fixed64()?;
            Ok(ColumnType::Double)
        }
        4 => {
            expect(tag, WireType::LengthDelimited, "Value.string_value")?;
            let text = &event[cursor.length_delimited()?];
            if str::from_utf8(text).is_ok() { Ok(ColumnType::String) } else { Err(ValueRefusal::TextNotText) }
        }
        5 => {
            expect(tag, WireType::LengthDelimited, "Value.bytes_value")?;
            cursor.length_delimited()?;
            Ok(ColumnType::Bytes)
        }
        6 => {
            expect(tag, WireType::Fixed64, "Value.timestamp_unix_nanos")?;
            cursor.fixed64()?;
            Ok(ColumnType::Timestamp)
        }
        7 => {
            expect(tag, WireType::LengthDelimited, "Value.uuid_value")?;
            let length = cursor.length_delimited()?.len();
            if length == UUID_BYTES { Ok(ColumnType::Uuid) } else { Err(ValueRefusal::UuidLength(length)) }
        }
        field => Err(Refusal::UnknownField { message: "Value", field }.into()),
    }
}
