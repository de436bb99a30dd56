//! All changes that a disk went through, to stop at any of them and take the power away there.

use super::memory::MemoryDisk;
use super::state::{Change, State, Unsynced, digest_of};

/// The changes of a disk from when its recording began, in order.
#[derive(Clone, Debug)]
pub struct Recording {
    start: State,
    changes: Vec<Change>,
}

impl Recording {
    pub(super) fn new(start: State) -> Self {
        Self { start, changes: Vec::new() }
    }

    pub(super) fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// How many changes there were.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// A digest of the disk as it was, and of all changes in their order.
    pub fn digest(&self) -> u64 {
        digest_of(&(&self.start, &self.changes))
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Goes through the changes once more, from before the first.
    pub fn play(&self) -> Playback<'_> {
        Playback { recording: self, state: self.start.clone(), at: 0 }
    }
}

/// A disk that goes through recorded changes one by one.
#[derive(Clone, Debug)]
pub struct Playback<'recording> {
    recording: &'recording Recording,
    state: State,
    at: usize,
}

impl Playback<'_> {
    /// How many changes were gone through.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes through the next change; false if there is none.
    pub fn step(&mut self) -> bool {
        let Some(change) = self.recording.changes.get(self.at) else { return false };
        self.state.apply(change);
        self.at += 1;
        true
    }

    /// Goes on until `at` changes were gone through, or there are no more.
    pub fn step_to(&mut self, at: usize) {
        while self.at < at && self.step() {}
    }

    /// Whether the next change makes something durable: just before it there is most to lose.
    pub fn is_before_sync(&self) -> bool {
        let next = self.recording.changes.get(self.at);
        matches!(next, Some(Change::Synced { .. } | Change::DirectorySynced { .. }))
    }

    /// How many sectors and names a power cut here may keep or lose.
    pub fn unsynced(&self) -> usize {
        self.state.unsynced()
    }

    /// The disk after a power cut here, which leaves of what was not synced what `keep` takes.
    #[must_use]
    pub fn cut(&self, keep: impl FnMut(Unsynced<'_>) -> bool) -> MemoryDisk {
        let mut state = self.state.clone();
        state.cut(keep);
        MemoryDisk::holding(state)
    }
}
