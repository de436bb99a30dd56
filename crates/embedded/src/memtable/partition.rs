//! One partition of a memtable: its events by (event time, sequence), and by sequence.
//!
//! The two orders are one while no event has come late, which is most partitions' whole life: the second is kept from the
//! first late event on.

use annals_model::Token;

use super::key::Key;
use super::timeline::{Entry, Timeline};

/// One partition. See the module.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) token: Token,
    pub(super) key: Key,
    timeline: Timeline,
    /// Its events by sequence, counted from the memtable's first; none while that is the timeline's order.
    arrivals: Option<Vec<u32>>,
}

impl Partition {
    /// A partition without events.
    pub(super) fn new(token: Token, key: Key) -> Self {
        Self { token, key, timeline: Timeline::default(), arrivals: None }
    }

    pub(super) fn is(&self, token: Token, key: &[u8]) -> bool {
        self.token == token && *self.key == *key
    }

    /// Its events by (time, sequence).
    pub(super) fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Adds the event that came last of all.
    pub(super) fn add(&mut self, entry: Entry) {
        if self.arrivals.is_none() && self.timeline.would_be_late(&entry) {
            let in_order = self.timeline.all();
            self.arrivals = Some(in_order.map(|entry| entry.offset).collect());
        }
        if let Some(arrivals) = &mut self.arrivals {
            arrivals.push(entry.offset);
        }
        self.timeline.add(entry);
    }

    /// How many of its events came before the first that `is_before` does not hold for; it is asked of sequences, counted
    /// from the memtable's first, and must hold for the lower ones.
    pub(super) fn count_arrived(&self, is_before: impl Fn(u32) -> bool) -> usize {
        match &self.arrivals {
            Some(arrivals) => arrivals.partition_point(|&offset| is_before(offset)),
            None => self.timeline.seek(|entry| is_before(entry.offset)).index_in_order(),
        }
    }

    /// The sequence of the `index`th event that came, counted from the memtable's first.
    pub(super) fn arrival(&self, index: usize) -> u32 {
        match &self.arrivals {
            Some(arrivals) => arrivals[index],
            None => self.timeline.nth_in_order(index).offset,
        }
    }
}
