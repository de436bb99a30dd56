//! What threads meet through: locks, atomics, channels, the threads themselves, and the time that they wait by; and what
//! is left to chance: new ids, and the order in which hash tables are gone through.
//!
//! The engine takes these from here, so that `tests/loom` and `tests/shuttle` can compile its own files over others,
//! which try out how the threads' steps may interleave, and draw what is left to chance from a seed. What is used with
//! nobody else looking is not here: cells that are set once, the clocks of commit times, and the thread that opens the
//! directory, which belongs to sled.

pub(crate) use std::collections::{HashMap, HashSet};
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub(crate) use std::thread::{Builder, JoinHandle};
pub(crate) use std::time::Instant;

pub(crate) use crossbeam::channel::{
    Receiver, SendError, Sender, TrySendError, after, bounded, never, select, unbounded,
};
pub(crate) use tokio::sync::{Semaphore, oneshot};

/// An id that nothing else has.
pub(crate) fn new_uuid() -> uuid::Uuid {
    uuid::Uuid::new_v4()
}
