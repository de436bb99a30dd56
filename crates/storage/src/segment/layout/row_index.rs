//! The index of a run's blocks: where each lies, what it begins with, and the times that it spans.

use std::ops::Range;

use annals_model::{EventTime, Sequence, Token};

use crate::segment::layout::error::Fault;
use crate::segment::layout::fields::Fields;
use crate::segment::layout::page::PagePlace;
use crate::segment::layout::row::{Row, RowOrder};

/// The bytes of an entry besides its key.
const ENTRY_BYTES: usize = 8 + 8 + 8 + 8 + 4 + 4 + 4 + 4 + 4 + 2;

/// Collects the entries of an index.
#[derive(Debug, Default)]
pub(crate) struct RowIndexBuilder {
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
    pub(crate) fn begin_block(&mut self, row: &Row<'_>, delta: u32) {
        self.keys.extend_from_slice(row.key());
        self.head = Some(Head { token: row.token, time: row.time, delta, key_length: row.key_length });
    }

    /// Adds the block that was begun last.
    pub(crate) fn end_block(&mut self, rows: u32, bounds: (EventTime, EventTime), page: &PagePlace) {
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
    pub(crate) fn finish(self) -> Vec<u8> {
        [&self.count.to_le_bytes()[..], &self.entries, &self.keys].concat()
    }
}

/// The blocks of a run.
#[derive(Debug)]
pub(crate) struct RowIndex {
    /// The keys of all blocks' first rows, end to end.
    keys: Box<[u8]>,
    blocks: Box<[BlockEntry]>,
    first: Sequence,
}

/// A block, as its index knows it.
#[derive(Debug)]
pub(crate) struct BlockEntry {
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
    pub(crate) fn decode(content: &[u8], first: Sequence, event_count: u32) -> Result<Self, Fault> {
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

    pub(crate) fn blocks(&self) -> &[BlockEntry] {
        &self.blocks
    }

    /// What the first row of a block is sorted by.
    pub(crate) fn order(&self, block: usize) -> RowOrder<'_> {
        let entry = &self.blocks[block];
        let key = &self.keys[entry.key.clone()];
        (entry.token, key, entry.time, self.first.advanced_by(u64::from(entry.delta)))
    }

    /// The block in which the first row at or after `position` lies, or would lie, or at whose end it is missing.
    pub(crate) fn find(&self, position: RowOrder<'_>) -> usize {
        // Tokens are spread evenly unless partitions are large, so that a guess lands beside the block. A plain binary
        // search misses the processor's cache at most of its steps.
        let guess = self.guess(position.0);
        if guess == 0 || self.order(guess) <= position {
            return self.find_from(guess, position);
        }
        let (mut high, mut step) = (guess, 1);
        loop {
            let low = high.saturating_sub(step);
            if low == 0 || self.order(low) <= position {
                return self.find_between(low, high, position);
            }
            (high, step) = (low, step * 2);
        }
    }

    /// As `find`, for a position that does not lie before the first row of the block `from`; fast where it lies near.
    pub(crate) fn find_from(&self, from: usize, position: RowOrder<'_>) -> usize {
        let (mut low, mut step) = (from + 1, 1);
        while low < self.blocks.len() && self.order(low) <= position {
            (low, step) = (low + step, step * 2);
        }
        self.find_between(low - step / 2, low.min(self.blocks.len()), position)
    }

    /// Where a block that begins with this token would lie if tokens were spread evenly.
    fn guess(&self, token: Token) -> usize {
        let (Some(first), Some(last)) = (self.blocks.first(), self.blocks.last()) else { return 0 };
        // The upper halves say enough, and their products fit.
        let behind = |token: Token| u64::from(token > first.token) * (token.get().abs_diff(first.token.get()) >> 32);
        let guess = behind(token) * (self.blocks.len() as u64 - 1) / (behind(last.token) + 1);
        usize::try_from(guess).map_or(0, |guess| guess.min(self.blocks.len() - 1))
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
    pub(crate) fn find_row(&self, row: u32) -> Option<(usize, usize)> {
        let block = self.blocks.partition_point(|entry| entry.first_row <= row).checked_sub(1)?;
        let within = row - self.blocks[block].first_row;
        (within < self.blocks[block].rows).then_some((block, within as usize))
    }

    pub(crate) fn memory_bytes(&self) -> usize {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An index of blocks that begin with these tokens, of two rows each.
    fn index(tokens: &[i64]) -> RowIndex {
        let mut builder = RowIndexBuilder::default();
        let first = Sequence::new(1);
        for (delta, &token) in (0..).step_by(2).zip(tokens) {
            let row = Row {
                token: Token::new(token),
                time: EventTime::from_unix_nanos(i64::from(delta)),
                sequence: first.advanced_by(u64::from(delta)),
                key_offset: 0,
                key_length: 3,
                event: b"key",
            };
            builder.begin_block(&row, delta);
            let page = PagePlace { offset: 0, length: 1, content_length: 1, checksum: 0 };
            builder.end_block(2, (row.time, row.time), &page);
        }
        let rows = u32::try_from(tokens.len() * 2).expect("few");
        RowIndex::decode(&builder.finish(), first, rows).expect("whole")
    }

    proptest! {
        /// Tokens that are spread evenly, that crowd together, and that are all of one partition.
        #[test]
        fn the_block_of_a_place_is_found_wherever_tokens_lie(
            mut tokens in prop::collection::vec(prop_oneof![any::<i64>(), 0_i64..10, Just(i64::MIN)], 1..400),
            others in prop::collection::vec(any::<i64>(), 20),
        ) {
            tokens.sort_unstable();
            let index = index(&tokens);
            let places = tokens.iter().chain(&others).flat_map(|&token| [token.saturating_sub(1), token]);
            for token in places.map(Token::new) {
                for (key, time) in [(&b""[..], EventTime::MIN), (b"key", EventTime::from_unix_nanos(101)), (b"z", EventTime::MAX)] {
                    let position = (token, key, time, Sequence::new(1));
                    let begins_before = (0..tokens.len()).take_while(|&block| index.order(block) <= position);
                    let expected = begins_before.count().saturating_sub(1);
                    prop_assert_eq!(index.find(position), expected);
                    for from in [0, expected / 2, expected] {
                        prop_assert_eq!(index.find_from(from, position), expected);
                    }
                }
            }
        }
    }
}
