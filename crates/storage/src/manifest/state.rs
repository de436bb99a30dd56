//! What the store consists of after all edits so far.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Edit;
use crate::framed::Position;
use crate::layout::FileNumber;
use crate::segment::{RunSummary, SegmentId, SegmentSummary};
use crate::state::SnapshotPlace;

/// What the store consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestState {
    pub(super) segments: BTreeMap<SegmentId, SegmentEntry>,
    pub(super) next_segment: SegmentId,
    pub(super) journal_first_needed: FileNumber,
    pub(super) journal_started: Option<FileNumber>,
    pub(super) journal_reached: Option<Position>,
    pub(super) snapshot: Option<SnapshotPlace>,
    pub(super) closed: Option<Position>,
    pub(super) next_edit: u64,
}

/// A segment and which of its runs are still part of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentEntry {
    /// What the manifest knows of the file.
    pub summary: Arc<SegmentSummary>,
    /// Runs that are not part of the store any more, by their place in the summary.
    pub removed_runs: BTreeSet<u32>,
}

impl SegmentEntry {
    /// The runs that are part of the store, with their places in the summary.
    pub fn runs(&self) -> impl Iterator<Item = (u32, &RunSummary)> {
        (0..).zip(&self.summary.runs).filter(|(index, _)| !self.removed_runs.contains(index))
    }
}

impl Default for ManifestState {
    fn default() -> Self {
        Self {
            segments: BTreeMap::new(),
            next_segment: SegmentId::new(1),
            journal_first_needed: FileNumber::FIRST,
            journal_started: None,
            journal_reached: None,
            snapshot: None,
            closed: None,
            next_edit: 1,
        }
    }
}

impl ManifestState {
    /// The segments that are part of the store, by id.
    pub fn segments(&self) -> &BTreeMap<SegmentId, SegmentEntry> {
        &self.segments
    }

    /// The lowest id that no segment ever named here had.
    pub fn next_segment(&self) -> SegmentId {
        self.next_segment
    }

    /// The oldest journal file whose records are not all elsewhere.
    pub fn journal_first_needed(&self) -> FileNumber {
        self.journal_first_needed
    }

    /// The newest journal file that may hold frames.
    pub fn journal_started(&self) -> Option<FileNumber> {
        self.journal_started
    }

    /// A place that the journal is known to have reached.
    pub fn journal_reached(&self) -> Option<Position> {
        self.journal_reached
    }

    /// The newest snapshot of the state.
    pub fn snapshot(&self) -> Option<&SnapshotPlace> {
        self.snapshot.as_ref()
    }

    /// Where the journal ends, if the newest edit is that the store was closed.
    pub fn closed(&self) -> Option<Position> {
        self.closed
    }

    /// The number of the next edit; from 1, over all files of the manifest.
    pub fn next_edit(&self) -> u64 {
        self.next_edit
    }

    /// Tells whether the edits can be applied one after another, without applying them.
    pub(super) fn check(&self, edits: &[Edit]) -> Result<(), String> {
        if self.next_edit.checked_add(edits.len() as u64).is_none() {
            return Err(format!(
                "{} edits from {} on, which are more than can be numbered",
                edits.len(),
                self.next_edit
            ));
        }
        let mut added: BTreeMap<SegmentId, &SegmentSummary> = BTreeMap::new();
        let mut removed = BTreeSet::new();
        for edit in edits {
            match edit {
                Edit::SegmentsAdded(segments) => {
                    for segment in segments {
                        if segment.id == SegmentId::LAST {
                            return Err(format!("segment {} is added, after which no other could be", segment.id));
                        }
                        // Segments that are written side by side need not be added in the order of their ids.
                        if self.segments.contains_key(&segment.id) || added.insert(segment.id, segment).is_some() {
                            return Err(format!("segment {} is added, and it is there already", segment.id));
                        }
                    }
                }
                Edit::RunsRemoved { segment, runs } => {
                    let present = self.segments.get(segment).map(|entry| &*entry.summary);
                    let summary = present
                        .or_else(|| added.get(segment).copied())
                        .filter(|_| !removed.contains(segment))
                        .ok_or_else(|| format!("runs of segment {segment} are removed, which is not there"))?;
                    if let Some(run) = runs.iter().find(|&&run| run as usize >= summary.runs.len()) {
                        return Err(format!("run {run} of segment {segment} is removed, which has fewer"));
                    }
                }
                Edit::SegmentRemoved { segment } => {
                    let is_there = self.segments.contains_key(segment) || added.contains_key(segment);
                    if !is_there || !removed.insert(*segment) {
                        return Err(format!("segment {segment} is removed, which is not there"));
                    }
                }
                Edit::JournalStarted { file } => {
                    if self.journal_started.is_some_and(|started| *file <= started) {
                        return Err(format!("journal file {file} is begun after a later one"));
                    }
                }
                Edit::JournalReleased { first_needed } => self.check_release(*first_needed, edits)?,
                Edit::StateSnapshot(_) | Edit::JournalReached { .. } | Edit::CleanClose { .. } => {}
            }
        }
        Ok(())
    }

    /// State records of files that are given up must be in a snapshot. The newest file is always needed: the next one
    /// follows it.
    fn check_release(&self, first_needed: FileNumber, edits: &[Edit]) -> Result<(), String> {
        if first_needed > self.journal_started.unwrap_or(FileNumber::FIRST) {
            return Err(format!("journal files before {first_needed} are released, which was never begun"));
        }
        let newest_of_edits = edits.iter().rev().find_map(|edit| match edit {
            Edit::StateSnapshot(place) => Some(place),
            _ => None,
        });
        let covered = newest_of_edits.or(self.snapshot.as_ref()).map(|place| place.position.file.next());
        if first_needed > self.journal_first_needed && covered.is_none_or(|covered| first_needed > covered) {
            return Err(format!("journal files before {first_needed} are released, and no state snapshot covers them"));
        }
        Ok(())
    }

    /// Applies edits that were checked.
    pub(super) fn apply(&mut self, edits: &[Edit]) {
        for edit in edits {
            self.closed = None;
            self.next_edit += 1;
            match edit {
                Edit::SegmentsAdded(segments) => segments.iter().for_each(|segment| self.add(segment)),
                Edit::RunsRemoved { segment, runs } => {
                    if let Some(entry) = self.segments.get_mut(segment) {
                        entry.removed_runs.extend(runs);
                    }
                }
                Edit::SegmentRemoved { segment } => {
                    self.segments.remove(segment);
                }
                Edit::JournalStarted { file } => self.journal_started = Some(*file),
                Edit::JournalReached { position } => {
                    let is_newer = self.journal_reached.is_none_or(|reached| reached.place() < position.place());
                    if is_newer {
                        self.journal_reached = Some(*position);
                    }
                }
                Edit::JournalReleased { first_needed } => {
                    self.journal_first_needed = self.journal_first_needed.max(*first_needed);
                }
                Edit::StateSnapshot(place) => self.snapshot = Some(*place),
                Edit::CleanClose { position } => self.closed = Some(*position),
            }
        }
    }

    fn add(&mut self, segment: &SegmentSummary) {
        self.next_segment = self.next_segment.max(segment.id.next());
        let entry = SegmentEntry { summary: Arc::new(segment.clone()), removed_runs: BTreeSet::new() };
        self.segments.insert(segment.id, entry);
    }
}
