//! Whole runs, decoded for arrival readers, under one budget for the node.
//!
//! Readers of the same run share it. A run is decoded only once there is room for it: those that were not used for
//! longest are let go, and while others are still being decoded it waits for them. One run alone may pass the budget, so
//! that no setting stops arrival readers for good.
//!
//! A run may be decoded ahead of the reader that will come to it. Of these, and so of what is decoded in vain, no more
//! is kept than a quarter of the budget.
//!
//! A run that its only reader has passed is seldom wanted again, and memory that is used again costs far less than memory
//! that the system has to clear first. So of such runs a quarter of the budget is kept too. One that another reader
//! finds, or asks for after it was let go, is shared: it stays for as long as the budget has room.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};

use super::Access;
use crate::segment::layout::error::ReadError;
use crate::segment::layout::id::SegmentId;
use crate::segment::read::decoded_run::DecodedRun;
use crate::sync::{Condvar, Mutex, MutexGuard};

/// The part of the budget that runs may take which no reader has come to yet.
const AHEAD_SHARE: usize = 4;

/// The part of the budget that runs may take which one reader has passed and no other has come to.
const PASSED_SHARE: usize = 4;

/// Runs that were let go after one reader, of which it is remembered that there was one.
const REMEMBERED_MAX: usize = 256;

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
    /// And of runs that one reader has passed.
    passed_bytes: usize,
    /// Runs that were let go after one reader, the latest last.
    remembered: VecDeque<RunKey>,
    decoding: usize,
    uses: u64,
}

#[derive(Debug)]
enum Slot {
    Decoding,
    Ready { run: Arc<DecodedRun>, bytes: usize, last_use: u64, readers: Readers },
}

/// Who has come to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readers {
    /// Nobody yet.
    Ahead,
    /// Somebody.
    Here,
    /// Somebody, who has left it behind.
    Passed,
    /// Somebody else after that.
    Shared,
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
            if !state.has_room_ahead(key, bytes, self.limit_bytes) || !state.make_room(bytes, self.limit_bytes) {
                return Ok(());
            }
            state.begin(key, bytes, true);
            Reservation { cache: self, key, bytes, is_ahead: true }
        };
        reservation.keep(&Arc::new(decode()?));
        Ok(())
    }

    /// Notes that a reader has come to the end of the run under `key`.
    pub(crate) fn pass(&self, key: RunKey) {
        self.lock().pass(key);
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
        let Some(Slot::Ready { run, bytes, last_use, readers }) = self.runs.get_mut(&key) else { return None };
        *last_use = self.uses;
        match *readers {
            Readers::Ahead => {
                self.ahead_bytes -= *bytes;
                *readers = if self.remembered.contains(&key) { Readers::Shared } else { Readers::Here };
            }
            Readers::Passed => {
                self.passed_bytes -= *bytes;
                *readers = Readers::Shared;
            }
            Readers::Here | Readers::Shared => {}
        }
        Some(Arc::clone(run))
    }

    fn pass(&mut self, key: RunKey) {
        if let Some(Slot::Ready { bytes, readers, .. }) = self.runs.get_mut(&key)
            && *readers == Readers::Here
        {
            self.passed_bytes += *bytes;
            *readers = Readers::Passed;
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
        while self.passed_bytes > limit / PASSED_SHARE {
            let Some(oldest) = self.oldest(|readers| readers == Readers::Passed) else { break };
            self.let_go(oldest);
            self.remembered.push_back(oldest);
            if self.remembered.len() > REMEMBERED_MAX {
                self.remembered.pop_front();
            }
        }
        while self.bytes + bytes > limit {
            let Some(oldest) = self.oldest(|_| true) else { return self.decoding == 0 };
            self.let_go(oldest);
        }
        true
    }

    /// Of the runs with such readers, the one that was not used for longest.
    fn oldest(&self, is_meant: impl Fn(Readers) -> bool) -> Option<RunKey> {
        let ready = self.runs.iter().filter_map(|(&key, slot)| match slot {
            Slot::Ready { last_use, readers, .. } if is_meant(*readers) => Some((*last_use, key)),
            Slot::Ready { .. } | Slot::Decoding => None,
        });
        ready.min_by_key(|&(last_use, _)| last_use).map(|(_, key)| key)
    }

    fn let_go(&mut self, key: RunKey) {
        let Some(Slot::Ready { bytes, readers, .. }) = self.runs.remove(&key) else { return };
        self.bytes -= bytes;
        match readers {
            Readers::Ahead => self.ahead_bytes -= bytes,
            Readers::Passed => self.passed_bytes -= bytes,
            Readers::Here | Readers::Shared => {}
        }
    }
}

impl Reservation<'_> {
    /// Puts the run in place of its reservation.
    fn keep(self, run: &Arc<DecodedRun>) {
        let bytes = run.memory_bytes();
        let mut state = self.cache.lock();
        state.uses += 1;
        let readers = match self.is_ahead {
            true => Readers::Ahead,
            false if state.remembered.contains(&self.key) => Readers::Shared,
            false => Readers::Here,
        };
        let slot = Slot::Ready { run: Arc::clone(run), bytes, last_use: state.uses, readers };
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
