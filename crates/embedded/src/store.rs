//! What all threads of an open store share.

use std::sync::{Arc, OnceLock, PoisonError};

use annals_model::{Shard, TableId};
use annals_storage::Damage;
use annals_storage::framed::Position;
use annals_storage::identity::StoreIdentity;
use annals_storage::layout::FileNumber;
use annals_storage::state::State;

use super::ages::AgeClock;
use super::backlog::{Backlog, FrozenMemtable};
use super::catalog::Catalog;
use super::keeper_desk::KeeperDesk;
use super::memtable::MemoryGauge;
use super::options::{OpenMode, Options};
use super::pace::Pace;
use super::table_state::TableState;
use crate::sync::{AtomicBool, Mutex, Ordering};
use annals_engine::{ReadError, ReadOnlyReason};

/// An open store.
#[derive(Debug)]
pub(crate) struct Store {
    options: Options,
    identity: StoreIdentity,
    catalog: Catalog,
    ages: AgeClock,
    gauge: Arc<MemoryGauge>,
    backlog: Backlog,
    pace: Pace,
    keeper_desk: KeeperDesk,
    journal_reached: Mutex<Option<Position>>,
    run_bounds: Mutex<()>,
    read_only: OnceLock<ReadOnlyReason>,
    /// Damage up to which the journal was read.
    broken_off: OnceLock<Arc<Damage>>,
    is_closing: AtomicBool,
    is_closed: AtomicBool,
}

impl Store {
    /// A store of these tables, whose memtables `gauge` counts, and that was opened with this state.
    pub(crate) fn new(
        options: Options,
        identity: StoreIdentity,
        catalog: Catalog,
        gauge: Arc<MemoryGauge>,
        state: &State,
    ) -> Self {
        let read_only = OnceLock::new();
        if options.mode == OpenMode::ReadOnly {
            read_only.get_or_init(|| ReadOnlyReason::OpenedReadOnly);
        }
        Self {
            ages: AgeClock::open(Arc::clone(&options.clock), options.clock_grace, state),
            options,
            identity,
            catalog,
            gauge,
            backlog: Backlog::default(),
            pace: Pace::default(),
            keeper_desk: KeeperDesk::default(),
            journal_reached: Mutex::default(),
            run_bounds: Mutex::default(),
            read_only,
            broken_off: OnceLock::new(),
            is_closing: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }
    }

    /// How it was opened.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// What ties its files together.
    pub(crate) fn identity(&self) -> &StoreIdentity {
        &self.identity
    }

    /// Its tables.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The table of this id.
    ///
    /// # Errors
    /// When there is none (any more).
    pub(crate) fn table(&self, id: TableId) -> Result<Arc<TableState>, ReadError> {
        self.catalog.get(id).ok_or_else(|| self.lost_tables().unwrap_or(ReadError::UnknownTable(id)))
    }

    /// Notes that what the journal tells behind `damage` is not known.
    pub(crate) fn set_broken_off(&self, damage: Arc<Damage>) {
        self.broken_off.get_or_init(|| damage);
    }

    /// Why there may be tables that are not known, where there may.
    pub(crate) fn lost_tables(&self) -> Option<ReadError> {
        let damage = self.broken_off.get()?;
        Some(ReadError::Damaged(format!("tables that were made behind the damage are not known: {damage}")))
    }

    /// What its memtables cost.
    pub(crate) fn gauge(&self) -> &Arc<MemoryGauge> {
        &self.gauge
    }

    /// What waits to be done in the background.
    pub(crate) fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// How new segments are compressed.
    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Where the keeper of the journal's files hears of what happened.
    pub(crate) fn keeper_desk(&self) -> &KeeperDesk {
        &self.keeper_desk
    }

