//! What readers ask of a memtable.
//!
//! Every answer leaves out events after the sequence that the reader gives: they may not be durable yet. Answers own
//! what they hold (sharing the batches' buffers), so nothing stays locked between two calls.

use std::hint::black_box;
use std::ops::{BitXor, Bound, RangeInclusive};
use std::sync::{Arc, PoisonError};

use annals_model::{CommitTime, EventTime, Row, Sequence, Shard, StoredEvent, TimeRange, Token};
use bytes::Bytes;

use super::partition::Partition;
use super::partitions::lower_bound;
use super::timeline::{Cursor, Entry};
use super::{ArrivedBatch, Contents, Memtable};
use annals_engine::{PageBounds, ScanOrder};

/// Rows that are looked up together before they are shown in sorted order.
const ROWS_AHEAD: usize = 64;

/// Which events of one partition are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimelineRead {
    /// Which times.
    pub(crate) times: TimeRange,
    /// Events after this sequence are not seen.
    pub(crate) through: Sequence,
    /// Which end first.
    pub(crate) order: ScanOrder,
    /// Only what comes after this place in the order asked for.
    pub(crate) after: Option<(EventTime, Sequence)>,
    /// How much; at least one event is given if there is one.
    pub(crate) bounds: PageBounds,
}

/// Events of one partition, in the order asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimelinePage {
    /// The events.
    pub(crate) events: Vec<StoredEvent>,
    /// Whether the bounds may have left events out; go on after the last one.
    pub(crate) is_cut: bool,
}

/// A partition by its place in the token order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionPlace {
    /// The key's token.
    pub(crate) token: Token,
    /// The key, sharing a batch's buffer.
    pub(crate) key: Bytes,
}

/// What a memtable holds of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionSummary {
    /// Which partition.
    pub(crate) place: PartitionPlace,
    /// Its events.
    pub(crate) event_count: u64,
    /// The earliest event time.
    pub(crate) min_time: EventTime,
    /// The latest event time.
    pub(crate) max_time: EventTime,
    /// The sequence of the event that came last.
    pub(crate) last_sequence: Sequence,
}

/// One event in the order of a run: by (token, key, event time, sequence).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SortedRow<'memtable> {
    /// The key's token.
    pub(crate) token: Token,
    /// The partition key.
    pub(crate) key: &'memtable [u8],
    /// The event's time.
    pub(crate) time: EventTime,
    /// Its sequence.
    pub(crate) sequence: Sequence,
    /// The encoded event.
    pub(crate) event: &'memtable [u8],
    /// The key's first byte in `event`.
    pub(crate) key_offset: u32,
}

impl Memtable {
    /// The shard whose events these are.
    pub(crate) fn shard(&self) -> Shard {
        self.shard
    }

    /// The batches with events from `from` through `through`, in order; stops after the batch that makes the wanted
    /// events pass `bytes_max`. Gives at least one if there is one; their ends may lie outside what was asked for.
    pub(crate) fn arrivals(&self, from: Sequence, through: Sequence, bytes_max: usize) -> Vec<Arc<ArrivedBatch>> {
        let contents = self.read_contents();
        let start = contents.batches.partition_point(|batch| batch.next_sequence() <= from);
        let mut bytes = 0;
        contents.batches[start..]
            .iter()
            .take_while(|batch| {
                let wanted = batch.first_sequence <= through && bytes <= bytes_max;
                let rows = &batch.batch.rows()[batch.rows_between(from, through)];
                bytes += rows.iter().map(|row| row.length as usize).sum::<usize>();
                wanted
            })
            .cloned()
            .collect()
    }

    /// The events of one partition with sequences from `from` through `through`, in arrival order, within `bounds`.
    pub(crate) fn partition_arrivals(
        &self,
        (token, key): (Token, &[u8]),
        (from, through): (Sequence, Sequence),
        bounds: PageBounds,
    ) -> TimelinePage {
        let contents = self.read_contents();
        let Some(partition) = contents.partitions.find(token, key) else {
            return TimelinePage::default();
        };
        let start = partition.count_arrived(|offset| self.sequence_at(offset) < from);
        let end = self.visible_arrivals(partition, through).max(start);
        let events = (start..end).map(|index| {
            let sequence = self.sequence_at(partition.arrival(index));
            let batch = contents.batches.partition_point(|batch| batch.next_sequence() <= sequence);
            contents.event(batch, sequence)
        });
        TimelinePage::of(events, bounds)
    }

