//! Flush: frozen memtables become runs of a segment.
//!
//! One thread takes what the commit thread has frozen and writes it, one file for all shards at hand. The order keeps
//! every event in exactly one place for readers, and on the disk in at least one: the file is sealed and synced, then
//! the manifest names it, then each shard's view has the runs in place of the memtables, and only then may the journal
//! let the events go.
//!
//! A full disk is waited out; memory then fills and appends are refused. Any other failure ends the taking of appends,
//! since what the journal holds would grow without end.
//!
//! Promises: every event is in one place for readers, and on the disk in at least one, at every step.
//!
//! Does not: give journal files up, or choose what is frozen.

mod thread;
mod write;

pub(crate) use thread::Flusher;
#[cfg(test)]
pub(crate) use write::write_memtable;

use std::sync::Arc;

use annals_storage::framed::Position;
use annals_storage::manifest::ManifestError;
use annals_storage::segment::{Compression, WriteError};

use super::backlog::FrozenMemtable;
use super::runs::LiveRun;
use super::segment_set::SegmentSet;

/// Why memtables were not flushed. They are as they were.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FlushError {
    /// There is no space. It is worth trying again.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// It is not worth trying again.
    #[error("{0}")]
    Failed(String),
}

impl From<WriteError> for FlushError {
    fn from(error: WriteError) -> Self {
        if error.is_disk_full() { Self::DiskFull(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

impl From<ManifestError> for FlushError {
    fn from(error: ManifestError) -> Self {
        match error {
            ManifestError::Full(_) => Self::DiskFull(error.to_string()),
            ManifestError::Refused(_) | ManifestError::Failed { .. } => Self::Failed(error.to_string()),
        }
    }
}

/// Writes memtables to one segment and puts its runs in their place. Of each shard they are the oldest frozen ones, in
/// order. Tables that were dropped are passed over. `reached` is how far the journal is durable by now.
pub(crate) fn flush(
    segments: &SegmentSet,
    memtables: &[FrozenMemtable],
    reached: Option<Position>,
    compression: Compression,
) -> Result<(), FlushError> {
    let wanted: Vec<_> = memtables.iter().filter(|frozen| !frozen.table.is_dropped()).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut writer = segments.create(compression)?;
    let mut run_counts = Vec::with_capacity(wanted.len());
    for frozen in &wanted {
        match write::write_memtable(&mut writer, frozen.table.id(), &frozen.memtable) {
            Ok(count) => run_counts.push(count),
            Err(error) => {
                if let Err(left) = writer.abandon() {
                    tracing::warn!("an unfinished segment stays until the next opening: {left}");
                }
                return Err(error.into());
            }
        }
    }
    let summary = writer.finish()?;
    let mut runs = segments.add(&summary, &[], &[], reached)?.into_iter();
    for (frozen, count) in wanted.into_iter().zip(run_counts) {
        put_in_place(frozen, runs.by_ref().take(count).collect());
    }
    Ok(())
}

fn put_in_place(frozen: &FrozenMemtable, runs: Vec<Arc<LiveRun>>) {
    frozen.table.shards()[frozen.shard.index()].change(|view| {
        let place = view.frozen.iter().position(|memtable| Arc::ptr_eq(memtable, &frozen.memtable));
        debug_assert_eq!(place, Some(0), "a shard's oldest memtable is flushed first");
        view.frozen.retain(|memtable| !Arc::ptr_eq(memtable, &frozen.memtable));
        view.runs = view.runs.followed_by(runs);
    });
}
