//! Damage: bytes on disk that are not what was written.
//!
//! Damage is never cut, skipped or repaired in silence. Whoever finds it passes it on whole, up to the operator.

use std::path::PathBuf;

/// Where a file differs from what the store wrote, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is damaged at byte {offset}: expected {expected}, found {found}; run `annals verify` to learn how far it \
     goes, and restore the file from a copy",
    path.display()
)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// The first byte of what is wrong, from the file's beginning.
    pub offset: u64,
    /// What should stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl Damage {
    /// Damage of `path` at `offset`.
    pub fn new(path: impl Into<PathBuf>, offset: u64, expected: impl ToString, found: impl ToString) -> Self {
        Self { path: path.into(), offset, expected: expected.to_string(), found: found.to_string() }
    }
}
