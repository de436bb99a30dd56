//! The engine's primitives over shuttle: what `crates/embedded/src/sync.rs` gives, for threads of a model.
//!
//! Locks, atomics and threads are shuttle's own. Channels are made here, since the engine's select over several. What
//! tasks wait for is tokio's, which wakes a model's tasks as it does any others. Time stands still unless a test moves
//! it, so that nothing is mended by a timeout: who is not woken waits for ever, and shuttle says so. What is left to
//! chance is drawn by the schedule, so that a seed decides it.

mod chance;
mod channel;
mod condvar;
pub mod oneshot;
mod select;
pub mod time;

pub use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
pub use shuttle::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use shuttle::thread::{Builder, JoinHandle};

pub use crossbeam::channel::{SendError, TrySendError};
pub use tokio::sync::{Notify, Semaphore};

pub use chance::{HashMap, HashSet, new_uuid};
pub use channel::{Receiver, Sender, after, bounded, never, unbounded};
pub use condvar::{Condvar, TimedOut};
pub(crate) use select::{pick, select};
pub use time::Instant;

/// A place where another thread may go on.
fn step() {
    if !std::thread::panicking() {
        shuttle::thread::sleep(std::time::Duration::ZERO);
    }
}
