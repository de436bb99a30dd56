//! A run in arrival order: decoded whole, shared by all who read it.
//!
//! The events stay where decoding puts them, in the order of the run's rows; a table has for each sequence the place of
//! its event. So a run lies in memory once, also while it is decoded, and no event is moved before somebody wants it. To
//! read it in the order of sequences is to jump through all of it, so readers look ahead: [`Arrivals::look_ahead`] has
//! the processor fetch many events at once, where it would wait for one after the other.

use std::hint::black_box;
use std::sync::Arc;

use annals_model::{EventTime, Sequence, StoredEvent, Token};
use bytes::Bytes;

use super::RUN_BYTES_MAX;
use super::batches::BatchTable;
use super::columns::{Columns, PlacedRow};
use super::error::{Fault, ReadError};
use super::run::Run;
use super::summary::RunSummary;
use super::tail::Tail;
use crate::cache::Access;

/// How far apart the bytes of an event lie that are touched to fetch it: the lines of the processor's cache.
const LINE_BYTES: usize = 64;

/// Lines of an event that are fetched ahead; those of larger events the processor then fetches by itself.
const LINES_AHEAD: usize = 4;

/// An event of a decoded run.
#[derive(Clone, Copy, Debug)]
struct ArrivedRow {
    time: EventTime,
    token: Token,
    start: u32,
    length: u32,
    key_offset: u32,
    key_length: u16,
}

/// All events of a run, by sequence.
#[derive(Debug)]
pub(crate) struct DecodedRun {
    /// The events in the order of the run's rows.
    events: Bytes,
    rows: Box<[ArrivedRow]>,
    batches: Arc<BatchTable>,
}

impl DecodedRun {
    /// What the decoded run will hold in memory, but for its batches.
    pub(super) fn estimate_bytes(summary: &RunSummary) -> usize {
        usize::try_from(summary.event_bytes)
            .unwrap_or(usize::MAX)
            .saturating_add(summary.event_count as usize * size_of::<ArrivedRow>())
    }

    /// Reads every block once; nothing is put into the cache of blocks, nor taken from it.
    pub(super) fn decode(run: &Run) -> Result<Self, ReadError> {
        let tail = run.tail(Access::Read)?;
        let batches = run.batches_of(&tail, Access::Read)?;
        let mut decoding = Decoding::new(run, &tail);
        for number in 0..tail.rows.blocks().len() {
            decoding.add_block(number)?;
        }
        let (events, rows) = decoding.finish()?;
        Ok(Self { events, rows, batches })
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.events.len() + size_of_val(&*self.rows) + self.batches.memory_bytes()
    }
}

/// A run that is being decoded, block by block.
struct Decoding<'a> {
    run: &'a Run,
    tail: &'a Tail,
    events: Vec<u8>,
    rows: Box<[ArrivedRow]>,
    /// Room for a block as it is stored, and for its content.
    page: Vec<u8>,
    content: Vec<u8>,
}

impl<'a> Decoding<'a> {
    fn new(run: &'a Run, tail: &'a Tail) -> Self {
        // A summary that is wrong makes no room that no run needs.
        let bytes = usize::try_from(run.summary().event_bytes.min(RUN_BYTES_MAX)).expect("some MiB");
        let rows = vec![ArrivedRow::NOWHERE; run.summary().event_count as usize].into_boxed_slice();
        Self { run, tail, events: Vec::with_capacity(bytes), rows, page: Vec::new(), content: Vec::new() }
    }

    /// Adds the events of the next block, and notes their places.
    fn add_block(&mut self, number: usize) -> Result<(), ReadError> {
        let Self { run, tail, events, rows, page, content } = self;
        run.block_content(tail, number, page, content)?;
        let entry = &tail.rows.blocks()[number];
        let &RunSummary { first, event_count, event_bytes, .. } = run.summary();
        let mut add = || {
            let columns = Columns::split(content)?;
            if (events.len() + columns.events.len()) as u64 > event_bytes {
                return Err(wrong_bytes());
            }
            let base = u32::try_from(events.len()).map_err(|_| wrong_bytes())?;
            let mut first_row = None;
            // The rows themselves say where they belong; the stored permutation is for reading single events.
            columns.visit(event_count, |row| {
                first_row.get_or_insert(row);
                let place = &mut rows[row.delta as usize];
                if !place.is_nowhere() {
                    return Err(Fault::content("one row for each sequence"));
                }
                *place = ArrivedRow::of(&row, base);
                Ok(())
            })?;
            let order = first_row
                .map(|row| (row.token, row.key(columns.events), row.time, first.advanced_by(u64::from(row.delta))));
            if columns.len() != entry.rows as usize || order != Some(tail.rows.order(number)) {
                return Err(Fault::content("the rows that the index tells of"));
            }
            events.extend_from_slice(columns.events);
            Ok(())
        };
        add().map_err(|fault| run.damage(entry.page.offset, fault))
    }

    /// The events and their places, once all blocks were added.
    fn finish(self) -> Result<(Bytes, Box<[ArrivedRow]>), ReadError> {
        // The index counts as many rows as the run has sequences, and none came twice: every place is set.
        if self.events.len() as u64 != self.run.summary().event_bytes {
            return Err(self.run.damage(0, wrong_bytes()));
        }
        Ok((self.events.into(), self.rows))
    }
}

fn wrong_bytes() -> Fault {
    Fault::content("as many bytes of events as the index says")
}

impl ArrivedRow {
    /// The mark of a sequence whose event was not met yet: no key is empty.
    const NOWHERE: Self =
        Self { time: EventTime::MIN, token: Token::MIN, start: 0, length: 0, key_offset: 0, key_length: 0 };

    fn is_nowhere(&self) -> bool {
        self.key_length == 0
    }

    /// A row of the block whose events begin at `base` of the run's.
    fn of(row: &PlacedRow, base: u32) -> Self {
        let &PlacedRow { time, token, start, length, key_offset, key_length, .. } = row;
        // Events of a run have less than 4 GiB together, or they would not be as many bytes as the index says.
        Self { time, token, start: base.saturating_add(start), length, key_offset, key_length }
    }

    fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.length as usize
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

    /// The token of the event with this sequence; none outside the run.
    pub fn token(&self, sequence: Sequence) -> Option<Token> {
        self.index(sequence).map(|index| self.decoded.rows[index].token)
    }

    /// The event with this sequence, sharing the run's buffer; none outside the run.
    pub fn event(&self, sequence: Sequence) -> Option<StoredEvent> {
        let DecodedRun { events, rows, batches } = &*self.decoded;
        let row = &rows[self.index(sequence)?];
        Some(StoredEvent {
            bytes: events.slice(row.range()),
            key_offset: row.key_offset,
            key_length: row.key_length,
            token: row.token,
            time: row.time,
            shard: self.run.summary().shard,
            sequence,
            commit_time: batches.commit_time(sequence),
        })
    }

    /// Has the processor fetch the events with these sequences, for a reader that is about to copy them.
    pub fn look_ahead(&self, sequences: &[Sequence]) {
        let DecodedRun { events, rows, .. } = &*self.decoded;
        let mut bits = 0;
        for row in sequences.iter().filter_map(|&sequence| Some(&rows[self.index(sequence)?])) {
            let event = &events[row.range()];
            // No load waits for another, so that the processor has as many under way as it can.
            bits ^= event.last().unwrap_or(&0);
            bits ^= event.iter().step_by(LINE_BYTES).take(LINES_AHEAD).fold(0, |bits, byte| bits ^ byte);
        }
        black_box(bits);
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