    /// How far the journal is durable; none before the first sync since the store was opened.
    pub(crate) fn journal_reached(&self) -> Option<Position> {
        *self.journal_reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the journal is durable up to `position`.
    pub(crate) fn note_journal_reached(&self, position: Position) {
        *self.journal_reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
    }

    /// Held while it is decided by whole runs what is retained, until that is durable, and while other runs are put in the
    /// place of runs: so that no run ever reaches across a floor.
    pub(crate) fn run_bounds(&self) -> &Mutex<()> {
        &self.run_bounds
    }

    /// How old what was committed is.
    pub(crate) fn ages(&self) -> &AgeClock {
        &self.ages
    }

    /// Why it takes no appends; none if it does.
    pub(crate) fn read_only(&self) -> Option<ReadOnlyReason> {
        self.read_only.get().cloned()
    }

    /// Has it take no more appends, for good. The first reason stays.
    pub(crate) fn set_read_only(&self, reason: ReadOnlyReason) {
        self.read_only.get_or_init(|| reason);
    }

    /// Has the commit thread finish what was let in, whatever memory that takes: admission bounds it, and whoever holds
    /// the memory may hold it for longer than closing may take.
    pub(crate) fn begin_closing(&self) {
        self.is_closing.store(true, Ordering::Release);
        self.backlog.note_look();
    }

    /// Whether the commit thread has answered all that it took, and takes no more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Notes that the commit thread has ended in order.
    pub(crate) fn set_closed(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    /// Whether memtables cost so much that no appends are taken until a flush has made room. Not where flushing does not
    /// get on: those who ask are then told, rather than left to wait. Nor while the store closes.
    pub(crate) fn is_memory_short(&self) -> bool {
        self.is_memory_full()
            && self.backlog.is_taken_care_of()
            && self.backlog.obstacle().is_none()
            && self.read_only().is_none()
            && !self.is_closing.load(Ordering::Acquire)
    }

    /// Why no flush makes the room in memory that appends need; none if there is room, or some will be made.
    pub(crate) fn memory_obstacle(&self) -> Option<String> {
        if self.is_memory_full() { self.backlog.obstacle() } else { None }
    }

    fn is_memory_full(&self) -> bool {
        self.gauge.bytes() > 2 * self.options.memtable_bytes_max
    }

    /// Freezes memtables that are due, and hands them to be flushed: those of `changed` shards that have become a
    /// run's size, and the largest of all when they cost too much together. Called by the commit thread while all
    /// that the memtables hold is durable.
    pub(crate) fn freeze_where_due(&self, changed: &[(Arc<TableState>, Shard)]) {
        for (table, shard) in changed {
            if table.shards()[shard.index()].view().active.event_bytes() >= self.options.run_bytes_max {
                self.freeze(table, *shard);
            }
        }
        if self.gauge.bytes() > self.options.memtable_bytes_max {
            self.freeze_largest();
        }
    }

    /// Freezes the largest memtables until the others cost half of what all may: so this is done seldom.
    fn freeze_largest(&self) {
        let tables = self.catalog.tables();
        let mut active: Vec<_> = tables
            .iter()
            .flat_map(|table| {
                table.shards().iter().map(move |shard| (shard.view().active.memory_bytes(), table, shard))
            })
            .collect();
        active.sort_unstable_by_key(|(bytes, ..)| *bytes);
        let mut left: u64 = active.iter().map(|(bytes, ..)| bytes).sum();
        while left > self.options.memtable_bytes_max / 2
            && let Some((bytes, table, shard)) = active.pop()
        {
            left -= bytes;
            self.freeze(table, shard.shard());
        }
    }

    /// Freezes all memtables with data in journal files up to `last`, so that these files can be released.
    pub(crate) fn freeze_through(&self, last: FileNumber) {
        for table in self.catalog.tables() {
            for shard in table.shards() {
                if shard.view().active.journal_file().is_some_and(|file| file <= last) {
                    self.freeze(&table, shard.shard());
                }
            }
        }
    }

    /// Freezes all memtables. Called by the commit thread while all that they hold is durable.
    pub(crate) fn freeze_all(&self) {
        for table in self.catalog.tables() {
            for shard in table.shards() {
                self.freeze(&table, shard.shard());
            }
        }
    }

    /// Freezes the memtables of these shards. Called as [`freeze_all`](Self::freeze_all) is.
    pub(crate) fn freeze_shards(&self, shards: &[(TableId, Shard)]) {
        for (table, shard) in shards {
            if let Some(table) = self.catalog.get(*table) {
                self.freeze(&table, *shard);
            }
        }
    }

    /// Hands over the memtables that were frozen while the store was opened.
    pub(crate) fn hand_over_frozen(&self) {
        for table in self.catalog.tables() {
            for shard in table.shards() {
                for memtable in &shard.view().frozen {
                    let (table, memtable) = (Arc::clone(&table), Arc::clone(memtable));
                    self.backlog.add_frozen(FrozenMemtable { table, shard: shard.shard(), memtable });
                }
            }
        }
    }

    fn freeze(&self, table: &Arc<TableState>, shard: Shard) {
        if let Some(memtable) = table.shards()[shard.index()].freeze() {
            self.backlog.add_frozen(FrozenMemtable { table: Arc::clone(table), shard, memtable });
        }
    }

    /// The oldest journal file that a memtable needs; none if all is flushed.
    pub(crate) fn oldest_journal_file(&self) -> Option<FileNumber> {
        let tables = self.catalog.tables();
        let views = tables.iter().flat_map(|table| table.shards()).map(super::shard_state::ShardState::view);
        views.filter_map(|view| view.memtables().filter_map(|memtable| memtable.journal_file()).min()).min()
    }
}
