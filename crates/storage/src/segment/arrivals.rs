//! A run in arrival order: decoded whole, shared by all who read it.
//!
//! The events are copied into the order of their sequences once, so that each of the many pages that readers make of a
//! run goes through memory from front to back. While it is decoded a run takes twice its room.

use std::sync::Arc;

use annals_model::{EventTime, Sequence, StoredEvent, Token};
use bytes::Bytes;

use super::batches::BatchTable;
use super::block::Block;
use super::error::{Fault, ReadError};
use super::run::Run;
use super::summary::RunSummary;
use crate::cache::Access;

/// An event of a decoded run. It ends where the next one starts.
#[derive(Clone, Copy, Debug)]
struct ArrivedRow {
    time: EventTime,
    token: Token,
    start: u32,
    key_offset: u32,
    key_length: u16,
}

/// All events of a run, by sequence.
#[derive(Debug)]
pub(crate) struct DecodedRun {
    events: Bytes,
    rows: Box<[ArrivedRow]>,
    batches: Arc<BatchTable>,
}

/// The mark of a sequence whose event was not met yet; no event is as long.
const NOWHERE: u32 = u32::MAX;

impl DecodedRun {
    /// What the decoded run will hold in memory, but for its batches.
    pub(super) fn estimate_bytes(summary: &RunSummary) -> usize {
        usize::try_from(summary.event_bytes)
            .unwrap_or(usize::MAX)
            .saturating_add(summary.event_count as usize * size_of::<ArrivedRow>())
    }

    /// Reads every block once; what others cached is used, nothing is put into their cache.
    pub(super) fn decode(run: &Run) -> Result<Self, ReadError> {
        let tail = run.tail(Access::Read)?;
        let batches = run.batches_of(&tail, Access::Read)?;
        let mut rows = vec![ArrivedRow::NOWHERE; run.summary().event_count as usize].into_boxed_slice();
        let mut blocks: Vec<Arc<Block>> = Vec::with_capacity(tail.rows.blocks().len());
        for (number, entry) in tail.rows.blocks().iter().enumerate() {
            let block = run.block(&tail, number, Access::ReadOnce)?;
            // The rows themselves say where they belong; the stored permutation is for reading single events.
            for index in 0..block.len() {
                let place = &mut rows[block.delta(index) as usize];
                if place.start != NOWHERE {
                    return Err(run.damage(entry.page.offset, Fault::content("one row for each sequence")));
                }
                *place = ArrivedRow::of(&block, index);
            }
            blocks.push(block);
        }
        // As many rows as sequences, none of them twice: every place is set.
        let events = in_order(&blocks, &mut rows, run.summary().event_bytes);
        let events =
            events.ok_or_else(|| run.damage(0, Fault::content("as many bytes of events as the index says")))?;
        Ok(Self { events, rows, batches })
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.events.len() + size_of_val(&*self.rows) + self.batches.memory_bytes()
    }
}

impl ArrivedRow {
    const NOWHERE: Self =
        Self { time: EventTime::MIN, token: Token::MIN, start: NOWHERE, key_offset: 0, key_length: 0 };

    /// The row at `index` of a block, with its length where its start will be.
    fn of(block: &Block, index: usize) -> Self {
        let row = block.row(index);
        let length = u32::try_from(row.event.len()).expect("a block's events have less than 4 GiB");
        Self { time: row.time, token: row.token, start: length, key_offset: row.key_offset, key_length: row.key_length }
    }
}

/// The events of all blocks in the order of `rows`, whose lengths give way to starts; none if there are not `length`
/// bytes of them.
fn in_order(blocks: &[Arc<Block>], rows: &mut [ArrivedRow], length: u64) -> Option<Bytes> {
    let mut end = 0_u32;
    for row in rows.iter_mut() {
        (row.start, end) = (end, end.checked_add(row.start)?);
    }
    if u64::from(end) != length {
        return None;
    }
    let mut events = vec![0; end as usize];
    for block in blocks {
        for index in 0..block.len() {
            let event = block.row(index).event;
            let start = rows[block.delta(index) as usize].start as usize;
            events[start..start + event.len()].copy_from_slice(event);
        }
    }
    Some(events.into())
}

/// A decoded run, read by sequence. Holding one holds the whole run in memory, so let it go with each answer.
#[derive(Debug)]
pub struct Arrivals {
    run: Run,
    decoded: Arc<DecodedRun>,
}

impl Arrivals {
    pub(super) fn new(run: Run, decoded: Arc<DecodedRun>) -> Self {
        Self { run, decoded }
    }

    /// The token of the event with this sequence; none outside the run.
    pub fn token(&self, sequence: Sequence) -> Option<Token> {
        self.index(sequence).map(|index| self.decoded.rows[index].token)
    }

    /// The event with this sequence, sharing the run's buffer; none outside the run.
    pub fn event(&self, sequence: Sequence) -> Option<StoredEvent> {
        let index = self.index(sequence)?;
        let DecodedRun { events, rows, batches } = &*self.decoded;
        let row = &rows[index];
        let end = rows.get(index + 1).map_or(events.len(), |next| next.start as usize);
        Some(StoredEvent {
            bytes: events.slice(row.start as usize..end),
            key_offset: row.key_offset,
            key_length: row.key_length,
            token: row.token,
            time: row.time,
            shard: self.run.summary().shard,
            sequence,
            commit_time: batches.commit_time(sequence),
        })
    }

    /// The events from `sequence` on, or from the run's first if that comes later, in the order of their sequences.
    pub fn events_from(&self, sequence: Sequence) -> impl Iterator<Item = StoredEvent> {
        let first = sequence.max(self.run.summary().first).get();
        (first..=self.run.summary().last.get()).filter_map(|sequence| self.event(Sequence::new(sequence)))
    }

    fn index(&self, sequence: Sequence) -> Option<usize> {
        if !self.run.summary().holds(sequence) {
            return None;
        }
        usize::try_from(sequence.distance_from(self.run.summary().first)).ok()
    }
}
