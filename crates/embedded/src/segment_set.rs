//! The segments of a store that is open for writing: the one place where what it consists of changes.
//!
//! A segment is part of the store from the moment that the manifest names it, and until it does not. Its file is removed
//! only because an edit of the manifest took it away, and once no reader's view holds a run of it. Files that the
//! manifest does not know are never removed; they are moved aside.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use annals_model::TableId;
use annals_storage::disk::Disk;
use annals_storage::framed::Position;
use annals_storage::layout;
use annals_storage::manifest::{Edit, Manifest, ManifestError, ManifestState, SegmentEntry};
use annals_storage::segment::{Compression, RunSummary, SegmentId, SegmentSummary, Segments, WriteError, Writer};

use super::runs::{LiveRun, SegmentHandle};
use crate::sync::{HashSet, Mutex, MutexGuard};

/// The segments of an open store. See the module.
#[derive(Debug)]
pub(crate) struct SegmentSet {
    segments: Arc<Segments>,
    manifest: Arc<Manifest>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    next_id: SegmentId,
    by_id: BTreeMap<SegmentId, Arc<SegmentHandle>>,
    /// Segments that the manifest does not name any more and whose files are still there.
    leaving: Vec<Arc<SegmentHandle>>,
}

/// Segment handles by id, with the runs that the manifest names.
#[derive(Debug, Default)]
pub(crate) struct OpenedSegments {
    handles: BTreeMap<SegmentId, Arc<SegmentHandle>>,
}

impl OpenedSegments {
    /// The runs that the manifest names, in no order that matters. Reads no segment.
    pub(crate) fn open(segments: &Arc<Segments>, manifest: &ManifestState) -> (Self, Vec<Arc<LiveRun>>) {
        let (mut opened, mut runs) = (Self::default(), Vec::new());
        for (&id, entry) in manifest.segments() {
            let handle = SegmentHandle::new(id);
            let stored = segments.runs(&entry.summary);
            runs.extend(
                entry.runs().map(|(index, _)| LiveRun::new(Arc::clone(&handle), stored[index as usize].clone())),
            );
            opened.handles.insert(id, handle);
        }
        (opened, runs)
    }

    /// Those that are not among the `sealed` files.
    pub(crate) fn missing(&self, sealed: &[SegmentId]) -> Vec<SegmentId> {
        let sealed: HashSet<_> = sealed.iter().copied().collect();
        self.handles.keys().copied().filter(|id| !sealed.contains(id)).collect()
    }
}

impl SegmentSet {
    /// The segments that were opened. Clears away what was never finished, and moves aside what nobody knows.
    ///
    /// # Errors
    /// When the directory cannot be read or changed.
    pub(crate) fn new(
        segments: Arc<Segments>,
        manifest: Arc<Manifest>,
        opened: OpenedSegments,
        disk: &dyn Disk,
    ) -> io::Result<Self> {
        for name in segments.remove_partial().map_err(io::Error::other)? {
            tracing::info!(file = %name.display(), "removed a segment that was never finished");
        }
        let directory = Path::new(layout::SEGMENTS);
        let mut next_id = manifest.read(ManifestState::next_segment);
        let (sealed, strangers) = segments.list()?;
        let unnamed = sealed.into_iter().filter(|id| !opened.handles.contains_key(id)).collect::<Vec<_>>();
        next_id = unnamed.iter().map(|id| id.next()).fold(next_id, Ord::max);
        let names = unnamed.iter().map(|id| id.file_name().into()).chain(strangers).collect::<Vec<_>>();
        move_aside(disk, directory, &names)?;
        let held = Held { next_id, by_id: opened.handles, leaving: Vec::new() };
        Ok(Self { segments, manifest, held: Mutex::new(held) })
    }

    /// The manifest.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Begins to write a segment whose pages are compressed in this way.
    ///
    /// # Errors
    /// When its file cannot be made.
    pub(crate) fn create(&self, compression: Compression) -> Result<Writer, WriteError> {
        let mut held = self.lock();
        let id = held.next_id;
        held.next_id = id.next();
        drop(held);
        let mut writer = self.segments.create(id)?;
        writer.set_compression(compression)?;
        Ok(writer)
    }

    /// Makes a sealed segment part of the store, without its `unwanted` runs, and takes the `replaced` runs away, in one
    /// step. Gives all its runs, in the order in which they lie in it. `reached` is how far the journal is durable: noted
    /// with the segment, so that a journal put back to an older copy is found even if the store was not closed.
    ///
    /// # Errors
    /// Nothing has changed then, but for `Failed`. After `Full` the segment's file is gone again.
    pub(crate) fn add(
        &self,
        summary: &SegmentSummary,
        replaced: &[Arc<LiveRun>],
        unwanted: &[u32],
        reached: Option<Position>,
    ) -> Result<Vec<Arc<LiveRun>>, ManifestError> {
        let mut held = self.lock();
        let mut edits = vec![Edit::SegmentsAdded(vec![summary.clone()])];
        edits.extend(reached.map(|position| Edit::JournalReached { position }));
        if !unwanted.is_empty() {
            edits.push(Edit::RunsRemoved { segment: summary.id, runs: unwanted.to_vec() });
        }
        let gone = self.removals(replaced, &mut edits);
        if let Err(error) = self.manifest.append(&edits) {
            if matches!(error, ManifestError::Full(_))
                && let Err(error) = self.segments.remove(summary.id)
            {
                tracing::warn!("a segment that found no place in the manifest stays until the next opening: {error}");
            }
            return Err(error);
        }
        let handle = SegmentHandle::new(summary.id);
        held.by_id.insert(summary.id, Arc::clone(&handle));
        held.let_go(&gone);
        let runs = self.segments.runs(summary);
        Ok(runs.into_iter().map(|run| LiveRun::new(Arc::clone(&handle), run)).collect())
    }

