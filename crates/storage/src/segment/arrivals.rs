//! A run in arrival order: decoded whole, shared by all who read it.

use std::sync::Arc;

use annals_model::{Sequence, StoredEvent};

use super::batches::BatchTable;
use super::block::Block;
use super::error::{Fault, ReadError};
use super::row::Row;
use super::run::Run;
use super::summary::RunSummary;
use crate::cache::Access;

/// The bytes of a decoded row besides its event, and of its place in the arrival order.
const ROW_BYTES: usize = 48;

/// All blocks of a run, and for each sequence the place of its row.
#[derive(Debug)]
pub(crate) struct DecodedRun {
    blocks: Box<[Arc<Block>]>,
    places: Box<[Place]>,
    batches: Arc<BatchTable>,
}

/// A row of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    block: u32,
    row: u32,
}

const NOWHERE: Place = Place { block: u32::MAX, row: u32::MAX };

impl DecodedRun {
    /// About what the decoded run will hold in memory.
    pub(super) fn estimate_bytes(summary: &RunSummary) -> usize {
        usize::try_from(summary.event_bytes)
            .unwrap_or(usize::MAX)
            .saturating_add(summary.event_count as usize * ROW_BYTES)
    }

    /// Reads every block once; what others cached is used, nothing is put into their cache.
    pub(super) fn decode(run: &Run) -> Result<Self, ReadError> {
        let tail = run.tail(Access::Read)?;
        let batches = run.batches_of(&tail, Access::Read)?;
        let mut places = vec![NOWHERE; run.summary().event_count as usize].into_boxed_slice();
        let mut blocks = Vec::with_capacity(tail.rows.blocks().len());
        for (number, entry) in tail.rows.blocks().iter().enumerate() {
            let block = run.block(&tail, number, Access::ReadOnce)?;
            let number = u32::try_from(number).expect("a run has fewer blocks than events");
            // The rows themselves say where they belong; the stored permutation is for reading single events.
            for row in 0..entry.rows {
                let place = &mut places[block.delta(row as usize) as usize];
                if *place != NOWHERE {
                    return Err(run.damage(entry.page.offset, Fault::content("one row for each sequence")));
                }
                *place = Place { block: number, row };
            }
            blocks.push(block);
        }
        // As many rows as sequences, none of them twice: every place is set.
        Ok(Self { blocks: blocks.into_boxed_slice(), places, batches })
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(|block| block.memory_bytes()).sum();
        blocks + size_of_val(&*self.places) + self.batches.memory_bytes()
    }
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

    /// The row of the event with this sequence; none outside the run.
    pub fn row(&self, sequence: Sequence) -> Option<Row<'_>> {
        let (block, row) = self.place(sequence)?;
        Some(block.row(row))
    }

    /// The event with this sequence, sharing its block's buffer; none outside the run.
    pub fn event(&self, sequence: Sequence) -> Option<StoredEvent> {
        let (block, row) = self.place(sequence)?;
        Some(self.run.stored(block, row, self.decoded.batches.commit_time(sequence)))
    }

    /// The events from `sequence` on, or from the run's first if that comes later, in the order of their sequences.
    pub fn events_from(&self, sequence: Sequence) -> impl Iterator<Item = StoredEvent> {
        let first = sequence.max(self.run.summary().first).get();
        (first..=self.run.summary().last.get()).filter_map(|sequence| self.event(Sequence::new(sequence)))
    }

    fn place(&self, sequence: Sequence) -> Option<(&Block, usize)> {
        if !self.run.summary().holds(sequence) {
            return None;
        }
        let delta = usize::try_from(sequence.distance_from(self.run.summary().first)).ok()?;
        let place = self.decoded.places[delta];
        Some((&self.decoded.blocks[place.block as usize], place.row as usize))
    }
}
