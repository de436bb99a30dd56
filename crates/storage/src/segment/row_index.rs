//! The index of a run's blocks: where each lies, what it begins with, and the times that it spans.

use std::ops::Range;

use annals_model::{EventTime, Sequence, Token};

use super::error::Fault;
use super::fields::Fields;
use super::page::PagePlace;
use super::row::{Row, RowOrder};

/// The bytes of an entry besides its key.
const ENTRY_BYTES: usize = 8 + 8 + 8 + 8 + 4 + 4 + 4 + 4 + 4 + 2;

/// Collects the entries of an index.
#[derive(Debug, Default)]
pub(super) struct RowIndexBuilder {
    count: u32,
    entries: Vec<u8>,
    keys: Vec<u8>,
    head: Option<Head>,
}

/// What the block that is being filled begins with.
#[derive(Debug)]
struct Head {
    token: Token,
    time: EventTime,
    delta: u32,
    key_length: u16,
}

impl RowIndexBuilder {
    /// Notes the first row of a block, which lies `delta` behind the run's first sequence.
    pub(super) fn begin_block(&mut self, row: &Row<'_>, delta: u32) {
        self.keys.extend_from_slice(row.key());
        self.head = Some(Head { token: row.token, time: row.time, delta, key_length: row.key_length });
    }

    /// Adds the block that was begun last.
    pub(super) fn end_block(&mut self, rows: u32, bounds: (EventTime, EventTime), page: &PagePlace) {
        let head = self.head.take().expect("a block has a first row");
        for wide in [head.token.get(), head.time.unix_nanos(), bounds.0.unix_nanos(), bounds.1.unix_nanos()] {
            self.entries.extend_from_slice(&wide.to_le_bytes());
        }
        for word in [head.delta, rows, page.length, page.content_length, page.checksum] {
            self.entries.extend_from_slice(&word.to_le_bytes());
        }
        self.entries.extend_from_slice(&head.key_length.to_le_bytes());
        self.count += 1;
    }

    /// The index's content.
    pub(super) fn finish(self) -> Vec<u8> {
        [&self.count.to_le_bytes()[..], &self.entries, &self.keys].concat()
    }
}

/// The blocks of a run.
#[derive(Debug)]
pub(super) struct RowIndex {
    /// The keys of all blocks' first rows, end to end.
    keys: Box<[u8]>,
    blocks: Box<[BlockEntry]>,
    first: Sequence,
}

/// A block, as its index knows it.
#[derive(Debug)]
pub(super) struct BlockEntry {
    pub token: Token,
    pub time: EventTime,
    pub min_time: EventTime,
    pub max_time: EventTime,
    /// How far the first row's sequence lies behind the run's first.
    pub delta: u32,
    pub rows: u32,
    /// How many rows lie in the blocks before.
    pub first_row: u32,
    pub page: PagePlace,
    key: Range<usize>,
}

impl RowIndex {
    /// Reads an index of blocks that begin at the run's first byte, and of `event_count` rows together.
    pub(super) fn decode(content: &[u8], first: Sequence, event_count: u32) -> Result<Self, Fault> {
        let (blocks, keys) =
            parse(content, event_count).ok_or_else(|| Fault::content("a count, that many blocks, and their keys"))?;
        if blocks.last().map(|last| last.first_row.checked_add(last.rows)) != Some(Some(event_count)) {
            return Err(Fault::content("blocks that hold all rows of the run"));
        }
        let index = Self { keys: keys.into(), blocks, first };
        if (1..index.blocks.len()).any(|at| index.order(at - 1) >= index.order(at)) {
            return Err(Fault::content("blocks in the order of their first rows"));
        }
        Ok(index)
    }

    pub(super) fn blocks(&self) -> &[BlockEntry] {
        &self.blocks
    }

    /// What the first row of a block is sorted by.
    pub(super) fn order(&self, block: usize) -> RowOrder<'_> {
        let entry = &self.blocks[block];
        let key = &self.keys[entry.key.clone()];
        (entry.token, key, entry.time, self.first.advanced_by(u64::from(entry.delta)))
    }

    /// The block in which the first row at or after `position` lies, or would lie, or at whose end it is missing.
    pub(super) fn find(&self, position: RowOrder<'_>) -> usize {
        self.find_between(0, self.blocks.len(), position)
    }

    /// As `find`, for a position that does not lie before the first row of the block `from`; fast where it lies near.
    pub(super) fn find_from(&self, from: usize, position: RowOrder<'_>) -> usize {
        let (mut low, mut step) = (from + 1, 1);
        while low < self.blocks.len() && self.order(low) <= position {
            (low, step) = (low + step, step * 2);
        }
        self.find_between(low - step / 2, low.min(self.blocks.len()), position)
    }

    /// The last of the blocks before `high` that begins at or before `position`, where all before `low` do.
    fn find_between(&self, mut low: usize, mut high: usize, position: RowOrder<'_>) -> usize {
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.order(middle) <= position {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.saturating_sub(1)
    }

    /// The block that holds the row with number `row` of the run, and the row's number in it.
    pub(super) fn find_row(&self, row: u32) -> Option<(usize, usize)> {
        let block = self.blocks.partition_point(|entry| entry.first_row <= row).checked_sub(1)?;
        let within = row - self.blocks[block].first_row;
        (within < self.blocks[block].rows).then_some((block, within as usize))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.keys.len() + size_of_val(&*self.blocks)
    }
}

/// The blocks, and the keys that they point into.
fn parse(content: &[u8], event_count: u32) -> Option<(Box<[BlockEntry]>, &[u8])> {
    let mut fields = Fields(content);
    let count = fields.u32()? as usize;
    let mut entries = Fields(fields.bytes(count.checked_mul(ENTRY_BYTES)?)?);
    let mut blocks = Vec::with_capacity(count);
    let keys = fields.0;
    let (mut offset, mut first_row, mut key_start) = (0_u64, 0_u32, 0);
    for _ in 0..count {
        let (token, time) = (entries.token()?, entries.time()?);
        let (min_time, max_time) = (entries.time()?, entries.time()?);
        let delta = entries.u32().filter(|&delta| delta < event_count)?;
        let rows = entries.u32()?;
        let page =
            PagePlace { offset, length: entries.u32()?, content_length: entries.u32()?, checksum: entries.u32()? };
        let key = key_start..key_start + usize::from(entries.u16()?);
        offset = page.end();
        key_start = key.end;
        blocks.push(BlockEntry { token, time, min_time, max_time, delta, rows, first_row, page, key });
        first_row = first_row.checked_add(rows)?;
    }
    (key_start == keys.len()).then(|| (blocks.into_boxed_slice(), keys))
}
