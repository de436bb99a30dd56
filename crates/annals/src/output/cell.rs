//! Cells as text, for people and for CSV.

use std::borrow::Cow;

use annals_client::Value;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::double::double_to_text;

/// What stands before bytes that are written in base64.
const MARKER: &str = "base64:";

/// A cell as text: bytes as `base64:` and their encoding, times as RFC 3339, text as it is. Read as the column's type,
/// the text gives the same cell again, bit for bit.
pub(crate) fn cell_to_text(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Bytes(bytes) => Cow::Owned(format!("{MARKER}{}", STANDARD.encode(bytes))),
        Value::Double(value) => double_to_text(value),
        other => Cow::Owned(other.to_string()),
    }
}

/// The bytes that base64 stands for, with `base64:` before it or without.
///
/// # Errors
/// When it is not base64.
pub(crate) fn bytes_from_text(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(text.strip_prefix(MARKER).unwrap_or(text))
}

/// The text with its control characters escaped, so that stored data can't act on a terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, char::is_control)
}

/// The same for a text of several lines, as errors and notes are: their line ends stay.
pub(crate) fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c.is_control() && c != '\n')
}

fn escaped(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&acts) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if acts(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_control_characters_never_reach_a_terminal() {
        assert_eq!(printable("plain ü"), "plain ü");
        assert_eq!(printable("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(printable_lines("a\nb\u{1b}[31m\u{9b}1m"), "a\nb\\u{1b}[31m\\u{9b}1m");
    }

    #[test]
    fn cells_read_as_people_write_them() {
        assert_eq!(cell_to_text(Value::Double(1.0)), "1.0");
        assert_eq!(cell_to_text(Value::Bytes(&[0, 1, 2])), "base64:AAEC");
        assert_eq!(cell_to_text(annals_client::EventTime::from_unix_nanos(1).into()), "1970-01-01T00:00:00.000000001Z");
    }
}
