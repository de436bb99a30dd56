//! Whole runs, decoded for arrival readers, under one budget for the node.
//!
//! Readers of the same run share it. A run is decoded only once there is room for it: those that were not used for
//! longest are let go, and while others are still being decoded it waits for them. One run alone may pass the budget,
//! so that no setting stops arrival readers for good.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Access;
use crate::segment::{DecodedRun, ReadError, SegmentId};

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
    decoding: usize,
    uses: u64,
}

#[derive(Debug)]
enum Slot {
    Decoding,
    Ready { run: Arc<DecodedRun>, bytes: usize, last_use: u64 },
}

/// A run's place while it is being decoded. Dropped without `keep`, it gives the room back.
struct Reservation<'a> {
    cache: &'a DecodedRuns,
    key: RunKey,
    bytes: usize,
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

    /// Waits until the run is there, given back as the error, or there is room to decode it.
    fn reserve(&self, key: RunKey, bytes: usize) -> Result<Reservation<'_>, Arc<DecodedRun>> {
        let mut state = self.lock();
        loop {
            if let Some(run) = state.find(key) {
                return Err(run);
            }
            let is_decoding = state.runs.contains_key(&key);
            if !is_decoding && state.make_room(bytes, self.limit_bytes) {
                state.runs.insert(key, Slot::Decoding);
                state.bytes += bytes;
                state.decoding += 1;
                return Ok(Reservation { cache: self, key, bytes });
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
            Some(Slot::Ready { run, last_use, .. }) => {
                *last_use = self.uses;
                Some(Arc::clone(run))
            }
            _ => None,
        }
    }

    /// Lets runs go until `bytes` fit; says whether they do, or nothing is left that could make them.
    fn make_room(&mut self, bytes: usize, limit: usize) -> bool {
        while self.bytes + bytes > limit {
            let ready = self.runs.iter().filter_map(|(&key, slot)| match slot {
                Slot::Ready { bytes, last_use, .. } => Some((*last_use, key, *bytes)),
                Slot::Decoding => None,
            });
            let Some((_, oldest, freed)) = ready.min_by_key(|&(last_use, ..)| last_use) else {
                return self.decoding == 0;
            };
            self.runs.remove(&oldest);
            self.bytes -= freed;
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
        let slot = Slot::Ready { run: Arc::clone(run), bytes, last_use: state.uses };
        state.runs.insert(self.key, slot);
        state.bytes += bytes;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        state.bytes -= self.bytes;
        state.decoding -= 1;
        if let Some(Slot::Decoding) = state.runs.get(&self.key) {
            state.runs.remove(&self.key);
        }
        self.cache.settled.notify_all();
    }
}
