//! What can go wrong with segments, one enum for writing and one for reading.

use std::io;
use std::path::PathBuf;

use annals_model::Sequence;

use crate::damage::Damage;

/// Why a part of a run was not handed out.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not in memory, and the caller asked that nothing be read. Ask again where blocking is allowed.
    #[error("not in memory; ask again with leave to read the disk")]
    Miss,
    /// The operating system could not read it.
    #[error("reading {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A later version of Annals wrote it.
    #[error("{} holds {what}; read it with the version of Annals that wrote it, or a later one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// What this version cannot read.
        what: String,
    },
    /// The bytes are not what was written.
    #[error(transparent)]
    Damage(#[from] Damage),
}

/// Why a segment could not be written. The writer is of no use afterwards; what it wrote is no segment.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The operating system could not write, sync or rename. After a failed sync nothing is known of the file.
    #[error("writing {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A run that is copied or merged could not be read.
    #[error("reading a run to copy or merge it: {0}")]
    Source(#[from] ReadError),
    /// The caller's rows are not a run: a bug of the caller, found before it could become a file.
    #[error("these rows are not a run: {0}")]
    Run(#[from] RunFault),
}

impl WriteError {
    /// Whether there is no space: the one failure that is worth trying again.
    pub fn is_disk_full(&self) -> bool {
        let Self::Io { source, .. } = self else { return false };
        matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// In what way rows are not a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunFault {
    /// No batches, or batches whose sequences or commit times go back.
    #[error("its batches do not ascend from the first sequence on")]
    Batches,
    /// The range does not begin with 1 or more, is reversed, or holds more than a run may.
    #[error("sequences {first} to {last} are no range of 1 to {max} events", max = super::run_limits::RUN_EVENTS_MAX)]
    Range {
        /// The first sequence.
        first: Sequence,
        /// The last sequence.
        last: Sequence,
    },
    /// More bytes than a run may hold.
    #[error("its events have over {} bytes", super::run_limits::RUN_BYTES_MAX)]
    TooLarge,
    /// A row is not behind the one before it.
    #[error("the event with sequence {0} is out of order")]
    Order(Sequence),
    /// A row's sequence lies outside the range, or came before.
    #[error("the event with sequence {0} lies outside the run or came twice")]
    Sequence(Sequence),
    /// Some sequences of the range have no row.
    #[error("it has {found} events where its sequences make {expected}")]
    Missing {
        /// How many there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// The key is empty, or not within the event.
    #[error("the key of the event with sequence {0} does not lie in the event")]
    Key(Sequence),
    /// A run of the segment was begun and not finished.
    #[error("a run of the segment was begun and not finished")]
    Unfinished,
    /// A segment has at least one run.
    #[error("the segment has no runs")]
    NoRuns,
    /// Runs to merge that are not one shard's, or do not follow one another.
    #[error("the runs to merge are not neighbours of one shard")]
    Neighbours,
}

/// What is wrong with bytes, before anyone has said which file they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Counted from the first of the bytes that were looked at.
    pub at: u64,
    pub expected: String,
    pub found: String,
}

impl Fault {
    #[expect(clippy::needless_pass_by_value, reason = "a number, a text or a digest, whatever the caller has at hand")]
    pub(crate) fn new(at: u64, expected: impl ToString, found: impl ToString) -> Self {
        Self { at, expected: expected.to_string(), found: found.to_string() }
    }

    /// The fault of content that passed its checksum and still does not make sense.
    pub(crate) fn content(expected: &str) -> Self {
        Self::new(0, expected, "content that breaks this, under a checksum that holds")
    }

    /// The fault as damage of a file whose byte `base` is the first that was looked at.
    pub(crate) fn in_file(self, path: impl Into<PathBuf>, base: u64) -> Damage {
        Damage::new(path, base + self.at, self.expected, self.found)
    }
}
