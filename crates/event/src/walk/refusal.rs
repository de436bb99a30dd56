//! Why an event is refused: every way in which its bytes, or its columns, can be wrong.

use annals_model::limits::{
    COLUMN_NAME_BYTES_MAX, EVENT_BYTES_MAX, EVENT_COLUMNS_MAX, EVENT_ID_BYTES, PARTITION_KEY_BYTES_MAX,
};
use annals_model::{ColumnConflict, ColumnType};

use crate::encoding::cursor::Broken;

/// How much of a column's name a message shows: a status travels in headers, which clients limit to 8 KiB.
const NAME_CHARS_SHOWN: usize = 64;

/// Why an event is refused. The message says what is wrong; [`Refusal::name`] is what the corpus and clients match.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A reader with default settings could not take it.
    #[error("the event has {0} bytes; an event has at most {EVENT_BYTES_MAX}")]
    EventTooLarge(usize),
    /// A value runs past the end of its message.
    #[error("the event's bytes end, or its parts overlap, in the middle of a field")]
    Truncated,
    /// A tag over 5 bytes or 32 bits.
    #[error("a field's tag is longer than 5 bytes or 32 bits")]
    TagTooLong,
    /// A length over 5 bytes or 32 bits.
    #[error("a field's length is longer than 5 bytes or 32 bits")]
    LengthTooLong,
    /// A number over 64 bits.
    #[error("a varint is longer than 64 bits")]
    VarintTooLong,
    /// Groups are read by some parsers and skipped by others.
    #[error("the event holds a group, which protobuf has given up")]
    Group,
    /// Wire types 6 and 7 do not exist.
    #[error("a field has a wire type that protobuf does not have")]
    ReservedWireType,
    /// A known field in another encoding, which parsers take for an unknown field.
    #[error("{field} has the wrong wire type; was the event encoded with another schema?")]
    WireType {
        /// The field.
        field: &'static str,
    },
    /// A field that this version of the contract does not have.
    #[error("{message} has no field {field}; was the event encoded with another schema?")]
    UnknownField {
        /// The message.
        message: &'static str,
        /// The field's number.
        field: u32,
    },
    /// Parsers keep the last, or merge: not alike.
    #[error("{field} is given twice")]
    GivenTwice {
        /// The field.
        field: &'static str,
    },
    /// No partition key.
    #[error("the event has no partition_key")]
    KeyMissing,
    /// A key that is present and empty.
    #[error("the partition_key is empty; a key has 1 to {PARTITION_KEY_BYTES_MAX} bytes")]
    KeyEmpty,
    /// A key over 65,535 bytes.
    #[error("the partition_key has {0} bytes; a key has 1 to {PARTITION_KEY_BYTES_MAX} bytes")]
    KeyTooLong(usize),
    /// An id that is present and empty.
    #[error("the event_id is empty; it has {EVENT_ID_BYTES} bytes, or is left out and the server makes one")]
    IdEmpty,
    /// An id of another length than a UUID's.
    #[error("the event_id has {0} bytes; it is a UUID of {EVENT_ID_BYTES}")]
    IdLength(usize),
    /// More than 1,000 cells.
    #[error("the event has more than {EVENT_COLUMNS_MAX} columns")]
    TooManyColumns,
    /// A map entry without its key.
    #[error("a column has no name")]
    NameMissing,
    /// A name outside 1 to 255 bytes.
    #[error("a column's name has {0} bytes; it has 1 to {COLUMN_NAME_BYTES_MAX}")]
    NameLength(usize),
    /// A name that is not UTF-8.
    #[error("a column's name is not UTF-8")]
    NameNotText,
    /// A map entry without its value.
    #[error("column {0:?} has no value; leave a null column out")]
    ValueMissing(String),
    /// A value that says nothing.
    #[error("the value of column {0:?} has no kind; leave a null column out")]
    KindMissing(String),
    /// Two columns of one name.
    #[error("column {0:?} is given twice")]
    DuplicateColumn(String),
    /// A bool other than 0 and 1.
    #[error("the bool of column {0:?} is neither 0 nor 1")]
    BoolValue(String),
    /// Text that is not UTF-8.
    #[error("the text of column {0:?} is not UTF-8; store it as bytes")]
    TextNotText(String),
    /// A UUID of another length.
    #[error("the uuid of column {name:?} has {length} bytes, not 16")]
    UuidLength {
        /// The column.
        name: String,
        /// What was given.
        length: usize,
    },
    /// A cell of another type than its column's.
    #[error("{0}")]
    Mistyped(ColumnConflict),
    /// A cell of another type than a cell of the same column in an earlier event of the request.
    #[error("column {name:?} holds {expected} in event {earlier} of this request, and {found} here")]
    MistypedWithin {
        /// The column.
        name: String,
        /// The type of the earlier cell.
        expected: ColumnType,
        /// The type of this one.
        found: ColumnType,
        /// The index of the earlier event.
        earlier: u32,
    },
    /// A column that a strict table does not have.
    #[error("column {0:?} is not declared, and the table's schema is strict; declare it with UpdateTable")]
    Undeclared(String),
}

