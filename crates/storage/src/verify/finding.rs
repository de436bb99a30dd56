//! What is wrong with a store's files, one by one; a store that is damaged all over does not make the list grow for ever.

use std::fmt;
use std::io;
use std::path::Path;

use crate::damage::{Damage, DamageCase, ReadFailure};
use crate::segment::ReadError;

/// Findings that are kept; those beyond are counted only. More than a person reads, and little memory.
pub const FINDINGS_MAX: usize = 1_000;

/// Something that is wrong with a file.
#[derive(Debug)]
pub enum Finding {
    /// It is not what the store wrote.
    Damaged(Damage),
    /// It could not be read.
    Unreadable {
        /// What was being done, with the path.
        doing: String,
        /// What the operating system said.
        source: io::Error,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(damage) => damage.fmt(f),
            Self::Unreadable { doing, source } => write!(f, "{doing}: {source}"),
        }
    }
}

impl Finding {
    /// A file or directory that cannot be read.
    pub(super) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { doing: format!("reading {}", path.display()), source }
    }
}

impl From<ReadFailure> for Finding {
    fn from(failure: ReadFailure) -> Self {
        match failure {
            ReadFailure::Damaged(damage) => Self::Damaged(damage),
            ReadFailure::Io { path, source } => Self::unreadable(&path, source),
        }
    }
}

impl From<ReadError> for Finding {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damage(damage) => Self::Damaged(damage),
            ReadError::Io { path, source } => Self::unreadable(&path, source),
            ReadError::Newer { path, what } => {
                let expected = "what this version of Annals knows";
                Self::Damaged(Damage::of_case(DamageCase::UnknownVersion, path, 0, expected, what))
            }
            ReadError::Miss => Self::Unreadable {
                doing: "reading a segment".to_owned(),
                source: io::Error::other("only memory was looked at: a bug"),
            },
        }
    }
}

/// The first findings, in the order of the files, and how many there are.
#[derive(Debug, Default)]
pub struct Findings {
    first: Vec<Finding>,
    total: u64,
}

impl Findings {
    /// Adds one.
    pub(super) fn add(&mut self, finding: impl Into<Finding>) {
        self.total += 1;
        if self.first.len() < FINDINGS_MAX {
            self.first.push(finding.into());
        }
    }

    /// The first of them, at most [`FINDINGS_MAX`].
    pub fn first(&self) -> &[Finding] {
        &self.first
    }

    /// How many there are, also of those that are not kept.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Whether damage of a file at this offset is known.
    pub(super) fn has(&self, damage: &Damage) -> bool {
        self.first.iter().any(|finding| match finding {
            Finding::Damaged(known) => (&known.path, known.offset) == (&damage.path, damage.offset),
            Finding::Unreadable { .. } => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_beyond_the_bound_are_counted_and_not_kept() {
        let mut findings = Findings::default();
        for offset in 0..FINDINGS_MAX as u64 + 5 {
            findings.add(Finding::Damaged(Damage::new("journal/1", offset, "one thing", "another")));
        }
        assert_eq!((findings.first().len(), findings.total()), (FINDINGS_MAX, FINDINGS_MAX as u64 + 5));
    }
}
