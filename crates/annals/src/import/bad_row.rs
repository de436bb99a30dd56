//! A row that can't become an event: where it stands, what is wrong, and what to do about it.

use std::fmt;
use std::sync::Arc;

/// What is wrong with a row, before it is known where the row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) column: Option<Arc<str>>,
    pub(super) what: String,
    /// What the user can do, as the end of a sentence that names the alternative to leaving the row out.
    pub(super) advice: Option<String>,
}

/// A row that can't become an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) struct BadRow {
    pub(super) input: Arc<str>,
    pub(super) line: u64,
    pub(super) problem: Problem,
}

impl Problem {
    /// A problem with the row as a whole.
    pub(super) fn of_row(what: impl Into<String>) -> Self {
        Self { column: None, what: what.into(), advice: None }
    }

    /// A problem with one cell.
    pub(super) fn of_column(column: &Arc<str>, what: impl Into<String>) -> Self {
        Self { column: Some(Arc::clone(column)), what: what.into(), advice: None }
    }

    /// Adds what the user can do.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, line, problem } = self;
        write!(f, "{input}, line {line}")?;
        if let Some(column) = &problem.column {
            write!(f, ", column {column:?}")?;
        }
        write!(f, ": {}", problem.what)?;
        if let Some(advice) = &problem.advice {
            write!(f, "; {advice}")?;
        }
        Ok(())
    }
}

/// A cell's text as it is shown in messages: quoted, and cut where it is long.
pub(super) fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 40;
    if text.chars().nth(SHOWN_CHARS).is_none() {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{:?}", format!("{start}…"))
}
