//! A run decoded whole: its events as its rows have them, and for each sequence the place of its event.
//!
//! Does not: read anything; `decoding` makes one.

use std::sync::Arc;

use annals_model::{EventTime, Token};
use bytes::Bytes;

use crate::segment::layout::batches::BatchTable;
use crate::segment::layout::columns::PlacedRow;
use crate::segment::layout::summary::RunSummary;

/// An event of a decoded run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrivedRow {
    pub(crate) time: EventTime,
    pub(crate) token: Token,
    pub(crate) start: u32,
    pub(crate) length: u32,
    pub(crate) key_offset: u32,
    pub(crate) key_length: u16,
}

/// All events of a run, by sequence.
#[derive(Debug)]
pub(crate) struct DecodedRun {
    /// The events in the order of the run's rows.
    pub(crate) events: Bytes,
    pub(crate) rows: Box<[ArrivedRow]>,
    pub(crate) batches: Arc<BatchTable>,
}

impl DecodedRun {
    /// What the decoded run will hold in memory, but for its batches.
    pub(crate) fn estimate_bytes(summary: &RunSummary) -> usize {
        usize::try_from(summary.event_bytes)
            .unwrap_or(usize::MAX)
            .saturating_add(summary.event_count as usize * size_of::<ArrivedRow>())
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.events.len() + size_of_val(&*self.rows) + self.batches.memory_bytes()
    }
}

impl ArrivedRow {
    /// The mark of a sequence whose event was not met yet: no key is empty.
    pub(crate) const NOWHERE: Self =
        Self { time: EventTime::MIN, token: Token::MIN, start: 0, length: 0, key_offset: 0, key_length: 0 };

    pub(crate) fn is_nowhere(&self) -> bool {
        self.key_length == 0
    }

    /// A row of the block whose events begin at `base` of the run's.
    pub(crate) fn of(row: &PlacedRow, base: u32) -> Self {
        let &PlacedRow { time, token, start, length, key_offset, key_length, .. } = row;
        // Events of a run have less than 4 GiB together, or they would not be as many bytes as the index says.
        Self { time, token, start: base.saturating_add(start), length, key_offset, key_length }
    }

    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.length as usize
    }
}
