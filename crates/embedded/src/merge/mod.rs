//! Merging sorted sources of rows into one scan order.
//!
//! Scan order is (token, key) upwards, and within a partition (event time, sequence, shard) in the direction that the
//! reader asked for. A source is a memtable or a run: each is sorted already, so a merge only chooses which is next.
//! Partitions are merged first, then the rows of one partition among the sources that hold it, since a descending
//! scan turns the rows around and leaves the partitions as they are.
//!
//! Promises: rows come in scan order, each once, if the sources are sorted.
//!
//! Does not: do I/O or know of files; sources do, and their errors pass through unchanged.

use std::cmp::Ordering;

use annals_model::{EventTime, Sequence, Shard, StoredEvent, TimeRange, Token};

use super::heap::IndexHeap;
use annals_engine::ScanOrder;

/// A row's place within its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowPlace {
    pub(super) time: EventTime,
    pub(super) sequence: Sequence,
    pub(super) shard: Shard,
}

/// Which rows of a partition are wanted, and from which end.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowWindow {
    pub(super) times: TimeRange,
    pub(super) order: ScanOrder,
    /// Only rows that come after this one in the window's order.
    pub(super) after: Option<RowPlace>,
}

impl RowPlace {
    /// An event's place.
    pub(super) fn of(event: &StoredEvent) -> Self {
        Self { time: event.time, sequence: event.sequence, shard: event.shard }
    }
}

impl RowWindow {
    /// The (time, sequence) that rows of `shard` must come after, in the window's order. It takes the place of
    /// `after` where all rows are of one shard.
    pub(super) fn after_in(&self, shard: Shard) -> Option<(EventTime, Sequence)> {
        let after = self.after?;
        let sequence = match self.order {
            ScanOrder::Ascending if shard > after.shard => after.sequence.previous(),
            ScanOrder::Descending if shard < after.shard => after.sequence.next(),
            _ => after.sequence,
        };
        Some((after.time, sequence))
    }

    /// Whether a row comes before another in the window's order.
    pub(super) fn is_before(&self, place: RowPlace, other: RowPlace) -> bool {
        match self.order {
            ScanOrder::Ascending => place < other,
            ScanOrder::Descending => place > other,
        }
    }

    /// Whether a row of this place is in the window.
    pub(super) fn contains(&self, place: RowPlace) -> bool {
        self.times.contains(place.time) && self.after.is_none_or(|after| self.is_before(after, place))
    }
}

/// A cursor over the partitions of one sorted source.
pub(super) trait PartitionCursor {
    /// Why a source cannot go on.
    type Error;

    /// Moves to the first partition at or after (`token`, `key`); an empty key stands before all keys of its token.
    fn seek(&mut self, token: Token, key: &[u8]) -> Result<(), Self::Error>;

    /// The partition under the cursor; none at the end. Before the first `seek` there is none.
    fn partition(&self) -> Option<(Token, &[u8])>;

    /// Moves to the partition after the one under the cursor, wherever in it the cursor stands.
    fn leave(&mut self) -> Result<(), Self::Error>;
}

/// A cursor that also gives the rows of the partition under it. No two cursors of a merge hold the same row.
pub(super) trait RowCursor: PartitionCursor {
    /// Moves to the first row of the window, in the window's order, of the partition under the cursor.
    fn enter(&mut self, window: &RowWindow) -> Result<(), Self::Error>;

    /// The row under the cursor; none once the window holds no more of them.
    fn row(&self) -> Option<RowPlace>;

    /// Hands the events from the row under the cursor on to `visit`, in the window's order, as far as they come before
    /// `bound`; moves to the first row that does not, or past the window's last. If `visit` asks to stop, nothing is
    /// said of which row of the partition the cursor stands on; nor after an error, which may come when some events
    /// were handed out.
    fn visit_before(
        &mut self,
        bound: Option<RowPlace>,
        visit: &mut impl FnMut(StoredEvent) -> Flow,
    ) -> Result<Flow, Self::Error>;
}

/// A cursor that counts the rows of the partition under it.
pub(super) trait CountCursor: PartitionCursor {
    /// How many rows of the partition lie in the window.
    fn count(&mut self, window: &RowWindow) -> Result<u64, Self::Error>;
}

/// Whether a merge shall go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    Stop,
}

/// The merge of several cursors: at any time it stands on the least partition that any of them holds.
#[derive(Debug)]
pub(super) struct PartitionMerge<C> {
    cursors: Vec<C>,
    /// The cursors that stand on a partition and not on the merge's, least partition first.
    waiting: IndexHeap,
    /// The cursors that stand on the merge's partition.
    group: Vec<usize>,
    token: Token,
    key: Vec<u8>,
}

