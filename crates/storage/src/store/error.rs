//! Why a store could not be opened or closed.

use std::io;

use crate::damage::{Damage, ReadFailure};
use crate::journal::JournalError;
use crate::layout;
use crate::manifest::ManifestError;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory holds no store.
    #[error("there is no store here")]
    NoStore,
    /// Another process has the store open.
    #[error("another process has this store open; stop it first")]
    InUse,
    /// A file is not what the store wrote. Nothing was changed.
    #[error("{0}; nothing was changed. {advice}", advice = advice(.0))]
    Damaged(Damage),
    /// The operating system refused.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, with the path where there is one.
        doing: String,
        /// What it said.
        source: io::Error,
    },
}

impl OpenError {
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

/// What can be done about damage. Without sound journal files a store can still be read up to the damage; without the
/// files that say what the store consists of it cannot.
fn advice(damage: &Damage) -> String {
    let path = damage.path.display();
    if damage.path.starts_with(layout::JOURNAL) || damage.path.starts_with(layout::SEGMENTS) {
        format!(
            "`annals verify DIR` tells how far the damage goes; `annals serve --read-only --data DIR` serves what is \
             sound and writes nothing; to go on writing, put {path} back from a copy"
        )
    } else {
        format!(
            "`annals verify DIR` tells how far the damage goes. Nothing else says what this file says of the store, so \
             it cannot be read without: put {path} back from a copy"
        )
    }
}

impl From<Damage> for OpenError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<ReadFailure> for OpenError {
    fn from(failure: ReadFailure) -> Self {
        match failure {
            ReadFailure::Damaged(damage) => Self::Damaged(damage),
            ReadFailure::Io { path, source } => Self::Io { doing: format!("reading {}", path.display()), source },
        }
    }
}

/// Why a store was not closed cleanly.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The mark at the journal's end was not written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The manifest did not take the edit.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}
