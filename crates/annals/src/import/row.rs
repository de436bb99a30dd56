//! One row of an input, as it was written and not yet typed.

use std::sync::Arc;

use serde_json::Number;

/// A row: its cells in the order in which they were written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// Column names and cells. A name may stand twice; that is found when the event is built.
    pub(super) cells: Vec<(Arc<str>, RawCell)>,
}

/// A cell as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RawCell {
    /// Nothing: an empty CSV field or JSON's null.
    Null,
    /// A CSV field or a JSON string.
    Text(String),
    /// A JSON bool.
    Bool(bool),
    /// A JSON number.
    Number(Number),
    /// A JSON array or object, as JSON.
    Nested(String),
}

impl RawCell {
    /// The cell as text; none if it is null.
    pub(super) fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Text(text) | Self::Nested(text) => text.clone(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
        })
    }
}