impl<C: PartitionCursor> PartitionMerge<C> {
    /// A merge of `cursors`, which stands nowhere before the first `seek`.
    pub(super) fn new(cursors: Vec<C>) -> Self {
        Self { cursors, waiting: IndexHeap::default(), group: Vec::new(), token: Token::MIN, key: Vec::new() }
    }

    /// Moves to the first partition at or after (`token`, `key`) that a cursor holds.
    pub(super) fn seek(&mut self, token: Token, key: &[u8]) -> Result<(), C::Error> {
        self.waiting.clear();
        self.group.clear();
        for (index, cursor) in self.cursors.iter_mut().enumerate() {
            cursor.seek(token, key)?;
            if cursor.partition().is_some() {
                self.group.push(index);
            }
        }
        self.requeue();
        self.gather();
        Ok(())
    }

    /// The partition that the merge stands on; none once all cursors are at their end.
    pub(super) fn partition(&self) -> Option<(Token, &[u8])> {
        (!self.group.is_empty()).then_some((self.token, &*self.key))
    }

    /// Moves to the next partition.
    pub(super) fn leave(&mut self) -> Result<(), C::Error> {
        for &index in &self.group {
            self.cursors[index].leave()?;
        }
        self.requeue();
        self.gather();
        Ok(())
    }

    /// The cursors that hold the partition that the merge stands on.
    pub(super) fn holders(&mut self) -> impl Iterator<Item = &mut C> {
        let group = &self.group;
        self.cursors.iter_mut().enumerate().filter(|(index, _)| group.contains(index)).map(|(_, cursor)| cursor)
    }

    /// Puts the cursors of the group back among those that wait.
    fn requeue(&mut self) {
        for &index in &self.group {
            if self.cursors[index].partition().is_some() {
                self.waiting.push(index, partition_order(&self.cursors));
            }
        }
        self.group.clear();
    }

    /// Takes the least partition and all cursors that stand on it out of those that wait.
    fn gather(&mut self) {
        let order = partition_order(&self.cursors);
        let Some(least) = self.waiting.pop(&order) else { return };
        self.group.push(least);
        while let Some(next) = self.waiting.peek()
            && order(least, next) == Ordering::Equal
        {
            self.waiting.pop(&order);
            self.group.push(next);
        }
        if let Some((token, key)) = self.cursors[least].partition() {
            self.token = token;
            self.key.clear();
            self.key.extend_from_slice(key);
        }
    }
}

/// The order of the cursors of a list by the partitions under them.
fn partition_order<C: PartitionCursor>(cursors: &[C]) -> impl Fn(usize, usize) -> Ordering {
    |a, b| cursors[a].partition().cmp(&cursors[b].partition())
}

impl<C: RowCursor> PartitionMerge<C> {
    /// Hands the events of the partition that the merge stands on to `visit`, in the window's order, until it asks to
    /// stop or the window is at its end. Sources mostly hold stretches that do not overlap: each is handed out whole.
    ///
    /// The merge still stands on the partition afterwards. Returns `Stop` if `visit` asked for it.
    pub(super) fn visit_rows(
        &mut self,
        window: &RowWindow,
        mut visit: impl FnMut(StoredEvent) -> Flow,
    ) -> Result<Flow, C::Error> {
        let mut queue = IndexHeap::default();
        for &index in &self.group {
            self.cursors[index].enter(window)?;
            if self.cursors[index].row().is_some() {
                queue.push(index, row_order(window.order, &self.cursors));
            }
        }
        while let Some(index) = queue.peek() {
            let next = queue.peek_second(row_order(window.order, &self.cursors));
            let bound = next.and_then(|next| self.cursors[next].row());
            debug_assert_ne!(self.cursors[index].row(), bound, "a row lies in one source");
            if self.cursors[index].visit_before(bound, &mut visit)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
            if self.cursors[index].row().is_some() {
                queue.settle_top(row_order(window.order, &self.cursors));
            } else {
                queue.pop(row_order(window.order, &self.cursors));
            }
        }
        Ok(Flow::Continue)
    }
}

/// The order of the cursors of a list by the rows under them.
fn row_order<C: RowCursor>(order: ScanOrder, cursors: &[C]) -> impl Fn(usize, usize) -> Ordering {
    move |a, b| match order {
        ScanOrder::Ascending => cursors[a].row().cmp(&cursors[b].row()),
        ScanOrder::Descending => cursors[b].row().cmp(&cursors[a].row()),
    }
}

#[cfg(test)]
mod tests;
