//! A file's bytes: as they are seen, and as a power cut would leave them.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The unit that a power cut keeps or loses.
pub(super) const SECTOR_BYTES: usize = 512;

/// The bytes of one file. A clone shares them until one of the two is changed.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Content {
    seen: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    /// Sectors in which the two may differ, and which a sync makes durable.
    unsynced: BTreeSet<u64>,
    /// Whether a failed sync left the two different in sectors that no sync will make durable.
    has_dropped: bool,
}

impl Content {
    /// The bytes as a reader sees them.
    pub(super) fn seen(&self) -> &[u8] {
        &self.seen
    }

    /// Writes, and grows the file as needed.
    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        let length = self.seen.len();
        let seen = Arc::make_mut(&mut self.seen);
        if length < end {
            seen.resize(end, 0);
        }
        seen[offset..end].copy_from_slice(bytes);
        self.note(offset.min(length), end);
    }

    fn note(&mut self, start: usize, end: usize) {
        if start < end {
            self.unsynced.extend((start / SECTOR_BYTES) as u64..=((end - 1) / SECTOR_BYTES) as u64);
        }
    }

    /// Makes all that is seen durable, but for what a failed sync dropped.
    pub(super) fn sync(&mut self) {
        let unsynced = std::mem::take(&mut self.unsynced);
        if !self.has_dropped {
            self.durable = Arc::clone(&self.seen);
            return;
        }
        for &sector in &unsynced {
            self.settle(sector);
        }
        Arc::make_mut(&mut self.durable).resize(self.seen.len(), 0);
    }

    /// Forgets that anything was to be made durable.
    pub(super) fn fail_sync(&mut self) {
        self.has_dropped |= !self.unsynced.is_empty();
        self.unsynced.clear();
    }

    /// Leaves of what was not synced the sectors that `keep` names.
    pub(super) fn cut(&mut self, mut keep: impl FnMut(u64) -> bool) {
        for sector in std::mem::take(&mut self.unsynced) {
            if keep(sector) {
                self.settle(sector);
            }
        }
        self.seen = Arc::clone(&self.durable);
        self.has_dropped = false;
    }

    /// How many sectors were not synced.
    pub(super) fn unsynced(&self) -> usize {
        self.unsynced.len()
    }

    fn settle(&mut self, sector: u64) {
        let start = usize::try_from(sector).expect("a sector of a file in memory") * SECTOR_BYTES;
        let end = self.seen.len().min(start + SECTOR_BYTES);
        let durable = Arc::make_mut(&mut self.durable);
        if durable.len() < end {
            durable.resize(end, 0);
        }
        if start < end {
            durable[start..end].copy_from_slice(&self.seen[start..end]);
        }
    }

    /// Changes bytes behind the back of whoever uses the file, durably.
    pub(super) fn damage(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        change(Arc::make_mut(&mut self.seen));
        self.durable = Arc::clone(&self.seen);
        self.unsynced.clear();
        self.has_dropped = false;
    }
}
