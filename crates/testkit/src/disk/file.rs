//! A file's bytes: as they are seen, and as a power cut would leave them.

use std::collections::BTreeSet;

/// The unit that a power cut keeps or loses.
pub(super) const SECTOR_BYTES: usize = 512;

/// The bytes of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) seen: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors in which the two may differ, and which a sync makes durable.
    unsynced: BTreeSet<u64>,
}

impl Content {
    /// Writes, and grows the file as needed.
    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if self.seen.len() < end {
            self.note(self.seen.len(), end);
            self.seen.resize(end, 0);
        }
        self.seen[offset..end].copy_from_slice(bytes);
        self.note(offset, end);
    }

    fn note(&mut self, start: usize, end: usize) {
        if start < end {
            self.unsynced.extend((start / SECTOR_BYTES) as u64..=((end - 1) / SECTOR_BYTES) as u64);
        }
    }

    /// Makes all that is seen durable, but for what a failed sync dropped.
    pub(super) fn sync(&mut self) {
        let unsynced = std::mem::take(&mut self.unsynced);
        for &sector in &unsynced {
            self.settle(sector);
        }
        self.durable.resize(self.seen.len(), 0);
    }

    /// Forgets that anything was to be made durable.
    pub(super) fn fail_sync(&mut self) {
        self.unsynced.clear();
    }

    /// Leaves of what was not synced the sectors that `keep` names.
    pub(super) fn cut(&mut self, mut keep: impl FnMut(u64) -> bool) {
        for sector in std::mem::take(&mut self.unsynced) {
            if keep(sector) {
                self.settle(sector);
            }
        }
        self.seen = self.durable.clone();
    }

    fn settle(&mut self, sector: u64) {
        let start = usize::try_from(sector).expect("a sector of a file in memory") * SECTOR_BYTES;
        let end = self.seen.len().min(start + SECTOR_BYTES);
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        if start < end {
            self.durable[start..end].copy_from_slice(&self.seen[start..end]);
        }
    }

    /// Changes bytes behind the back of whoever uses the file, durably.
    pub(super) fn damage(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.seen);
        self.durable = self.seen.clone();
        self.unsynced.clear();
    }
}
