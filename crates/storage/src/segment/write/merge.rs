//! Puts runs together: small neighbours are merged into one run, full ones are copied as they are.
//!
//! Merging holds a block of each source in memory, and the batch tables; it reads past the cache, so that a
//! compaction does not drive out what readers keep warm.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::Range;

use crate::segment::layout::batches::Batch;
use crate::segment::layout::error::{ReadError, RunFault, WriteError};
use crate::segment::layout::row::RowSpan;
use crate::segment::layout::run_limits::{RUN_BYTES_MAX, RUN_EVENTS_MAX};
use crate::segment::layout::summary::RunSummary;
use crate::segment::read::cache::Access;
use crate::segment::read::cursor::{Cursor, Direction};
use crate::segment::read::run::Run;
use crate::segment::write::writer::{RunSpec, Writer};

/// Writes the events of neighbouring runs of one shard as few runs as their bounds allow, in the order of their
/// sequences. Sources are cut nowhere: each lies whole in one of the runs written, and one that has no room for a
/// neighbour is copied.
///
/// # Errors
/// When the sources do not follow one another in one shard; when one cannot be read or is damaged; when the disk
/// refuses.
pub fn merge_runs(sources: &[Run], writer: &mut Writer) -> Result<(), WriteError> {
    let follow = |pair: &[Run]| {
        let (one, next) = (pair[0].summary(), pair[1].summary());
        (one.table, one.shard, one.last.next()) == (next.table, next.shard, next.first)
    };
    if !sources.windows(2).all(follow) {
        return Err(RunFault::Neighbours.into());
    }
    for group in merge_groups(sources.iter().map(Run::summary)) {
        match &sources[group] {
            [full] => writer.copy_run(full)?,
            group => merge_group(group, writer)?,
        }
    }
    Ok(())
}

/// The runs that `merge_runs` would make of such runs: ranges of those that are merged into one. For deciding whether
/// merging is worth it.
pub fn merge_groups<'a>(runs: impl IntoIterator<Item = &'a RunSummary>) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let (mut bytes, mut events) = (0, 0);
    for (at, run) in runs.into_iter().enumerate() {
        bytes += run.event_bytes;
        events += u64::from(run.event_count);
        let fits = bytes <= RUN_BYTES_MAX && events <= u64::from(RUN_EVENTS_MAX);
        match groups.last_mut() {
            Some(group) if fits => group.end = at + 1,
            _ => {
                groups.push(at..at + 1);
                (bytes, events) = (run.event_bytes, u64::from(run.event_count));
            }
        }
    }
    groups
}

fn merge_group(sources: &[Run], writer: &mut Writer) -> Result<(), WriteError> {
    let (Some(oldest), Some(newest)) = (sources.first(), sources.last()) else { return Ok(()) };
    let mut batches: Vec<Batch> = Vec::new();
    for source in sources {
        batches.extend(source.batches(Access::ReadOnce)?.iter());
    }
    let &RunSummary { table, shard, first, .. } = oldest.summary();
    let mut run = writer.begin_run(&RunSpec { table, shard, first, last: newest.summary().last, batches: &batches })?;
    let mut heap = sources.iter().map(Source::open).collect::<Result<BinaryHeap<Source>, ReadError>>()?;
    while let Some(mut source) = heap.peek_mut() {
        let Some(row) = source.0.row() else {
            PeekMut::pop(source);
            continue;
        };
        run.push(&row)?;
        source.0.advance(Access::ReadOnce)?;
    }
    run.finish()
}

/// A cursor, ordered so that the heap's greatest is the one with the first row; one without rows comes before all.
struct Source(Cursor);

impl Source {
    fn open(run: &Run) -> Result<Self, ReadError> {
        run.cursor(RowSpan::all(), Direction::Ascending, Access::ReadOnce).map(Self)
    }
}

impl Ord for Source {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0.row(), other.0.row()) {
            (Some(mine), Some(theirs)) => theirs.order().cmp(&mine.order()),
            (mine, theirs) => theirs.is_some().cmp(&mine.is_some()),
        }
    }
}

impl PartialOrd for Source {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Source {}
