//! A table as the embedded engine holds it: what the catalog says of it, its shards and its heads.

use std::sync::{Arc, PoisonError};

use annals_model::{Moment, Sequence, Shard, Sharding, Table, TableId, TokenRange};
use annals_storage::Damage;

use super::memtable::MemoryGauge;
use super::runs::Runs;
use super::scan_lease::ScanLease;
use super::shard_state::ShardState;
use crate::sync::{AtomicBool, Ordering, RwLock};
use annals_engine::{HeadBoard, ReadError};

/// One table. Lives as long as somebody reads it, also after it was dropped.
#[derive(Debug)]
pub(crate) struct TableState {
    id: TableId,
    /// The newest durable state of the table; replaced whole by the commit thread.
    table: RwLock<Arc<Table>>,
    shards: Box<[ShardState]>,
    board: Arc<HeadBoard>,
    is_dropped: AtomicBool,
    scan_lease: ScanLease,
    /// Damage of the journal behind which events of the table may lie that are not served.
    broken_off: Option<Arc<Damage>>,
}

impl TableState {
    /// A table of these shards, one for each that the definition counts, whose heads stand as the board says.
    pub(crate) fn new(table: Arc<Table>, shards: Box<[ShardState]>, board: Arc<HeadBoard>) -> Self {
        debug_assert_eq!(shards.len(), table.definition.shard_count.get() as usize, "a state for each shard");
        Self {
            id: table.id,
            table: RwLock::new(table),
            shards,
            board,
            is_dropped: AtomicBool::new(false),
            scan_lease: ScanLease::default(),
            broken_off: None,
        }
    }

    /// The same table, whose events behind `damage` are not served. Nothing comes after its heads; who waits for that is
    /// woken at once, and told when it reads on.
    pub(crate) fn broken_off(mut self, damage: Arc<Damage>) -> Self {
        self.board.close();
        self.broken_off = Some(damage);
        self
    }

    /// A table that was just made.
    pub(crate) fn empty(table: Arc<Table>, gauge: &Arc<MemoryGauge>) -> Self {
        let count = table.definition.shard_count;
        let shards = count
            .shards()
            .map(|shard| ShardState::new(shard, Runs::default(), Sequence::FIRST, Sequence::FIRST, Arc::clone(gauge)));
        Self::new(table, shards.collect(), HeadBoard::empty(count))
    }

    /// The table's id.
    pub(crate) fn id(&self) -> TableId {
        self.id
    }

    /// The newest durable state of the table.
    pub(crate) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the table's state by a newer one that is durable.
    pub(crate) fn set_table(&self, table: Arc<Table>) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// Whether the table was dropped; only those who looked it up before still see it.
    pub(crate) fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Acquire)
    }

    /// Notes that the table was dropped, and ends the waits for it.
    pub(crate) fn set_dropped(&self) {
        self.is_dropped.store(true, Ordering::Release);
        self.board.close();
    }

    /// The scans that retention waits for.
    pub(crate) fn scan_lease(&self) -> &ScanLease {
        &self.scan_lease
    }

    /// All shards, in order.
    pub(crate) fn shards(&self) -> &[ShardState] {
        &self.shards
    }

    /// One shard.
    ///
    /// # Errors
    /// When the table does not have it.
    pub(crate) fn shard(&self, shard: Shard) -> Result<&ShardState, ReadError> {
        let count = || self.table().definition.shard_count;
        self.shards.get(shard.index()).ok_or_else(|| ReadError::UnknownShard { shard, count: count() })
    }

    /// By shard, the last sequence that retention has removed.
    pub(crate) fn floor(&self) -> Moment {
        let gone = |shard: &ShardState| shard.view().first_retained.previous();
        Moment::new(self.shards.iter().map(gone).collect::<Box<[Sequence]>>())
    }

    /// The shards that may hold keys of these tokens.
    pub(crate) fn shards_of(&self, tokens: TokenRange) -> &[ShardState] {
        let definition = &self.table().definition;
        let shard_of = |token| definition.shard_count.shard_of(token).index();
        match definition.sharding {
            Sharding::Hash => &self.shards[shard_of(tokens.first)..=shard_of(tokens.last)],
            Sharding::Explicit => &self.shards,
        }
    }

    /// How far each shard has come, and who waits for it to go on.
    pub(crate) fn board(&self) -> &Arc<HeadBoard> {
        &self.board
    }

    /// Why what came after a shard's head cannot be told, where it cannot.
    pub(crate) fn lost_behind_head(&self, shard: Shard) -> Option<ReadError> {
        let damage = self.broken_off.as_ref()?;
        let (name, head) = (&self.table().definition.name, self.board.head(shard));
        Some(ReadError::Damaged(format!(
            "shard {shard} of {name} is served up to sequence {head}, what came after it is not: {damage}"
        )))
    }

    /// Why it cannot be told whether a read as of `moment` brings all that it should: the moment reaches a head behind
    /// which events may be lost.
    pub(crate) fn lost_at(&self, moment: &Moment) -> Option<ReadError> {
        self.broken_off.as_ref()?;
        let (shard, _) = moment.iter().find(|&(shard, through)| through >= self.board.head(shard))?;
        self.lost_behind_head(shard)
    }

    /// The error of a read that asks for a sequence past a shard's head.
    pub(crate) fn past_head(&self, shard: Shard, asked: Sequence) -> ReadError {
        let head = self.board.head(shard);
        self.lost_behind_head(shard).unwrap_or(ReadError::MomentAhead { shard, asked, head })
    }
}