    /// The events of one partition in time order. Nothing if the partition is not here.
    pub(crate) fn partition_events(&self, token: Token, key: &[u8], read: &TimelineRead) -> TimelinePage {
        let contents = self.read_contents();
        let Some(partition) = contents.partitions.find(token, key) else {
            return TimelinePage::default();
        };
        let timeline = partition.timeline();
        let mut from = read.times.start().map_or(Cursor::START, |start| timeline.seek(|entry| entry.time < start));
        let mut to = read.times.end().map_or(timeline.end(), |end| timeline.seek(|entry| entry.time < end));
        let place = |entry: &Entry| (entry.time, entry.sequence(self.first));
        match (read.after, read.order) {
            (None, _) => {}
            (Some(after), ScanOrder::Ascending) => from = from.max(timeline.seek(|entry| place(entry) <= after)),
            (Some(after), ScanOrder::Descending) => to = to.min(timeline.seek(|entry| place(entry) < after)),
        }
        let to = to.max(from);
        let event = |entry: &Entry| {
            let sequence = entry.sequence(self.first);
            (sequence <= read.through).then(|| contents.event(entry.batch as usize, sequence))
        };
        let entries = timeline.between(from, to);
        match read.order {
            ScanOrder::Ascending => TimelinePage::of(entries.filter_map(event), read.bounds),
            ScanOrder::Descending => TimelinePage::of(entries.rev().filter_map(event), read.bounds),
        }
    }

    /// How many events of one partition lie in `times` and at or before `through`.
    pub(crate) fn count_events(&self, token: Token, key: &[u8], times: TimeRange, through: Sequence) -> u64 {
        let contents = self.read_contents();
        let Some(partition) = contents.partitions.find(token, key) else {
            return 0;
        };
        if times == TimeRange::ALL {
            return self.visible_arrivals(partition, through) as u64;
        }
        let timeline = partition.timeline();
        let from = times.start().map_or(Cursor::START, |start| timeline.seek(|entry| entry.time < start));
        let to = times.end().map_or(timeline.end(), |end| timeline.seek(|entry| entry.time < end));
        timeline.between(from, to.max(from)).filter(|entry| entry.sequence(self.first) <= through).count() as u64
    }

    /// The next partitions in the order of (token, key), at most `partitions_max`, none past `last`. Some may have no
    /// event that the reader may see yet.
    pub(crate) fn partitions_from(
        &self,
        from: Bound<(Token, &[u8])>,
        last: Token,
        partitions_max: usize,
    ) -> Vec<PartitionPlace> {
        let contents = self.read_contents();
        let order = self.token_order.lock().unwrap_or_else(PoisonError::into_inner).of(&contents.partitions);
        let start = lower_bound(&order, &contents.partitions, from);
        order[start..]
            .iter()
            .map(|placed| contents.partitions.get(placed.index))
            .take_while(|partition| partition.token <= last)
            .take(partitions_max)
            .map(place_of)
            .collect()
    }

    /// What is here of one partition, of events at or before `through`; none if nothing is.
    pub(crate) fn partition_summary(&self, token: Token, key: &[u8], through: Sequence) -> Option<PartitionSummary> {
        let contents = self.read_contents();
        let partition = contents.partitions.find(token, key)?;
        self.summary_of(partition, through)
    }

    /// Shows all partitions that hold an event at or before `through`, in no order.
    pub(crate) fn visit_partitions(&self, through: Sequence, mut visit: impl FnMut(PartitionSummary)) {
        let contents = self.read_contents();
        for partition in contents.partitions.iter() {
            if let Some(summary) = self.summary_of(partition, through) {
                visit(summary);
            }
        }
    }

