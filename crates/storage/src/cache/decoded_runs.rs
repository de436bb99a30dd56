//! Whole runs, decoded for arrival readers, under one budget for the node.
//!
//! Readers of the same run share it. A run is decoded only once there is room for it: those that were not used for
//! longest are let go, and while others are still being decoded it waits for them. While it is decoded a run counts
//! twice, since it lies in memory twice: in the order of keys and in that of arrival. One run alone may pass the budget,
//! so that no setting stops arrival readers for good.
//!
//! A run may be decoded ahead of the reader that will come to it. Of these, and so of what is decoded in vain, no more
//! is kept than a quarter of the budget.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::Access;
use crate::segment::{DecodedRun, ReadError, SegmentId};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// The part of the budget that runs may take which no reader has come to yet.
const AHEAD_SHARE: usize = 4;

/// How many times its own size a run takes while it is decoded.
const DECODING_SHARE: usize = 2;

/// Which run of which segment.
pub(crate) type RunKey = (SegmentId, u32);

/// Decoded runs, up to a limit in bytes.
#[derive(Debug)]
pub(crate) struct DecodedRuns {
    limit_bytes: usize,
    state: Mutex<State>,
    /// Told whenever a decoding ends.
    settled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    runs: HashMap<RunKey, Slot>,
    /// Of runs that are kept and of those being decoded.
    bytes: usize,
    /// Of these, of runs that no reader has come to yet.
    ahead_bytes: usize,
    decoding: usize,
    uses: u64,
}

#[derive(Debug)]
enum Slot {
    Decoding,
    Ready { run: Arc<DecodedRun>, bytes: usize, last_use: u64, is_ahead: bool },
}

/// A run's place while it is being decoded. Dropped without `keep`, it gives the room back.
struct Reservation<'a> {
    cache: &'a DecodedRuns,
    key: RunKey,
    bytes: usize,
    is_ahead: bool,
}

impl DecodedRuns {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, state: Mutex::default(), settled: Condvar::new() }
    }

    /// The run under `key`; decoded by `decode`, into about `bytes`, if it is not kept and `access` allows.
    pub(crate) fn get(
        &self,
        key: RunKey,
        access: Access,
        bytes: usize,
        decode: impl FnOnce() -> Result<DecodedRun, ReadError>,
    ) -> Result<Arc<DecodedRun>, ReadError> {
        if access == Access::CacheOnly {
            return self.lock().find(key).ok_or(ReadError::Miss);
        }
        let reservation = match self.reserve(key, bytes) {
            Ok(reservation) => reservation,
            Err(run) => return Ok(run),
        };
        let run = Arc::new(decode()?);
        reservation.keep(&run);
        Ok(run)
    }

    /// Whether the run under `key`, of about `bytes`, should be decoded ahead of its readers.
    pub(crate) fn has_room_ahead(&self, key: RunKey, bytes: usize) -> bool {
        self.lock().has_room_ahead(key, bytes, self.limit_bytes)
    }

    /// Decodes the run under `key` ahead of its readers, if there is room for that.
    pub(crate) fn decode_ahead(
        &self,
        key: RunKey,
        bytes: usize,
        decode: impl FnOnce() -> Result<DecodedRun, ReadError>,
    ) -> Result<(), ReadError> {
        let reservation = {
            let mut state = self.lock();
            let decoding = bytes.saturating_mul(DECODING_SHARE);
            if !state.has_room_ahead(key, bytes, self.limit_bytes) || !state.make_room(decoding, self.limit_bytes) {
                return Ok(());
            }
            state.begin(key, decoding, true);
            Reservation { cache: self, key, bytes: decoding, is_ahead: true }
        };
        reservation.keep(&Arc::new(decode()?));
        Ok(())
    }

    /// Waits until the run is there, given back as the error, or there is room to decode it.
    fn reserve(&self, key: RunKey, bytes: usize) -> Result<Reservation<'_>, Arc<DecodedRun>> {
        let bytes = bytes.saturating_mul(DECODING_SHARE);
        let mut state = self.lock();
        loop {
            if let Some(run) = state.find(key) {
                return Err(run);
            }
            let is_decoding = state.runs.contains_key(&key);
            if !is_decoding && state.make_room(bytes, self.limit_bytes) {
                state.begin(key, bytes, false);
                return Ok(Reservation { cache: self, key, bytes, is_ahead: false });
            }
            state = self.settled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What is kept or being decoded, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, and a decoding that panics gives its room back.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&mut self, key: RunKey) -> Option<Arc<DecodedRun>> {
        self.uses += 1;
        match self.runs.get_mut(&key) {
            Some(Slot::Ready { run, bytes, last_use, is_ahead }) => {
                *last_use = self.uses;
                if std::mem::take(is_ahead) {
                    self.ahead_bytes -= *bytes;
                }
                Some(Arc::clone(run))
            }
            _ => None,
        }
    }

    fn has_room_ahead(&self, key: RunKey, bytes: usize, limit: usize) -> bool {
        !self.runs.contains_key(&key) && self.ahead_bytes + bytes <= limit / AHEAD_SHARE
    }

    /// Takes the room for a run that is to be decoded.
    fn begin(&mut self, key: RunKey, bytes: usize, is_ahead: bool) {
        self.runs.insert(key, Slot::Decoding);
        self.bytes += bytes;
        self.decoding += 1;
        if is_ahead {
            self.ahead_bytes += bytes;
        }
    }

    /// Lets runs go until `bytes` fit; says whether they do, or nothing is left that could make them.
    fn make_room(&mut self, bytes: usize, limit: usize) -> bool {
        while self.bytes + bytes > limit {
            let ready = self.runs.iter().filter_map(|(&key, slot)| match slot {
                Slot::Ready { bytes, last_use, is_ahead, .. } => Some((*last_use, key, *bytes, *is_ahead)),
                Slot::Decoding => None,
            });
            let Some((_, oldest, freed, was_ahead)) = ready.min_by_key(|&(last_use, ..)| last_use) else {
                return self.decoding == 0;
            };
            self.runs.remove(&oldest);
            self.bytes -= freed;
            if was_ahead {
                self.ahead_bytes -= freed;
            }
        }
        true
    }
}

impl Reservation<'_> {
    /// Puts the run in place of its reservation.
    fn keep(self, run: &Arc<DecodedRun>) {
        let bytes = run.memory_bytes();
        let mut state = self.cache.lock();
        state.uses += 1;
        let slot = Slot::Ready { run: Arc::clone(run), bytes, last_use: state.uses, is_ahead: self.is_ahead };
        state.runs.insert(self.key, slot);
        state.bytes += bytes;
        if self.is_ahead {
            state.ahead_bytes += bytes;
        }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        state.bytes -= self.bytes;
        state.decoding -= 1;
        if self.is_ahead {
            state.ahead_bytes -= self.bytes;
        }
        if let Some(Slot::Decoding) = state.runs.get(&self.key) {
            state.runs.remove(&self.key);
        }
        self.cache.settled.notify_all();
    }
}
