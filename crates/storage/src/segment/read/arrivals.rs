//! A run in arrival order: decoded whole, shared by all who read it.
//!
//! The events stay where decoding puts them, in the order of the run's rows; a table has for each sequence the place of
//! its event. So a run lies in memory once, also while it is decoded, and no event is moved before somebody wants it. To
//! read it in the order of sequences is to jump through all of it, so readers look ahead: [`Arrivals::look_ahead`] has
//! the processor fetch many events at once, where it would wait for one after the other.

use std::hint::black_box;
use std::sync::Arc;

use annals_model::{Sequence, StoredEvent, Token};

use crate::segment::layout::error::ReadError;
use crate::segment::read::cache::Access;
use crate::segment::read::decoded_run::DecodedRun;
use crate::segment::read::run::Run;

/// How far apart the bytes of an event lie that are touched to fetch it: the lines of the processor's cache.
const LINE_BYTES: usize = 64;

/// Lines of an event that are fetched ahead; those of larger events the processor then fetches by itself.
const LINES_AHEAD: usize = 4;

/// A decoded run, read by sequence. Holding one holds the whole run in memory, so let it go with each answer.
#[derive(Debug)]
pub struct Arrivals {
    run: Run,
    decoded: Arc<DecodedRun>,
}

impl Arrivals {
    pub(crate) fn new(run: Run, decoded: Arc<DecodedRun>) -> Self {
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

impl Run {
    /// The run decoded whole, to be read by sequence. Readers share it as long as the budget keeps it.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    pub fn arrivals(&self, access: Access) -> Result<Arrivals, ReadError> {
        let (runs, key) = self.decoded_runs();
        let estimate = DecodedRun::estimate_bytes(self.summary());
        let decoded = runs.get(key, access, estimate, || DecodedRun::decode(self))?;
        Ok(Arrivals::new(self.clone(), decoded))
    }

    /// Notes that a reader of `arrivals` has come to the run's end, and so will not want it again.
    pub fn pass(&self) {
        let (runs, key) = self.decoded_runs();
        runs.pass(key);
    }

    /// Whether the run should be decoded ahead of a reader who will come to it by sequence: it is not decoded, and there
    /// is room for what may turn out to be decoded in vain.
    pub fn has_room_ahead(&self) -> bool {
        let (runs, key) = self.decoded_runs();
        runs.has_room_ahead(key, DecodedRun::estimate_bytes(self.summary()))
    }

    /// Decodes the run ahead of a reader who will come to it by sequence, if `has_room_ahead`.
    ///
    /// # Errors
    /// When the run cannot be read or is damaged.
    pub fn decode_ahead(&self) -> Result<(), ReadError> {
        let (runs, key) = self.decoded_runs();
        runs.decode_ahead(key, DecodedRun::estimate_bytes(self.summary()), || DecodedRun::decode(self))
    }
}
