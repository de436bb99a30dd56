//! Compaction: fewer, larger runs and files.
//!
//! A compaction writes one segment and puts its runs in the place of those that it was made of: on the disk in one edit
//! of the manifest, then in the views of the shards. What replaces runs covers exactly their sequences, so a view is
//! whole before and after. Readers that took a view before keep the runs that it names, and these keep their files.
//!
//! Promises: no event is lost, doubled or moved to another sequence, at no moment and after no crash.
//!
//! Does not: decide what is old enough to go, or hold up appends.

mod plan;
mod policy;

use std::path::Path;
use std::sync::{Arc, PoisonError};

use annals_model::{Sequence, Shard, TableId};
use annals_storage::manifest::ManifestError;
use annals_storage::segment::{
    Compression, ReadError, RunSummary, SegmentId, SegmentSummary, WriteError, Writer, merge_groups, merge_runs,
};

pub use policy::merged_run_bytes_max;

use super::ages::AgeClock;
use super::catalog::Catalog;
use super::runs::LiveRun;
use super::segment_set::SegmentSet;
use super::table_state::TableState;
use crate::sync::{HashSet, Mutex};

/// Why a compaction did not come to its end. What it was made of is as it was.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompactError {
    /// The store is closing.
    #[error("the store is closing")]
    Stopped,
    /// A run could not be read, or the segment not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The manifest did not take it.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl CompactError {
    /// The segment whose damage is the reason; none if another is.
    pub(super) fn damaged_segment(&self) -> Option<SegmentId> {
        let Self::Write(WriteError::Source(ReadError::Damage(damage))) = self else { return None };
        SegmentId::from_file_name(Path::new(damage.path.file_name()?))
    }
}

/// What a compaction looks at and changes.
pub(super) struct Compaction<'store> {
    /// The tables.
    pub(super) catalog: &'store Catalog,
    /// How old what was committed is.
    pub(super) ages: &'store AgeClock,
    /// The segments.
    pub(super) segments: &'store SegmentSet,
    /// Held while what is retained is decided upon by whole runs, and while runs are put in the place of others.
    pub(super) run_bounds: &'store Mutex<()>,
    /// Bytes of a merged run at most.
    pub(super) run_bytes_max: u64,
    /// How new segments are compressed.
    pub(super) compression: Compression,
    /// The sequences of a shard that must stay the last of a run.
    pub(super) barriers: &'store dyn Fn(TableId, Shard) -> Vec<Sequence>,
    /// Segments in which damage was met: their runs stay as they are, whatever the policy asks for.
    pub(super) damaged: &'store HashSet<SegmentId>,
    /// Whether the compaction is to end.
    pub(super) is_stopped: &'store dyn Fn() -> bool,
}

/// Neighbouring runs of one shard, and the runs that will replace them.
#[derive(Debug)]
struct Replacement {
    table: Arc<TableState>,
    shard: Shard,
    runs: Vec<Arc<LiveRun>>,
}

impl Compaction<'_> {
    /// Does the next compaction that is worth it; tells whether there was one.
    pub(super) fn run_next(&self) -> Result<bool, CompactError> {
        let merges = self.plan_merges();
        let replacements = if merges.is_empty() { self.plan_join() } else { merges };
        if replacements.is_empty() {
            return Ok(false);
        }
        let mut writer = self.segments.create(self.compression)?;
        if let Err(error) = self.write(&replacements, &mut writer) {
            if let Err(left) = writer.abandon() {
                tracing::warn!("an unfinished segment stays until the next opening: {left}");
            }
            return Err(error);
        }
        self.put_in_place(&replacements, &writer.finish()?)?;
        Ok(true)
    }

    fn write(&self, replacements: &[Replacement], writer: &mut Writer) -> Result<(), CompactError> {
        for replacement in replacements {
            if (self.is_stopped)() {
                return Err(CompactError::Stopped);
            }
            let sources: Vec<_> = replacement.runs.iter().map(|run| run.stored().clone()).collect();
            merge_runs(&sources, writer)?;
        }
        Ok(())
    }

    fn put_in_place(&self, replacements: &[Replacement], summary: &SegmentSummary) -> Result<(), CompactError> {
        let _bounds = self.run_bounds.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut replaced, mut unwanted) = (Vec::new(), Vec::new());
        let mut written = 0_u32..;
        let mut counts = Vec::with_capacity(replacements.len());
        for replacement in replacements {
            let count = merge_groups(replacement.summaries()).len();
            let indexes = written.by_ref().take(count);
            // What retention has come to know meanwhile as past its bound must not come back as part of a larger run.
            if replacement.is_wanted() {
                replaced.extend(replacement.runs.iter().cloned());
                indexes.for_each(drop);
            } else {
                unwanted.extend(indexes);
            }
            counts.push(count);
        }
        let mut runs = self.segments.add(summary, &replaced, &unwanted, None)?.into_iter();
        for (replacement, count) in replacements.iter().zip(counts) {
            let new: Vec<_> = runs.by_ref().take(count).collect();
            if replacement.is_wanted() {
                replacement.table.shards()[replacement.shard.index()]
                    .change(|view| view.runs = view.runs.replaced(&replacement.runs, &new));
            }
        }
        tracing::debug!(
            segment = %summary.id, bytes = summary.file_length, sources = replaced.len(), runs = summary.runs.len(),
            "compacted"
        );
        Ok(())
    }
}

impl Replacement {
    fn summaries(&self) -> impl Iterator<Item = &RunSummary> {
        self.runs.iter().map(|run| run.summary())
    }

    /// Whether all events of the runs are still retained. Does not change while the bounds of runs are held.
    fn is_wanted(&self) -> bool {
        let first_retained = self.table.shards()[self.shard.index()].view().first_retained;
        !self.table.is_dropped() && self.summaries().all(|run| run.first >= first_retained)
    }
}
