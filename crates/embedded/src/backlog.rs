//! What the commit thread leaves to the threads in the background: memtables to be flushed, tables to be cleared away.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use annals_model::Shard;

use super::memtable::Memtable;
use super::table_state::TableState;
use crate::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering, Receiver, Sender, bounded};

/// How soon whoever waits for a flush looks again whether it will come.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Work that waits. What waits of memtables is bounded by the memory that they may take together.
#[derive(Debug)]
pub(crate) struct Backlog {
    work: Mutex<Work>,
    changed: Condvar,
    /// Told when memtables were flushed, or nobody will flush any more.
    flushed: Condvar,
    is_taken_care_of: AtomicBool,
    /// Why flushing does not get on.
    obstacle: Mutex<Option<String>>,
    obstacle_changed: (Sender<()>, Receiver<()>),
}

/// What is to be done.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Memtables that are frozen and durable, of each shard the oldest first. They are in their shard's view until
    /// whoever flushes them puts a run in their place.
    pub(crate) frozen: Vec<FrozenMemtable>,
    /// How many frozen memtables are not flushed yet, those that were taken among them.
    unflushed: usize,
    /// Tables that were dropped: their runs are to be removed.
    pub(crate) dropped: Vec<Arc<TableState>>,
    /// Nothing more will come; what waits need not be done.
    pub(crate) is_closed: bool,
}

/// A memtable to be flushed.
#[derive(Clone, Debug)]
pub(crate) struct FrozenMemtable {
    pub(crate) table: Arc<TableState>,
    pub(crate) shard: Shard,
    pub(crate) memtable: Arc<Memtable>,
}

impl Default for Backlog {
    fn default() -> Self {
        Self {
            work: Mutex::default(),
            changed: Condvar::new(),
            flushed: Condvar::new(),
            is_taken_care_of: AtomicBool::new(false),
            obstacle: Mutex::default(),
            obstacle_changed: bounded(1),
        }
    }
}

impl Backlog {
    /// Adds a memtable to be flushed.
    pub(crate) fn add_frozen(&self, frozen: FrozenMemtable) {
        let mut work = self.open();
        work.frozen.push(frozen);
        work.unflushed += 1;
        self.changed.notify_all();
    }

    /// Adds a table to be cleared away.
    pub(crate) fn add_dropped(&self, table: Arc<TableState>) {
        self.open().dropped.push(table);
        self.changed.notify_all();
    }

    /// Takes all that waits; waits for something, up to `wait_max`, if there is nothing.
    pub(crate) fn take(&self, wait_max: Duration) -> Work {
        self.is_taken_care_of.store(true, Ordering::Relaxed);
        let is_idle = |work: &mut Work| work.frozen.is_empty() && work.dropped.is_empty() && !work.is_closed;
        let (mut work, _) =
            self.changed.wait_timeout_while(self.open(), wait_max, is_idle).unwrap_or_else(PoisonError::into_inner);
        let rest = Work { is_closed: work.is_closed, unflushed: work.unflushed, ..Work::default() };
        let is_closed = work.is_closed;
        Work { is_closed, ..std::mem::replace(&mut *work, rest) }
    }

    /// Notes that so many of the memtables that were taken are flushed, or need not be any more.
    pub(crate) fn note_flushed(&self, count: usize) {
        let mut work = self.open();
        work.unflushed = work.unflushed.saturating_sub(count);
        self.flushed.notify_all();
    }

    /// Waits until all frozen memtables are flushed, or `is_given_up` holds; it is asked now and then.
    pub(crate) fn wait_flushed(&self, is_given_up: impl Fn() -> bool) {
        let mut work = self.open();
        while work.unflushed > 0 && !work.is_closed && !is_given_up() {
            (work, _) = self.flushed.wait_timeout(work, LOOK_AGAIN).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether somebody flushes, so that it makes sense to wait for room in memory.
    pub(crate) fn is_taken_care_of(&self) -> bool {
        self.is_taken_care_of.load(Ordering::Relaxed)
    }

    /// Notes why flushing does not get on, or that it does. Whoever waits for room in memory hears of it.
    pub(crate) fn note_obstacle(&self, obstacle: Option<String>) {
        *self.obstacle.lock().unwrap_or_else(PoisonError::into_inner) = obstacle;
        self.note_look();
    }

    /// Why flushing does not get on; none if it does.
    pub(crate) fn obstacle(&self) -> Option<String> {
        self.obstacle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the commit thread look again whether it makes sense to wait for memory.
    pub(crate) fn note_look(&self) {
        // Full: it was told already and has not looked yet.
        let _ = self.obstacle_changed.0.try_send(());
    }

    /// Where the commit thread hears of it.
    pub(crate) fn obstacles(&self) -> &Receiver<()> {
        &self.obstacle_changed.1
    }

    /// Ends the work, and the waiting for it.
    pub(crate) fn close(&self) {
        self.open().is_closed = true;
        self.changed.notify_all();
        self.flushed.notify_all();
    }

    fn open(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