impl Refusal {
    /// The refusal's name: stable, for the corpus and for clients.
    pub fn name(&self) -> &'static str {
        match self {
            Self::EventTooLarge(_) => "EVENT_TOO_LARGE",
            Self::Truncated => "TRUNCATED",
            Self::TagTooLong => "TAG_TOO_LONG",
            Self::LengthTooLong => "LENGTH_TOO_LONG",
            Self::VarintTooLong => "VARINT_TOO_LONG",
            Self::Group => "GROUP",
            Self::ReservedWireType => "RESERVED_WIRE_TYPE",
            Self::WireType { .. } => "WIRE_TYPE",
            Self::UnknownField { .. } => "UNKNOWN_FIELD",
            Self::GivenTwice { .. } => "GIVEN_TWICE",
            Self::KeyMissing => "KEY_MISSING",
            Self::KeyEmpty => "KEY_EMPTY",
            Self::KeyTooLong(_) => "KEY_TOO_LONG",
            Self::IdEmpty => "ID_EMPTY",
            Self::IdLength(_) => "ID_LENGTH",
            Self::TooManyColumns => "TOO_MANY_COLUMNS",
            Self::NameMissing => "NAME_MISSING",
            Self::NameLength(_) => "NAME_LENGTH",
            Self::NameNotText => "NAME_NOT_TEXT",
            Self::ValueMissing(_) => "VALUE_MISSING",
            Self::KindMissing(_) => "KIND_MISSING",
            Self::DuplicateColumn(_) => "DUPLICATE_COLUMN",
            Self::BoolValue(_) => "BOOL_VALUE",
            Self::TextNotText(_) => "TEXT_NOT_TEXT",
            Self::UuidLength { .. } => "UUID_LENGTH",
            Self::Mistyped(_) | Self::MistypedWithin { .. } => "MISTYPED",
            Self::Undeclared(_) => "UNDECLARED",
        }
    }

    /// The part of the event that is refused, as a path below it: `partition_key`, `columns["speed"]`, or empty.
    pub fn path(&self) -> String {
        match self {
            Self::KeyMissing | Self::KeyEmpty | Self::KeyTooLong(_) => "partition_key".to_owned(),
            Self::IdEmpty | Self::IdLength(_) => "event_id".to_owned(),
            Self::TooManyColumns | Self::NameMissing | Self::NameLength(_) | Self::NameNotText => "columns".to_owned(),
            Self::ValueMissing(name)
            | Self::KindMissing(name)
            | Self::DuplicateColumn(name)
            | Self::BoolValue(name)
            | Self::TextNotText(name)
            | Self::UuidLength { name, .. }
            | Self::MistypedWithin { name, .. }
            | Self::Undeclared(name) => format!("columns[{name:?}]"),
            Self::Mistyped(conflict) => format!("columns[{:?}]", shown(&conflict.name)),
            _ => String::new(),
        }
    }
}

/// A column's name as messages show it: long ones are cut.
pub(super) fn shown(name: &str) -> String {
    match name.char_indices().nth(NAME_CHARS_SHOWN) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

impl From<Broken> for Refusal {
    #[cold]
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Truncated => Self::Truncated,
            Broken::TagTooLong => Self::TagTooLong,
            Broken::LengthTooLong => Self::LengthTooLong,
            Broken::VarintTooLong => Self::VarintTooLong,
            Broken::Group => Self::Group,
            Broken::ReservedWireType => Self::ReservedWireType,
        }
    }
}
