//! Blocks: pages of rows.
//!
//! On disk a block holds the events' bytes, then a column for each of the things that place an event. Decoding checks
//! every row once, keeps the rows in a form that can be searched and lets the columns go, which lie at the end for
//! that; from then on events are handed out as slices of the block's buffer, without copying.

use std::cmp::Ordering;
use std::ops::Range;

use annals_model::{CommitTime, EventTime, Sequence, Shard, StoredEvent, Token};
use bytes::Bytes;

use crate::segment::layout::columns::{Columns, PlacedRow, ROW_COLUMN_BYTES};
use crate::segment::layout::error::Fault;
use crate::segment::layout::row::{Row, RowOrder};

/// A block is closed once it holds so much content. A lookup decodes a block of each run that it touches, and its time
/// grows with the block; larger ones compress little better.
pub(crate) const BLOCK_CONTENT_TARGET: usize = 16 * 1024;

/// The longest key that is kept beside its partition; most are shorter.
const SHORT_KEY_BYTES: usize = 18;

/// Collects rows until they are a block's worth. The caller checks their order.
#[derive(Debug, Default)]
pub(crate) struct BlockBuilder {
    lengths: Vec<u8>,
    key_offsets: Vec<u8>,
    key_lengths: Vec<u8>,
    time_steps: Vec<u8>,
    sequence_steps: Vec<u8>,
    events: Vec<u8>,
    rows: u32,
    previous_time: i64,
    previous_delta: u32,
    bounds: Option<(EventTime, EventTime)>,
}

impl BlockBuilder {
    /// Adds a row that lies `delta` places behind the run's first sequence.
    pub(crate) fn push(&mut self, row: &Row<'_>, delta: u32) {
        let length = u32::try_from(row.event.len()).expect("a run's events have at most 32 MiB");
        self.lengths.extend_from_slice(&length.to_le_bytes());
        self.key_offsets.extend_from_slice(&row.key_offset.to_le_bytes());
        self.key_lengths.extend_from_slice(&row.key_length.to_le_bytes());
        // Differences from row to row are small or alike where the values are not, and compress far better.
        let time = row.time.unix_nanos();
        self.time_steps.extend_from_slice(&time.wrapping_sub(self.previous_time).to_le_bytes());
        self.sequence_steps.extend_from_slice(&delta.wrapping_sub(self.previous_delta).to_le_bytes());
        self.events.extend_from_slice(row.event);
        self.rows += 1;
        (self.previous_time, self.previous_delta) = (time, delta);
        let (min, max) = self.bounds.unwrap_or((row.time, row.time));
        self.bounds = Some((min.min(row.time), max.max(row.time)));
    }

    pub(crate) fn content_length(&self) -> usize {
        4 + self.rows as usize * ROW_COLUMN_BYTES + self.events.len()
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// The earliest and the latest event time; none without rows.
    pub(crate) fn bounds(&self) -> Option<(EventTime, EventTime)> {
        self.bounds
    }

    /// Puts the content in place of what `content` held, and starts the next block.
    pub(crate) fn drain_into(&mut self, content: &mut Vec<u8>) {
        content.clear();
        content.reserve(self.content_length());
        for column in [
            &mut self.events,
            &mut self.lengths,
            &mut self.key_offsets,
            &mut self.key_lengths,
            &mut self.time_steps,
            &mut self.sequence_steps,
        ] {
            content.extend_from_slice(column);
            column.clear();
        }
        content.extend_from_slice(&self.rows.to_le_bytes());
        (self.rows, self.previous_time, self.previous_delta, self.bounds) = (0, 0, 0, None);
    }
}

/// A decoded block: every row's bytes and key are known to lie where they should, and the rows to be in order.
#[derive(Debug)]
pub struct Block {
    /// The events, end to end in the order of the rows.
    events: Bytes,
    rows: Box<[BlockRow]>,
    partitions: Box<[BlockPartition]>,
    first: Sequence,
}

/// A row, placed by offsets into the block's events. It ends where the next one starts.
#[derive(Clone, Copy, Debug)]
struct BlockRow {
    time: EventTime,
    start: u32,
    key_offset: u32,
    delta: u32,
    partition: u32,
}

/// Rows of one key. Searches go by these first: they are few, and most need no look at the events' bytes, which lie
/// elsewhere.
#[derive(Clone, Copy, Debug)]
struct BlockPartition {
    token: Token,
    first_row: u32,
    key_length: u16,
    /// The key if it is no longer than this, and zeros behind it.
    short_key: [u8; SHORT_KEY_BYTES],
}

impl Block {
    /// Reads the content of a page of rows of a run of `event_count` events whose first sequence is `first`.
    pub(crate) fn decode(mut content: Vec<u8>, first: Sequence, event_count: u32) -> Result<Self, Fault> {
        let columns = Columns::split(&content)?;
        let mut rows: Vec<BlockRow> = Vec::with_capacity(columns.len());
        let mut partitions: Vec<BlockPartition> = Vec::new();
        columns.visit(event_count, |row| {
            if row.begins_partition {
                let first_row = u32::try_from(rows.len()).expect("the count of rows was a u32");
                partitions.push(BlockPartition::new(&row, row.key(columns.events), first_row));
            }
            let partition = u32::try_from(partitions.len() - 1).expect("at most one for each row");
            let PlacedRow { time, start, key_offset, delta, .. } = row;
            rows.push(BlockRow { time, start, key_offset, delta, partition });
            Ok(())
        })?;
        let events_length = columns.events.len();
        content.truncate(events_length);
        content.shrink_to_fit();
        let (rows, partitions) = (rows.into_boxed_slice(), partitions.into_boxed_slice());
        Ok(Self { events: Bytes::from(content), rows, partitions, first })
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none; no block of a run is empty.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row at `index`.
    pub fn row(&self, index: usize) -> Row<'_> {
        let row = &self.rows[index];
        let partition = &self.partitions[row.partition as usize];
        Row {
            token: partition.token,
            time: row.time,
            sequence: self.sequence(index),
            key_offset: row.key_offset,
            key_length: partition.key_length,
            event: &self.events[self.place(index)],
        }
    }

