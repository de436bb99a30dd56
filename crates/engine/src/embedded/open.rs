//! Opening a store: its tables, with their runs, and the memtables that the journal gives back.
//!
//! The files are read and checked by `annals_storage::store`; what takes in their content stands here. Opening takes
//! time in proportion to the journal, not to the data: no segment is read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use annals_model::{Moment, Sequence, Shard, Table, TableId};
use annals_storage::framed::FrameInfo;
use annals_storage::identity::StoreIdentity;
use annals_storage::journal::RecordedBatch;
use annals_storage::manifest::ManifestState;
use annals_storage::state::{State, StateRecord};
use annals_storage::store::{self, OpenError, OpenReport, OpenStore, Replay, StoreOptions};
use uuid::Uuid;

use super::catalog::Catalog;
use super::memtable::{ArrivedBatch, MemoryGauge};
use super::options::Options;
use super::runs::{Run, Runs, SegmentHandle};
use super::shard_state::ShardState;
use super::table_state::TableState;
use crate::contract::HeadBoard;

/// Opens the store for writing; makes it if there is none.
pub(super) fn open_or_create(options: &Options, replay: &mut TableReplay) -> Result<OpenStore, OpenError> {
    let store_options = StoreOptions { journal: options.journal, manifest: options.manifest };
    match store::open(Arc::clone(&options.disk), store_options, replay) {
        Err(OpenError::NoStore) => {
            let (salt, _) = Uuid::new_v4().as_u64_pair();
            let identity = StoreIdentity { uuid: Uuid::new_v4(), salt, created_unix_nanos: options.clock.wall_nanos() };
            store::create(&*options.disk, &identity, store_options)
                .map_err(|source| OpenError::Io { doing: "making a store".into(), source })?;
            store::open(Arc::clone(&options.disk), store_options, replay)
        }
        opened => opened,
    }
}

/// Tells of what a crash left, and of what is not the store's.
pub(super) fn log(report: &OpenReport) {
    let OpenReport { was_closed, journal_frames, journal_files, torn, unknown } = report;
    tracing::info!(was_closed, journal_frames, journal_files, "opened the store");
    for torn in torn {
        tracing::warn!(
            path = %torn.path.display(), offset = torn.offset, bytes = torn.length,
            "a file ends in a torn frame, which was never acknowledged; it is cut, and kept aside in quarantine"
        );
    }
    for path in unknown {
        tracing::warn!(path = %path.display(), "this file is not the store's; it is left alone");
    }
}

/// Makes tables of what the store holds. See the module.
#[derive(Debug)]
pub(super) struct TableReplay {
    /// Bytes of events after which a memtable is frozen.
    run_bytes_max: u64,
    gauge: Arc<MemoryGauge>,
    tables: HashMap<TableId, Box<[ShardState]>>,
}

impl TableReplay {
    /// Nothing yet; `gauge` counts the memtables.
    pub(super) fn new(run_bytes_max: u64, gauge: Arc<MemoryGauge>) -> Self {
        Self { run_bytes_max, gauge, tables: HashMap::new() }
    }

    /// A catalog of the tables of the state, their heads where their events end.
    pub(super) fn into_catalog(mut self, state: &State) -> Catalog {
        let catalog = Catalog::default();
        for table in state.tables().values() {
            let shards = self.tables.remove(&table.id).expect("every table of the state was replayed");
            let heads = shards.iter().map(|shard| shard.view().active.next_sequence().previous());
            let board = HeadBoard::new(&Moment::new(heads.collect::<Box<[Sequence]>>()));
            catalog.add(Arc::new(TableState::new(Arc::new(table.clone()), shards, board)));
        }
        catalog
    }

    fn add_table(&mut self, table: &Table, state: &State, mut runs: BTreeMap<Shard, Runs>) {
        let shards = table.definition.shard_count.shards().map(|shard| {
            let runs = runs.remove(&shard).unwrap_or_default();
            let first_retained = state.first_retained(table.id, shard);
            // A floor above the newest run tells how far the shard had come when its last run went.
            let next = runs.last().map_or(Sequence::FIRST, Sequence::next).max(first_retained);
            ShardState::new(shard, runs, first_retained, next, Arc::clone(&self.gauge))
        });
        let shards = shards.collect();
        self.tables.insert(table.id, shards);
    }

    fn shard(&self, table: TableId, shard: Shard) -> Result<&ShardState, String> {
        let shards = self.tables.get(&table).ok_or_else(|| format!("a record of table {table}, which is not there"))?;
        shards.get(shard.index()).ok_or_else(|| format!("a record of shard {shard}, which table {table} does not have"))
    }
}

impl Replay for TableReplay {
    fn begin(&mut self, manifest: &ManifestState, state: &State) {
        self.tables.clear();
        let mut runs = runs_by_table(manifest);
        for table in state.tables().values() {
            self.add_table(table, state, runs.remove(&table.id).unwrap_or_default());
        }
    }

    fn batch(&mut self, frame: &FrameInfo, batch: RecordedBatch, state: &State) -> Result<(), String> {
        let RecordedBatch { table, shard, first_sequence, events } = batch;
        if state.dropped().contains(&table) {
            return Ok(());
        }
        let replayed = self.shard(table, shard)?;
        let active = Arc::clone(&replayed.view().active);
        let expected = active.next_sequence();
        if first_sequence.advanced_by(events.len() as u64) <= expected {
            // It lies in a run already.
            return Ok(());
        }
        if first_sequence != expected {
            let before = expected.previous();
            return Err(format!("sequence {first_sequence} of shard {shard} of table {table} after sequence {before}"));
        }
        let commit_time = frame.commit_time;
        active.add(&Arc::new(ArrivedBatch { shard, first_sequence, commit_time, batch: events }), frame.place.file);
        if active.event_bytes() >= self.run_bytes_max {
            replayed.freeze();
        }
        Ok(())
    }

    fn changed(&mut self, _: &FrameInfo, record: &StateRecord, state: &State) -> Result<(), String> {
        match record {
            StateRecord::TableCreated(table) => self.add_table(table, state, BTreeMap::new()),
            StateRecord::TableDropped { table } => drop(self.tables.remove(table)),
            StateRecord::FloorRaised { table, shard, first_retained } => {
                let replayed = self.shard(*table, *shard)?;
                replayed.change(|view| view.first_retained = view.first_retained.max(*first_retained));
            }
            StateRecord::TableUpdated { .. }
            | StateRecord::ColumnsLearned { .. }
            | StateRecord::DroppedForgotten { .. } => {}
        }
        Ok(())
    }
}

/// The runs of each shard of each table, as the manifest has them.
fn runs_by_table(manifest: &ManifestState) -> HashMap<TableId, BTreeMap<Shard, Runs>> {
    let mut by_shard: BTreeMap<(TableId, Shard), Vec<Arc<Run>>> = BTreeMap::new();
    for (&id, entry) in manifest.segments() {
        let segment = SegmentHandle::new(id, entry.summary.file_length);
        for (index, summary) in entry.runs() {
            let run = Run::new(Arc::clone(&segment), index, summary.clone());
            by_shard.entry((summary.table, summary.shard)).or_default().push(run);
        }
    }
    let mut by_table: HashMap<TableId, BTreeMap<Shard, Runs>> = HashMap::new();
    for ((table, shard), mut runs) in by_shard {
        runs.sort_unstable_by_key(|run| run.summary().first);
        by_table.entry(table).or_default().insert(shard, Runs::new(runs));
    }
    by_table
}
