//! Where the events of one shard lie: in runs, in frozen memtables, in the active one.
//!
//! A [`ShardView`] is all of it at one moment. It never changes; whoever freezes, flushes, compacts or trims puts a new
//! one in its place, and readers keep the one that they took. Runs, frozen memtables and the active one hold
//! consecutive sequences, in this order, so that a reader finds each event in exactly one of them.

use std::sync::{Arc, PoisonError};

use annals_model::{Sequence, Shard};

use super::memtable::{MemoryGauge, Memtable};
use super::runs::Runs;
use crate::sync::RwLock;

/// One shard of a table.
#[derive(Debug)]
pub(crate) struct ShardState {
    shard: Shard,
    gauge: Arc<MemoryGauge>,
    view: RwLock<Arc<ShardView>>,
}

/// A shard at one moment. See the module.
#[derive(Clone, Debug)]
pub(crate) struct ShardView {
    /// What was flushed: the oldest events.
    pub(crate) runs: Runs,
    /// Memtables that take no more events and wait to be flushed, the oldest first.
    pub(crate) frozen: Vec<Arc<Memtable>>,
    /// The memtable that takes the newest events.
    pub(crate) active: Arc<Memtable>,
    /// The oldest sequence that is retained. Events before it may still lie in a run, but are no longer served.
    pub(crate) first_retained: Sequence,
}

impl ShardState {
    /// A shard whose events lie in `runs`, and whose next event will be `next`; `gauge` counts its memtables.
    pub(crate) fn new(
        shard: Shard,
        runs: Runs,
        first_retained: Sequence,
        next: Sequence,
        gauge: Arc<MemoryGauge>,
    ) -> Self {
        let active = Arc::new(Memtable::new(shard, next, Arc::clone(&gauge)));
        let view = ShardView { runs, frozen: Vec::new(), active, first_retained };
        Self { shard, gauge, view: RwLock::new(Arc::new(view)) }
    }

    /// Which shard.
    pub(crate) fn shard(&self) -> Shard {
        self.shard
    }

    /// The shard as it stands now. A reader fixes its moment before it takes the view: then all of the moment's
    /// events are in it, wherever they were moved since.
    pub(crate) fn view(&self) -> Arc<ShardView> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a changed view in place of the present one. Changes are made one after another; `change` is short and
    /// touches no file.
    pub(crate) fn change(&self, change: impl FnOnce(&mut ShardView)) {
        let mut present = self.view.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = ShardView::clone(&present);
        change(&mut next);
        *present = Arc::new(next);
    }

    /// Has the shard begin at `sequence`, if it holds nothing yet and would begin before; tells whether it does. Only
    /// recovery does this, when retention has removed what came before.
    pub(crate) fn begin_at(&self, sequence: Sequence) -> bool {
        let view = self.view();
        let active = &view.active;
        let is_empty = view.frozen.is_empty() && active.next_sequence() == active.first_sequence();
        if !is_empty || active.first_sequence() >= sequence {
            return false;
        }
        self.change(|view| view.active = Arc::new(Memtable::new(self.shard, sequence, Arc::clone(&self.gauge))));
        true
    }

    /// Lets go of events before `sequence` that memtables hold. Only recovery does this, when the journal still tells of
    /// events that were flushed and then removed by retention; `sequence` lies between two batches.
    pub(crate) fn forget_before(&self, sequence: Sequence) {
        let view = self.view();
        if view.memtables().all(|memtable| memtable.first_sequence() >= sequence) {
            return;
        }
        let kept = Memtable::new(self.shard, sequence, Arc::clone(&self.gauge));
        for memtable in view.memtables() {
            for arrived in memtable.arrivals(sequence, Sequence::MAX, usize::MAX) {
                kept.add(&arrived, memtable.journal_file().expect("a memtable with a batch names its file"));
            }
        }
        self.change(|view| {
            view.frozen.clear();
            view.active = Arc::new(kept);
        });
    }

    /// Freezes the active memtable and begins another; gives the frozen one, or none if it was empty. Only the commit
    /// thread and recovery do this, between two batches.
    pub(crate) fn freeze(&self) -> Option<Arc<Memtable>> {
        let active = Arc::clone(&self.view().active);
        if active.next_sequence() == active.first_sequence() {
            return None;
        }
        self.change(|view| {
            view.frozen.push(Arc::clone(&active));
            view.active = Arc::new(active.following(Arc::clone(&self.gauge)));
        });
        Some(active)
    }
}

impl ShardView {
    /// The memtables, the oldest first.
    pub(crate) fn memtables(&self) -> impl DoubleEndedIterator<Item = &Arc<Memtable>> {
        self.frozen.iter().chain(std::iter::once(&self.active))
    }
}