    /// The sequence of the row at `index`.
    #[inline]
    pub fn sequence(&self, index: usize) -> Sequence {
        self.first.advanced_by(u64::from(self.rows[index].delta))
    }

    /// The event time of the row at `index`.
    #[inline]
    pub fn time(&self, index: usize) -> EventTime {
        self.rows[index].time
    }

    /// How far the row's sequence lies behind the run's first.
    pub(crate) fn delta(&self, index: usize) -> u32 {
        self.rows[index].delta
    }

    /// The event at `index`, sharing the block's buffer, with what the run knows of it.
    pub(crate) fn stored(&self, index: usize, shard: Shard, commit_time: CommitTime) -> StoredEvent {
        let row = &self.rows[index];
        let partition = &self.partitions[row.partition as usize];
        StoredEvent {
            bytes: self.events.slice(self.place(index)),
            key_offset: row.key_offset,
            key_length: partition.key_length,
            token: partition.token,
            time: row.time,
            shard,
            sequence: self.first.advanced_by(u64::from(row.delta)),
            commit_time,
        }
    }

    /// The rows of the block that are of the same partition as the one at `index`.
    pub(crate) fn partition_rows(&self, index: usize) -> Range<usize> {
        let partition = self.rows[index].partition as usize;
        let end = self.partitions.get(partition + 1).map_or(self.len(), |next| next.first_row as usize);
        self.partitions[partition].first_row as usize..end
    }

    /// Where the event at `index` lies among the block's events.
    fn place(&self, index: usize) -> Range<usize> {
        let end = self.rows.get(index + 1).map_or(self.events.len(), |next| next.start as usize);
        self.rows[index].start as usize..end
    }

    /// The index of the first row that does not lie before `position`.
    pub fn lower_bound(&self, position: RowOrder<'_>) -> usize {
        let (token, key, ..) = position;
        let compare =
            |partition: &BlockPartition| partition.token.cmp(&token).then_with(|| self.compare_keys(partition, key));
        let at = self.partitions.partition_point(|partition| compare(partition).is_lt());
        let Some(partition) = self.partitions.get(at) else { return self.len() };
        if compare(partition).is_ne() {
            return partition.first_row as usize;
        }
        self.lower_bound_in(self.partition_rows(partition.first_row as usize), position)
    }

    /// As `lower_bound`, where the rows before `start` are known to lie before `position`. Most searches want two places
    /// in one partition, which need not be searched for twice then.
    pub(crate) fn lower_bound_after(&self, start: usize, position: RowOrder<'_>) -> usize {
        let Some(row) = self.rows.get(start) else { return start };
        let partition = &self.partitions[row.partition as usize];
        if partition.token != position.0 || self.compare_keys(partition, position.1).is_ne() {
            return self.lower_bound(position).max(start);
        }
        self.lower_bound_in(start..self.partition_rows(start).end, position)
    }

    /// The index of the first of `rows`, which are of the position's partition, that does not lie before it; their end if
    /// all do.
    fn lower_bound_in(&self, rows: Range<usize>, (_, _, time, sequence): RowOrder<'_>) -> usize {
        let is_before = |row: &BlockRow| (row.time, self.first.advanced_by(u64::from(row.delta))) < (time, sequence);
        // Most searches want a whole partition, and so one of its ends.
        match &self.rows[rows.clone()] {
            [first, ..] if !is_before(first) => rows.start,
            [.., last] if is_before(last) => rows.end,
            inner => rows.start + inner.partition_point(is_before),
        }
    }

    /// What the block holds in memory.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.events.len() + size_of_val(&*self.rows) + size_of_val(&*self.partitions)
    }

    /// Compares a partition's key with another.
    fn compare_keys(&self, partition: &BlockPartition, key: &[u8]) -> Ordering {
        let length = usize::from(partition.key_length);
        if length > SHORT_KEY_BYTES {
            return self.key(partition).cmp(key);
        }
        partition.short_key[..length].cmp(key)
    }

    fn key(&self, partition: &BlockPartition) -> &[u8] {
        let row = &self.rows[partition.first_row as usize];
        let start = row.start as usize + row.key_offset as usize;
        &self.events[start..start + usize::from(partition.key_length)]
    }
}

impl BlockPartition {
    /// The partition that begins with `row`, the block's row number `first_row`.
    fn new(row: &PlacedRow, key: &[u8], first_row: u32) -> Self {
        let mut short_key = [0; SHORT_KEY_BYTES];
        if let Some(place) = short_key.get_mut(..key.len()) {
            place.copy_from_slice(key);
        }
        Self { token: row.token, first_row, key_length: row.key_length, short_key }
    }
}
