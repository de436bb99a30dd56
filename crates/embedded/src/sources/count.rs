//! Counting the rows of partitions, from indexes where they suffice.
//!
//! A run knows of each of its partitions how many events it has and between which times. Rows are looked at only
//! where the window cuts a partition, or the moment the run.

use std::sync::Arc;

use annals_model::{PartitionKey, Sequence, TimeRange, Token, TokenRange};
use annals_storage::segment::Access;
use annals_storage::segment::{Direction, RowSpan, RunPartition};

use super::{MemtableCursor, RunPartitions, SourceError, runs_of_range};
use crate::merge::{CountCursor, PartitionCursor, RowWindow};
use crate::runs::LiveRun;
use crate::shard_state::ShardView;

/// A source that counts.
#[derive(Debug)]
pub(crate) enum CountSource {
    /// A memtable.
    Memtable(MemtableCursor),
    /// A run.
    Run(RunCount),
}

/// A run that counts.
#[derive(Debug)]
pub(crate) struct RunCount {
    partitions: RunPartitions,
    through: Sequence,
}

impl CountSource {
    /// How many events of a partition a run holds in a window, as far as `through`.
    pub(crate) fn count_partition(
        run: &LiveRun,
        through: Sequence,
        (token, key): (Token, &PartitionKey),
        times: TimeRange,
        access: Access,
    ) -> Result<u64, SourceError> {
        if !run.summary().may_hold_times(&times) {
            return Ok(0);
        }
        match run.stored().partition_stats(token, key.as_bytes(), access)? {
            Some(partition) => count_rows(run, &partition, through, times, access),
            None => Ok(0),
        }
    }

    /// The sources of a shard that may hold events of keys with these tokens.
    pub(crate) fn of_range(
        view: &ShardView,
        through: Sequence,
        tokens: TokenRange,
        times: &TimeRange,
        access: Access,
        sources: &mut Vec<Self>,
    ) {
        for run in runs_of_range(view, through, tokens, times) {
            sources.push(Self::Run(RunCount { partitions: RunPartitions::new(run, tokens, access), through }));
        }
        for memtable in view.memtables().filter(|memtable| memtable.first_sequence() <= through) {
            sources.push(Self::Memtable(MemtableCursor::of_range(Arc::clone(memtable), through, tokens.last)));
        }
    }
}

/// The rows of a partition of a run that lie in `times` and at or before `through`.
fn count_rows(
    run: &LiveRun,
    partition: &RunPartition,
    through: Sequence,
    times: TimeRange,
    access: Access,
) -> Result<u64, SourceError> {
    if !times.overlaps(partition.min_time, partition.max_time) {
        return Ok(0);
    }
    let is_whole = times.contains(partition.min_time) && times.contains(partition.max_time);
    if is_whole && partition.last_sequence <= through {
        return Ok(u64::from(partition.event_count));
    }
    let span = RowSpan::partition(partition.token, partition.key.clone(), times);
    let mut rows = run.stored().cursor(span, Direction::Ascending, access)?;
    let mut count = 0;
    while let Some(row) = rows.row() {
        count += u64::from(row.sequence <= through);
        rows.advance(access)?;
    }
    Ok(count)
}

impl PartitionCursor for CountSource {
    type Error = SourceError;

    fn seek(&mut self, token: Token, key: &[u8]) -> Result<(), SourceError> {
        match self {
            Self::Memtable(cursor) => cursor.seek(token, key),
            Self::Run(run) => run.partitions.seek(token, key),
        }
    }

    fn partition(&self) -> Option<(Token, &[u8])> {
        match self {
            Self::Memtable(cursor) => cursor.partition(),
            Self::Run(run) => run.partitions.partition(),
        }
    }

    fn leave(&mut self) -> Result<(), SourceError> {
        match self {
            Self::Memtable(cursor) => cursor.leave(),
            Self::Run(run) => run.partitions.leave(),
        }
    }
}

impl CountCursor for CountSource {
    fn count(&mut self, window: &RowWindow) -> Result<u64, SourceError> {
        match self {
            Self::Memtable(cursor) => cursor.count(window),
            Self::Run(RunCount { partitions, through }) => match partitions.stored_partition() {
                Some(partition) => count_rows(partitions.run(), partition, *through, window.times, partitions.access()),
                None => Ok(0),
            },
        }
    }
}
