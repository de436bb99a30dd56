//! Typing a cell: by the type that its column has, or by what the cell looks like.

use annals_client::{ColumnType, EventBuilder, EventTime, Value};
use chrono::DateTime;
use uuid::Uuid;

use super::bad_row::shown;
use super::row::RawCell;
use super::time_format::{TimeFormat, TimeReader};
use crate::double::{double_from_text, holds_every_digit};
use crate::output::bytes_from_text;

/// Doubles hold every whole number up to here, and not every one beyond.
const DOUBLE_EXACT_MAX: u64 = 1 << 53;

/// A typed cell that owns what it holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Bool(bool),
    Int64(i64),
    Double(f64),
    String(String),
    Bytes(Vec<u8>),
    Timestamp(EventTime),
    Uuid(Uuid),
}

impl Cell {
    /// Reads a cell as `column_type`; none if it is null.
    ///
    /// # Errors
    /// What is wrong with the cell, as a sentence that begins with its text.
    pub(super) fn read(raw: &RawCell, column_type: ColumnType, times: &TimeReader) -> Result<Option<Self>, String> {
        let Some(text) = raw.to_text() else { return Ok(None) };
        if *raw == RawCell::EmptyQuotes && column_type != ColumnType::String {
            return Ok(None);
        }
        if let (RawCell::Bool(_), ColumnType::Int64 | ColumnType::Double)
        | (RawCell::Nested(_), ColumnType::Bytes | ColumnType::Uuid | ColumnType::Timestamp) = (raw, column_type)
        {
            return Err(format!("{} is not {}", shown(&text), article(column_type)));
        }
        let unfit = || format!("{} is not {}", shown(&text), article(column_type));
        let word = text.trim();
        Ok(Some(match column_type {
            ColumnType::Bool => Self::Bool(read_bool(word).ok_or_else(unfit)?),
            ColumnType::Int64 => Self::Int64(word.parse().map_err(|_| unfit())?),
            ColumnType::Double => {
                Self::Double(double_from_text(word).map_err(|error| format!("{} {error}", shown(&text)))?)
            }
            ColumnType::Bytes => Self::Bytes(bytes_from_text(word).map_err(|_| format!("{} (base64)", unfit()))?),
            ColumnType::Timestamp => {
                Self::Timestamp(times.read(word).map_err(|problem| format!("{} {problem}", shown(&text)))?)
            }
            ColumnType::Uuid => Self::Uuid(Uuid::parse_str(word).map_err(|_| unfit())?),
            ColumnType::String => Self::String(text),
        }))
    }

    /// Adds the cell to an event.
    pub(super) fn add_to(&self, event: &mut EventBuilder, column: &str) {
        let value = match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int64(value) => Value::Int64(*value),
            Self::Double(value) => Value::Double(*value),
            Self::String(text) => Value::String(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Timestamp(time) => Value::Timestamp(*time),
            Self::Uuid(id) => Value::Uuid(*id),
        };
        event.add_column(column, value);
    }
}

/// The type that a cell looks like; none if it is null.
///
/// Numbers look like doubles, also whole ones: a later row may have decimals. What a double would change looks like
/// text: leading zeros (codes, not numbers), whole numbers past 2^53, and more digits than a double gives back.
pub(super) fn looks_like(raw: &RawCell) -> Option<ColumnType> {
    let text = match raw {
        RawCell::Null => return None,
        RawCell::Bool(_) => return Some(ColumnType::Bool),
        RawCell::Number(number) if is_exact(number) => return Some(ColumnType::Double),
        RawCell::Number(_) | RawCell::Nested(_) | RawCell::EmptyQuotes => return Some(ColumnType::String),
        RawCell::Text(text) => text.trim(),
    };
    Some(if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        ColumnType::Bool
    } else if is_plain_number(text) && is_exact(text) {
        ColumnType::Double
    } else if text.len() == 36 && Uuid::parse_str(text).is_ok() {
        ColumnType::Uuid
    } else if is_timestamp(text) {
        ColumnType::Timestamp
    } else {
        ColumnType::String
    })
}

