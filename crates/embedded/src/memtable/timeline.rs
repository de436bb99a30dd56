//! The events of one partition of a memtable, by (event time, sequence).
//!
//! A sorted list in chunks: an event that comes in time order is pushed onto the last chunk; a late one is put into
//! its chunk, which moves at most a chunk's entries, whatever the partition holds.

use annals_model::{EventTime, Sequence};
use smallvec::SmallVec;

/// Entries of a full chunk. A late event moves half of them on average: 4 KiB, well under a microsecond.
const CHUNK_ENTRIES: usize = 512;

/// Where one event lies and what places it in its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// The event's time.
    pub(super) time: EventTime,
    /// Its sequence, counted from the memtable's first.
    pub(super) offset: u32,
    /// Which of the memtable's batches holds it.
    pub(super) batch: u32,
}

/// Entries in order. See the module.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// Chunks before the last; none of them empty.
    earlier: Vec<Vec<Entry>>,
    /// Empty only if the timeline is. The only entry of a partition that has one lies here, and not in a place of its own.
    last: SmallVec<[Entry; 1]>,
}

/// A place between two entries of a timeline, or before all or after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cursor {
    chunk: usize,
    index: usize,
}

impl Cursor {
    /// The place before all entries.
    pub(super) const START: Self = Self { chunk: 0, index: 0 };

    /// How many entries lie before it, if none has come late: then all chunks before the last are full.
    pub(super) fn index_in_order(self) -> usize {
        self.chunk * CHUNK_ENTRIES + self.index
    }
}

impl Timeline {
    /// The entry behind all others.
    pub(super) fn newest(&self) -> Option<&Entry> {
        self.last.last()
    }

    /// Whether an entry belongs before one that is here.
    pub(super) fn would_be_late(&self, entry: &Entry) -> bool {
        self.newest().is_some_and(|newest| entry < newest)
    }

    /// Adds an entry in its place.
    pub(super) fn add(&mut self, entry: Entry) {
        if self.would_be_late(&entry) {
            return self.add_late(entry);
        }
        if self.last.len() == CHUNK_ENTRIES {
            let full = std::mem::replace(&mut self.last, SmallVec::with_capacity(CHUNK_ENTRIES));
            self.earlier.push(full.into_vec());
        }
        self.last.push(entry);
    }

    fn add_late(&mut self, entry: Entry) {
        let index = self.earlier.partition_point(|chunk| chunk.last().is_some_and(|&newest| newest < entry));
        if let Some(chunk) = self.earlier.get_mut(index) {
            chunk.insert(chunk.partition_point(|&present| present < entry), entry);
            if chunk.len() > CHUNK_ENTRIES {
                let upper = chunk.split_off(CHUNK_ENTRIES / 2);
                self.earlier.insert(index + 1, upper);
            }
            return;
        }
        self.last.insert(self.last.partition_point(|&present| present < entry), entry);
        if self.last.len() > CHUNK_ENTRIES {
            let upper = self.last.drain(CHUNK_ENTRIES / 2..).collect();
            self.earlier.push(std::mem::replace(&mut self.last, upper).into_vec());
        }
    }

    /// The place before the first entry that `is_before` does not hold for; it must hold for a prefix.
    pub(super) fn seek(&self, is_before: impl Fn(&Entry) -> bool) -> Cursor {
        let chunk = self.earlier.partition_point(|chunk| chunk.last().is_some_and(&is_before));
        Cursor { chunk, index: self.chunk(chunk).map_or(0, |entries| entries.partition_point(is_before)) }
    }

    /// The place after all entries.
    pub(super) fn end(&self) -> Cursor {
        Cursor { chunk: self.earlier.len(), index: self.last.len() }
    }

    /// All entries, in order.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.between(Cursor::START, self.end())
    }

    /// The entry that so many lie before, if none has come late.
    pub(super) fn nth_in_order(&self, index: usize) -> &Entry {
        let entries = self.chunk(index / CHUNK_ENTRIES).expect("an entry that is here");
        &entries[index % CHUNK_ENTRIES]
    }

    /// The entries between two places, in order.
    pub(super) fn between(&self, from: Cursor, to: Cursor) -> impl DoubleEndedIterator<Item = &Entry> {
        (from.chunk..=to.chunk).flat_map(move |index| {
            let entries = self.chunk(index).unwrap_or_default();
            let start = if index == from.chunk { from.index } else { 0 };
            let end = if index == to.chunk { to.index } else { entries.len() };
            &entries[start.min(end)..end]
        })
    }

    fn chunk(&self, index: usize) -> Option<&[Entry]> {
        match index.checked_sub(self.earlier.len()) {
            None => Some(&self.earlier[index]),
            Some(0) => Some(&self.last),
            Some(_) => None,
        }
    }
}

impl Entry {
    /// The event's sequence in a memtable that begins at `first`.
    pub(super) fn sequence(&self, first: Sequence) -> Sequence {
        first.advanced_by(u64::from(self.offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(time: i64, offset: u32) -> Entry {
        Entry { time: EventTime::from_unix_nanos(time), offset, batch: 0 }
    }

    fn all(timeline: &Timeline) -> Vec<Entry> {
        timeline.all().copied().collect()
    }

    #[test]
    fn late_events_take_their_place_among_thousands() {
        let mut timeline = Timeline::default();
        let mut expected = Vec::new();
        // Strides that are coprime to the count visit every time once, far out of order.
        for (offset, step) in (0..5_000_u32).zip((0..).step_by(1_777)) {
            let added = entry(step % 5_000, offset);
            timeline.add(added);
            expected.push(added);
        }
        expected.sort_unstable();
        assert_eq!(all(&timeline), expected);
        let backwards: Vec<_> = timeline.all().rev().copied().collect();
        assert!(backwards.iter().rev().eq(&expected));
        let (from, to) = (timeline.seek(|e| e.time.unix_nanos() < 100), timeline.seek(|e| e.time.unix_nanos() < 1_300));
        assert!(timeline.between(from, to).eq(&expected[100..1_300]));
    }

    #[test]
    fn events_of_one_time_keep_the_order_of_their_sequences() {
        let mut timeline = Timeline::default();
        for offset in 0..2_000 {
            timeline.add(entry(i64::from(offset % 2), offset));
        }
        let found = all(&timeline);
        assert!(found.is_sorted());
        assert_eq!(found.len(), 2_000);
    }

    #[test]
    fn entries_that_came_in_order_are_found_by_their_number() {
        let mut timeline = Timeline::default();
        for offset in 0..2_000 {
            timeline.add(entry(i64::from(offset) / 3, offset));
        }
        for offset in [0, 1, 511, 512, 1_023, 1_024, 1_999] {
            assert_eq!(timeline.nth_in_order(offset as usize).offset, offset);
            assert_eq!(timeline.seek(|entry| entry.offset < offset).index_in_order(), offset as usize);
        }
        assert_eq!(timeline.end().index_in_order(), 2_000);
    }

    #[test]
    fn an_empty_timeline_has_nothing_between_its_ends() {
        let timeline = Timeline::default();
        assert_eq!(timeline.all().count(), 0);
        assert_eq!(timeline.seek(|_| true), timeline.end());
    }
}