    /// Takes runs away.
    ///
    /// # Errors
    /// Nothing has changed then, but for `Failed`.
    pub(crate) fn remove(&self, runs: &[Arc<LiveRun>]) -> Result<(), ManifestError> {
        let mut held = self.lock();
        let mut edits = Vec::new();
        let gone = self.removals(runs, &mut edits);
        if !edits.is_empty() {
            self.manifest.append(&edits)?;
            held.let_go(&gone);
        }
        Ok(())
    }

    /// Takes all runs of tables away; gives how many there were.
    ///
    /// # Errors
    /// Nothing has changed then, but for `Failed`.
    pub(crate) fn remove_tables(&self, tables: &HashSet<TableId>) -> Result<usize, ManifestError> {
        let mut held = self.lock();
        let mut removed: BTreeMap<SegmentId, BTreeSet<u32>> = BTreeMap::new();
        self.manifest.read(|state| {
            for (&id, entry) in state.segments() {
                for (index, _) in entry.runs().filter(|(_, run)| tables.contains(&run.table)) {
                    removed.entry(id).or_default().insert(index);
                }
            }
        });
        let mut edits = Vec::new();
        let gone = self.removal_edits(&removed, &mut edits);
        if !edits.is_empty() {
            self.manifest.append(&edits)?;
            held.let_go(&gone);
        }
        Ok(removed.values().map(BTreeSet::len).sum())
    }

    /// The segments with the bytes of their runs that are still there, and of their files.
    pub(crate) fn sizes(&self) -> Vec<(SegmentId, u64, u64)> {
        self.manifest.read(|state| {
            let live = |entry: &SegmentEntry| entry.runs().map(|(_, run)| run.length).sum();
            state.segments().iter().map(|(&id, entry)| (id, live(entry), entry.summary.file_length)).collect()
        })
    }

    /// Those runs of a segment that are still there, with the segment and their numbers in it.
    pub(crate) fn runs_of(&self, id: SegmentId) -> Vec<(SegmentId, u32, RunSummary)> {
        self.manifest.read(|state| {
            let runs = state.segments().get(&id).into_iter().flat_map(SegmentEntry::runs);
            runs.map(|(number, run)| (id, number, run.clone())).collect()
        })
    }

    /// Removes the files of segments that were taken away and that nobody reads any more.
    pub(crate) fn remove_files(&self) {
        let leaving = std::mem::take(&mut self.lock().leaving);
        // Nobody can come to hold a segment that is in no view any more, so one that is held here alone stays so.
        let (free, held): (Vec<_>, Vec<_>) = leaving.into_iter().partition(|handle| Arc::strong_count(handle) == 1);
        let mut failed = Vec::new();
        for handle in free {
            if let Err(error) = self.segments.remove(handle.id()) {
                tracing::warn!(segment = %handle.id(), "a file that is not needed any more stays, which is tried again: {error}");
                failed.push(handle);
            }
        }
        self.lock().leaving.extend(held.into_iter().chain(failed));
    }

    /// The edits that take `runs` away; gives the segments of which nothing is left.
    fn removals(&self, runs: &[Arc<LiveRun>], edits: &mut Vec<Edit>) -> Vec<SegmentId> {
        let mut removed: BTreeMap<SegmentId, BTreeSet<u32>> = BTreeMap::new();
        for run in runs {
            removed.entry(run.segment().id()).or_default().insert(run.stored().number());
        }
        self.removal_edits(&removed, edits)
    }

    fn removal_edits(&self, removed: &BTreeMap<SegmentId, BTreeSet<u32>>, edits: &mut Vec<Edit>) -> Vec<SegmentId> {
        let mut gone = Vec::new();
        self.manifest.read(|state| {
            for (&segment, runs) in removed {
                let Some(entry) = state.segments().get(&segment) else { continue };
                if entry.runs().all(|(index, _)| runs.contains(&index)) {
                    edits.push(Edit::SegmentRemoved { segment });
                    gone.push(segment);
                } else {
                    edits.push(Edit::RunsRemoved { segment, runs: runs.iter().copied().collect() });
                }
            }
        });
        gone
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn let_go(&mut self, gone: &[SegmentId]) {
        self.leaving.extend(gone.iter().filter_map(|id| self.by_id.remove(id)));
    }
}

/// Moves files that the store did not make, or does not know of, into quarantine.
fn move_aside(disk: &dyn Disk, directory: &Path, names: &[std::path::PathBuf]) -> io::Result<()> {
    for name in names {
        let aside = Path::new(layout::QUARANTINE).join(name);
        tracing::warn!(
            file = %directory.join(name).display(), to = %aside.display(),
            "nothing in the store names this file; it is kept in quarantine"
        );
        disk.rename(&directory.join(name), &aside)?;
    }
    if names.is_empty() {
        return Ok(());
    }
    disk.sync_directory(Path::new(layout::QUARANTINE))?;
    disk.sync_directory(directory)
}
