//! One row of an input, as it was written and not yet typed.

use std::sync::Arc;

/// A row: its cells in the order in which they were written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// Column names and cells. No name stands twice.
    pub(super) cells: Vec<(Arc<str>, RawCell)>,
}

/// A cell as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RawCell {
    /// Nothing: an empty CSV field or JSON's null.
    Null,
    /// CSV's `""`: an empty text where there is text, and nothing elsewhere, because there are files with every field
    /// in quotes.
    EmptyQuotes,
    /// A CSV field or a JSON string.
    Text(String),
    /// A JSON bool.
    Bool(bool),
    /// A JSON number, as it is written.
    Number(String),
    /// A JSON array or object, as it is written.
    Nested(String),
}

impl Row {
    /// Refuses what `annals scan` wrote: its columns lie one in another, and as a row they would become one text.
    pub(super) fn refuse_event(&self, input: &str) -> anyhow::Result<()> {
        let has = |wanted: &str| self.cells.iter().any(|(name, _)| &**name == wanted);
        let nested = self.cells.iter().any(|(name, cell)| &**name == "columns" && matches!(cell, RawCell::Nested(_)));
        anyhow::ensure!(
            !(nested && ["key", "sequence", "commit_time"].into_iter().all(has)),
            "{input} holds events as `annals scan` writes them; `annals append TABLE --file {}` takes them back",
            if input == "stdin" { "-" } else { input }
        );
        Ok(())
    }
}

impl RawCell {
    /// The cell as text; none if it is null.
    pub(super) fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::EmptyQuotes => String::new(),
            Self::Text(text) | Self::Nested(text) | Self::Number(text) => text.clone(),
            Self::Bool(value) => value.to_string(),
        })
    }
}