/// The type that holds cells of both.
pub(super) fn common_type(one: ColumnType, other: ColumnType) -> ColumnType {
    if one == other { one } else { ColumnType::String }
}

/// How times in columns that were not said to be timestamps are read: only RFC 3339 looks like one.
fn is_timestamp(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok_and(|time| time.timestamp_nanos_opt().is_some())
}

fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let starts_plainly = match digits.as_bytes() {
        [b'0', next, ..] => !next.is_ascii_digit(),
        [first, ..] => first.is_ascii_digit() || *first == b'.',
        [] => false,
    };
    starts_plainly && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether a double holds the number and gives back each of its digits. Whole numbers past 2^53 are likely names of
/// something, also where a double happens to hold them.
pub(super) fn is_exact(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.parse::<u64>().is_ok_and(|whole| whole <= DOUBLE_EXACT_MAX);
    }
    holds_every_digit(number)
}

fn read_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn article(column_type: ColumnType) -> String {
    if column_type == ColumnType::Int64 { "an int64".to_owned() } else { format!("a {column_type}") }
}

impl Default for TimeReader {
    fn default() -> Self {
        Self { format: TimeFormat::Calendar, zone: super::time_format::Zone::UTC, repeated: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> RawCell {
        RawCell::Text(text.to_owned())
    }

    #[test]
    fn cells_look_like_what_they_hold_without_loss() {
        let looks = |cell: &str| looks_like(&text(cell)).expect("not null");
        for number in ["0", "-1", "2.50", "1e9", "0.5", ".5", "9007199254740992"] {
            assert_eq!(looks(number), ColumnType::Double, "{number}");
        }
        for code in [
            "007",
            "-",
            "+1",
            "1,5",
            "NaN",
            "inf",
            "9007199254740993",
            "12a",
            "2013-02-08",
            "1e400",
            "1e-400",
            "1360332000.123456789",
        ] {
            assert_eq!(looks(code), ColumnType::String, "{code}");
        }
        assert_eq!(looks("True"), ColumnType::Bool);
        assert_eq!(looks("2013-02-08T12:00:00Z"), ColumnType::Timestamp);
        assert_eq!(looks("01890a5d-ac96-774b-bcce-b302099a8057"), ColumnType::Uuid);
        assert_eq!(looks_like(&RawCell::Null), None);
    }

    #[test]
    fn a_cell_that_does_not_fit_is_refused_and_not_changed() {
        let times = TimeReader::default();
        let read = |cell: &str, column_type| Cell::read(&text(cell), column_type, &times);
        assert_eq!(read("1.5", ColumnType::Int64), Err("\"1.5\" is not an int64".to_owned()));
        assert!(read("9007199254740993", ColumnType::Double).is_err());
        assert_eq!(read("9007199254740993", ColumnType::Int64), Ok(Some(Cell::Int64(9_007_199_254_740_993))));
        assert_eq!(read("1e400", ColumnType::Double), Err("\"1e400\" is more than a double can hold".to_owned()));
        assert_eq!(read("base64:AAEC", ColumnType::Bytes), Ok(Some(Cell::Bytes(vec![0, 1, 2]))));
        assert_eq!(read("base64:AAEC", ColumnType::String), Ok(Some(Cell::String("base64:AAEC".to_owned()))));
        assert_eq!(read(" 7 ", ColumnType::String), Ok(Some(Cell::String(" 7 ".to_owned()))));
        assert_eq!(read("AAEC", ColumnType::Bytes), Ok(Some(Cell::Bytes(vec![0, 1, 2]))));
        assert!(Cell::read(&RawCell::Bool(true), ColumnType::Double, &times).is_err());
        assert_eq!(Cell::read(&RawCell::Null, ColumnType::Bool, &times), Ok(None));
    }
}
