//! What a read merges: the memtables and runs of a shard, as cursors.
//!
//! Promises: rows of one source come sorted, and none beyond the window that was asked for.
//!
//! Does not: choose between sources: `merge` does.

mod count;
mod memtable;
mod run;
mod run_partitions;

use std::sync::Arc;

use annals_model::{PartitionKey, Sequence, StoredEvent, TimeRange, Token, TokenRange};
use annals_storage::segment;
use annals_storage::segment::Access;

pub(super) use count::CountSource;
pub(super) use memtable::MemtableCursor;
pub(super) use run::RunCursor;
pub(super) use run_partitions::RunPartitions;

use super::merge::{Flow, PartitionCursor, RowCursor, RowPlace, RowWindow};
use super::runs::LiveRun;
use super::shard_state::ShardView;
use annals_engine::ReadError;

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    /// What comes next lies on the disk, and this read may only look in memory.
    #[error("not in memory")]
    NotCached,
    /// The read fails.
    #[error(transparent)]
    Failed(ReadError),
}

impl From<ReadError> for SourceError {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

impl From<SourceError> for ReadError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Failed(error) => error,
            SourceError::NotCached => Self::Io("what was asked for is not in memory".to_owned()),
        }
    }
}

impl From<segment::ReadError> for SourceError {
    fn from(error: segment::ReadError) -> Self {
        match error {
            segment::ReadError::Miss => Self::NotCached,
            segment::ReadError::Io { .. } => Self::Failed(ReadError::Io(error.to_string())),
            segment::ReadError::Damage(damage) => Self::Failed(ReadError::Damaged(damage.to_string())),
            segment::ReadError::Newer { .. } => Self::Failed(ReadError::Damaged(error.to_string())),
        }
    }
}

/// The runs of a shard that may hold events of keys with these tokens, of these times.
fn runs_of_range<'view>(
    view: &'view ShardView,
    through: Sequence,
    tokens: TokenRange,
    times: &TimeRange,
) -> impl Iterator<Item = &'view Arc<LiveRun>> {
    view.runs
        .between(view.first_retained, through)
        .iter()
        .filter(move |run| run.summary().tokens().overlaps(&tokens) && run.summary().may_hold_times(times))
}

/// A sorted source of rows.
#[derive(Debug)]
pub(super) enum Source {
    /// A memtable.
    Memtable(MemtableCursor),
    /// A run.
    Run(Box<RunCursor>),
}

impl Source {
    /// Adds the sources of a shard that may hold events of one partition.
    pub(super) fn open_partition(
        view: &ShardView,
        through: Sequence,
        (token, key): (Token, &PartitionKey),
        times: &TimeRange,
        access: Access,
        sources: &mut Vec<Self>,
    ) -> Result<(), SourceError> {
        for run in view.runs.between(view.first_retained, through) {
            let cursor = RunCursor::of_partition(run, through, (token, key), times, access)?;
            sources.extend(cursor.map(|cursor| Self::Run(Box::new(cursor))));
        }
        for memtable in view.memtables().filter(|memtable| memtable.first_sequence() <= through) {
            sources.push(Self::Memtable(MemtableCursor::of_partition(Arc::clone(memtable), through, token, key)));
        }
        Ok(())
    }

    /// Adds the sources of a shard that may hold events of keys with these tokens.
    pub(super) fn open_range(
        view: &ShardView,
        through: Sequence,
        tokens: TokenRange,
        times: &TimeRange,
        access: Access,
        sources: &mut Vec<Self>,
    ) {
        for run in runs_of_range(view, through, tokens, times) {
            sources.push(Self::Run(Box::new(RunCursor::of_range(run, through, tokens, access))));
        }
        for memtable in view.memtables().filter(|memtable| memtable.first_sequence() <= through) {
            sources.push(Self::Memtable(MemtableCursor::of_range(Arc::clone(memtable), through, tokens.last)));
        }
    }
}

impl PartitionCursor for Source {
    type Error = SourceError;

    fn seek(&mut self, token: Token, key: &[u8]) -> Result<(), SourceError> {
        match self {
            Self::Memtable(cursor) => cursor.seek(token, key),
            Self::Run(cursor) => cursor.seek(token, key),
        }
    }

    fn partition(&self) -> Option<(Token, &[u8])> {
        match self {
            Self::Memtable(cursor) => cursor.partition(),
            Self::Run(cursor) => cursor.partition(),
        }
    }

    fn leave(&mut self) -> Result<(), SourceError> {
        match self {
            Self::Memtable(cursor) => cursor.leave(),
            Self::Run(cursor) => cursor.leave(),
        }
    }
}

impl RowCursor for Source {
    fn enter(&mut self, window: &RowWindow) -> Result<(), SourceError> {
        match self {
            Self::Memtable(cursor) => cursor.enter(window),
            Self::Run(cursor) => cursor.enter(window),
        }
    }

    fn row(&self) -> Option<RowPlace> {
        match self {
            Self::Memtable(cursor) => cursor.row(),
            Self::Run(cursor) => cursor.row(),
        }
    }

    fn visit_before(
        &mut self,
        bound: Option<RowPlace>,
        visit: &mut impl FnMut(StoredEvent) -> Flow,
    ) -> Result<Flow, SourceError> {
        match self {
            Self::Memtable(cursor) => cursor.visit_before(bound, visit),
            Self::Run(cursor) => cursor.visit_before(bound, visit),
        }
    }
}