    /// Shows the events with these sequences in the order of a run. For a frozen memtable, of which every event is
    /// durable.
    ///
    /// # Errors
    /// The first that `visit` returns; nothing more is shown then.
    pub(crate) fn visit_sorted<E>(
        &self,
        sequences: RangeInclusive<Sequence>,
        mut visit: impl FnMut(SortedRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let contents = self.read_contents();
        let order = self.token_order.lock().unwrap_or_else(PoisonError::into_inner).of(&contents.partitions);
        let mut ahead = Vec::with_capacity(ROWS_AHEAD);
        for partition in order.iter().map(|placed| contents.partitions.get(placed.index)) {
            for entry in partition.timeline().all() {
                let sequence = entry.sequence(self.first);
                if !sequences.contains(&sequence) {
                    continue;
                }
                let arrived = &*contents.batches[entry.batch as usize];
                ahead.push(PlacedRow {
                    partition,
                    arrived,
                    row: &arrived.batch.rows()[arrived.row_of(sequence)],
                    sequence,
                });
                if ahead.len() == ROWS_AHEAD {
                    show(&mut ahead, &mut visit)?;
                }
            }
        }
        show(&mut ahead, &mut visit)
    }

    /// The first sequence at or before `through` that was committed at or after `time`; none if there is none here.
    pub(crate) fn find_commit_time(&self, time: CommitTime, through: Sequence) -> Option<Sequence> {
        let contents = self.read_contents();
        let index = contents.batches.partition_point(|batch| batch.commit_time < time);
        contents.batches.get(index).map(|batch| batch.first_sequence).filter(|&sequence| sequence <= through)
    }

    /// When its first event was committed; none if it is empty.
    pub(crate) fn first_commit(&self) -> Option<CommitTime> {
        self.read_contents().batches.first().map(|batch| batch.commit_time)
    }

    fn sequence_at(&self, offset: u32) -> Sequence {
        self.first.advanced_by(u64::from(offset))
    }

    fn visible_arrivals(&self, partition: &Partition, through: Sequence) -> usize {
        partition.count_arrived(|offset| self.sequence_at(offset) <= through)
    }

    fn summary_of(&self, partition: &Partition, through: Sequence) -> Option<PartitionSummary> {
        let visible = self.visible_arrivals(partition, through);
        let last_sequence = self.sequence_at(partition.arrival(visible.checked_sub(1)?));
        let mut entries = partition.timeline().all().filter(|entry| entry.sequence(self.first) <= through);
        let min_time = entries.next()?.time;
        let max_time = entries.next_back().map_or(min_time, |entry| entry.time);
        let place = place_of(partition);
        Some(PartitionSummary { place, event_count: visible as u64, min_time, max_time, last_sequence })
    }
}

impl Contents {
    fn event(&self, batch: usize, sequence: Sequence) -> StoredEvent {
        let arrived = &self.batches[batch];
        arrived.stored_event(arrived.row_of(sequence))
    }
}

/// A row that was not looked at yet.
struct PlacedRow<'memtable> {
    partition: &'memtable Partition,
    arrived: &'memtable ArrivedBatch,
    row: &'memtable Row,
    sequence: Sequence,
}

impl<'memtable> PlacedRow<'memtable> {
    fn event(&self) -> &'memtable [u8] {
        self.arrived.batch.event(self.row)
    }

    fn sorted(&self) -> SortedRow<'memtable> {
        SortedRow {
            token: self.partition.token,
            key: &self.partition.key,
            time: self.row.time,
            sequence: self.sequence,
            event: self.event(),
            key_offset: self.row.key_offset,
        }
    }
}

/// Shows rows and forgets them. Neighbours in sorted order lie far apart in memory: the places of all and then the events
/// of all are touched first, since loads that do not wait for one another overlap, where `visit` would wait for every
/// event by itself.
fn show<'memtable, E>(
    rows: &mut Vec<PlacedRow<'memtable>>,
    visit: &mut impl FnMut(SortedRow<'memtable>) -> Result<(), E>,
) -> Result<(), E> {
    black_box(rows.iter().map(|placed| placed.row.offset).fold(0, BitXor::bitxor));
    let ends = |event: &[u8]| Some(event.first()? ^ event.last()?);
    black_box(rows.iter().filter_map(|placed| ends(placed.event())).fold(0, BitXor::bitxor));
    rows.drain(..).try_for_each(|placed| visit(placed.sorted()))
}

fn place_of(partition: &Partition) -> PartitionPlace {
    PartitionPlace { token: partition.token, key: partition.key.to_bytes() }
}

impl TimelinePage {
    fn of(events: impl Iterator<Item = StoredEvent>, bounds: PageBounds) -> Self {
        let mut page = Self::default();
        let mut bytes = 0;
        for event in events {
            bytes += event.bytes.len();
            if page.events.len() >= bounds.events_max || (bytes > bounds.bytes_max && !page.events.is_empty()) {
                page.is_cut = true;
                break;
            }
            page.events.push(event);
        }
        page
    }
}
