//! Heads: how far each shard of a table has come, and who waits for it to go on.
//!
//! A board is written by the one thread that commits and read by anyone. A watch is woken by position, never handed
//! events: it reads them from the store, so a slow reader costs a cursor and misses nothing. Only watches whose scope
//! matches a commit are woken.
//!
//! The order that makes this safe: a commit first stores the new head, then looks whether anybody waits; a waiter first
//! says that it waits, then looks at the head. Both sides store one thing and then load the other, with a fence between
//! the two. `tests/loom` tries every interleaving.

use std::sync::{Arc, PoisonError};

use annals_model::{EventBatch, Moment, Sequence, Shard, ShardCount};

use super::watch_index::{WatchId, WatchIndex};
use super::watch_scope::WatchScope;
use crate::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard, Notify, Ordering, fence};

/// The table is gone, the store is shutting down, or what comes next is damaged: nothing more will come. Reading on tells
/// which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing more will come of this table from this store")]
pub struct WatchClosed;

/// The heads of one table.
#[derive(Debug)]
pub struct HeadBoard {
    heads: Box<[AtomicU64]>,
    closed: AtomicBool,
    watches: Mutex<WatchIndex>,
    /// How many watches there are, so that a commit that nobody waits for takes no lock.
    watch_count: AtomicU64,
}

/// A view of a table's heads that can be waited on.
#[derive(Debug)]
pub struct HeadWatch {
    board: Arc<HeadBoard>,
    id: WatchId,
    notify: Arc<Notify>,
}

impl HeadBoard {
    /// A board whose shards stand at `moment`.
    pub fn new(moment: &Moment) -> Arc<Self> {
        Arc::new(Self {
            heads: moment.sequences().iter().map(|sequence| AtomicU64::new(sequence.get())).collect(),
            closed: AtomicBool::new(false),
            watches: Mutex::default(),
            watch_count: AtomicU64::new(0),
        })
    }

    /// A board for a new table.
    pub fn empty(count: ShardCount) -> Arc<Self> {
        Self::new(&Moment::start(count))
    }

    /// The newest durable sequence of a shard.
    pub fn head(&self, shard: Shard) -> Sequence {
        Sequence::new(self.heads[shard.index()].load(Ordering::SeqCst))
    }

    /// The newest durable moment. Shards are read one after another; each is at least as new as when this was called.
    pub fn moment(&self) -> Moment {
        Moment::new(
            self.heads.iter().map(|head| Sequence::new(head.load(Ordering::SeqCst))).collect::<Box<[Sequence]>>(),
        )
    }

    /// Moves a shard's head forward; whoever reads it from now on finds the events in the store.
    pub fn publish(&self, shard: Shard, head: Sequence) {
        self.heads[shard.index()].store(head.get(), Ordering::SeqCst);
    }

    /// Wakes the watches that wait for events like these. Called after `publish`.
    pub fn wake(&self, shard: Shard, batch: &EventBatch) {
        fence(Ordering::SeqCst);
        if self.watch_count.load(Ordering::SeqCst) == 0 {
            return;
        }
        self.watches().wake(shard, batch);
    }

    /// Ends all watches: nothing more will come.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.watches().wake_all();
    }

    /// Starts a watch. Shards that the table does not have never wake it.
    pub fn watch(self: &Arc<Self>, scope: WatchScope) -> HeadWatch {
        let notify = Arc::new(Notify::new());
        let mut watches = self.watches();
        let id = watches.add(scope, Arc::clone(&notify));
        self.watch_count.store(watches.len() as u64, Ordering::SeqCst);
        drop(watches);
        fence(Ordering::SeqCst);
        HeadWatch { board: Arc::clone(self), id, notify }
    }

    fn forget(&self, id: WatchId) {
        let mut watches = self.watches();
        watches.remove(id);
        self.watch_count.store(watches.len() as u64, Ordering::SeqCst);
    }

    fn watches(&self) -> MutexGuard<'_, WatchIndex> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeadWatch {
    /// The newest durable sequence of a shard.
    pub fn head(&self, shard: Shard) -> Sequence {
        self.board.head(shard)
    }

    /// The newest durable moment.
    pub fn moment(&self) -> Moment {
        self.board.moment()
    }

    /// Waits for a commit that the scope matches. One that came since the watch was made, or since this last
    /// returned, is not missed; it may return without one. Cancel-safe.
    ///
    /// # Errors
    /// When nothing more will come.
    pub async fn changed(&mut self) -> Result<(), WatchClosed> {
        if self.board.closed.load(Ordering::SeqCst) {
            return Err(WatchClosed);
        }
        self.notify.notified().await;
        if self.board.closed.load(Ordering::SeqCst) { Err(WatchClosed) } else { Ok(()) }
    }
}

impl Drop for HeadWatch {
    fn drop(&mut self) {
        self.board.forget(self.id);
    }
}
