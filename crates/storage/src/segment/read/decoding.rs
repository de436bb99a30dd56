//! Decodes a run whole, block by block.
//!
//! Promises: a decoded run has one event for each sequence, as many bytes as its summary says, in the order that the index
//! tells; anything else is damage. Nothing is put into the cache of blocks, nor taken from it.

use bytes::Bytes;

use crate::segment::layout::columns::Columns;
use crate::segment::layout::error::{Fault, ReadError};
use crate::segment::layout::run_index::RunIndex;
use crate::segment::layout::run_limits::RUN_BYTES_MAX;
use crate::segment::layout::summary::RunSummary;
use crate::segment::read::cache::Access;
use crate::segment::read::decoded_run::{ArrivedRow, DecodedRun};
use crate::segment::read::run::Run;

impl DecodedRun {
    /// Reads every block once; nothing is put into the cache of blocks, nor taken from it.
    pub(crate) fn decode(run: &Run) -> Result<Self, ReadError> {
        let tail = run.index(Access::Read)?;
        let batches = run.batches_of(&tail, Access::Read)?;
        let mut decoding = Decoding::new(run, &tail);
        for number in 0..tail.rows.blocks().len() {
            decoding.add_block(number)?;
        }
        let (events, rows) = decoding.finish()?;
        Ok(Self { events, rows, batches })
    }
}

/// A run that is being decoded, block by block.
struct Decoding<'a> {
    run: &'a Run,
    tail: &'a RunIndex,
    events: Vec<u8>,
    rows: Box<[ArrivedRow]>,
    /// Room for a block as it is stored, and for its content.
    page: Vec<u8>,
    content: Vec<u8>,
}

impl<'a> Decoding<'a> {
    fn new(run: &'a Run, tail: &'a RunIndex) -> Self {
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
