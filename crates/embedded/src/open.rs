//! Opening a store: its tables, with their runs, and the memtables that the journal gives back.
//!
//! The files are read and checked by `annals_storage::store`; what takes in their content stands here. Opening takes
//! time in proportion to the journal, not to the data: no segment is read.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use annals_model::{Moment, Sequence, Shard, Table, TableId};
use annals_storage::Damage;
use annals_storage::disk::Disk;
use annals_storage::framed::FrameInfo;
use annals_storage::identity::StoreIdentity;
use annals_storage::journal::RecordedBatch;
use annals_storage::layout::{self, FileNumber};
use annals_storage::manifest::ManifestState;
use annals_storage::segment::CacheLimits;
use annals_storage::segment::Segments;
use annals_storage::state::{State, StateRecord};
use annals_storage::store::{self, OpenError, OpenReport, OpenStore, Replay, StoreOptions};

use super::catalog::Catalog;
use super::indexing::Indexing;
use super::memtable::{ArrivedBatch, MemoryGauge};
use super::options::Options;
use super::runs::{LiveRun, Runs};
use super::segment_set::OpenedSegments;
use super::shard_state::ShardState;
use super::table_state::TableState;
use crate::sync::{HashMap, new_uuid};
use annals_engine::HeadBoard;

/// Opens the store for writing; makes it if there is none.
pub(super) fn open_or_create(options: &Options, replay: &mut TableReplay) -> Result<OpenStore, OpenError> {
    let store_options = StoreOptions { journal: options.journal, manifest: options.manifest };
    match store::open(Arc::clone(&options.disk), store_options, replay) {
        Err(OpenError::NoStore) => {
            let (salt, _) = new_uuid().as_u64_pair();
            let identity = StoreIdentity { uuid: new_uuid(), salt, created_unix_nanos: options.clock.wall_nanos() };
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

/// Tells what a damaged store does not serve, once, where an operator looks first.
pub(super) fn log_damage(damage: &Damage, is_whole: bool) {
    if is_whole {
        tracing::error!("{damage}; that is behind all that was ever acknowledged, so the whole store is served");
    } else {
        tracing::error!(
            "{damage}; what came after is not served. Heads stop before it, and whoever reads to a head is told; run \
             `annals verify` to learn how far the damage goes"
        );
    }
}

/// Tells which segments cannot be read because their files are not there.
pub(super) fn log_missing(segments: &Segments, opened: &OpenedSegments) {
    match segments.list() {
        Ok((sealed, _)) => {
            let missing = opened.missing(&sealed);
            for id in missing.iter().take(MISSING_LOGGED_MAX) {
                tracing::error!(path = %segments.path(*id).display(), "a segment is missing; reads that need it fail");
            }
            if missing.len() > MISSING_LOGGED_MAX {
                tracing::error!(missing = missing.len(), "more segments are missing than are named here");
            }
        }
        Err(error) => tracing::error!("the segments could not be listed; reads that need one fail: {error}"),
    }
}

/// Missing segments that are named in the log, so that a lost directory does not drown everything else.
const MISSING_LOGGED_MAX: usize = 20;

/// Makes tables of what the store holds. See the module.
#[derive(Debug)]
pub(super) struct TableReplay {
    /// Bytes of events after which a memtable is frozen.
    run_bytes_max: u64,
    cache: CacheLimits,
    disk: Arc<dyn Disk>,
    gauge: Arc<MemoryGauge>,
    indexing: Indexing,
    tables: HashMap<TableId, Box<[ReplayedShard]>>,
    /// The runs of tables that the state does not know yet: the journal tells of them later, or of their drop.
    runs: HashMap<TableId, BTreeMap<Shard, Runs>>,
    segments: Option<(Arc<Segments>, OpenedSegments)>,
    /// What does not follow in the manifest.
    fault: Option<String>,
    /// Why the tables' heads may not be where their events end.
    broken_off: Option<Arc<Damage>>,
}

#[derive(Debug)]
struct ReplayedShard {
    state: ShardState,
    /// The sequence that comes next, and the bytes of events in the active memtable, once all that was handed over is
    /// placed.
    next: Sequence,
    active_bytes: u64,
    /// The last sequence before the journal's first event, if that does not follow the runs. A floor that the journal
    /// raises later must explain where the runs went.
    gone_through: Sequence,
}

/// What a store holds.
#[derive(Debug)]
pub(super) struct Replayed {
    /// Its tables.
    pub(super) catalog: Catalog,
    /// How segments are read, and those that it has.
    pub(super) segments: (Arc<Segments>, OpenedSegments),
}

impl TableReplay {
    /// Nothing yet; `gauge` counts the memtables.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(super) fn new(options: &Options, gauge: Arc<MemoryGauge>) -> io::Result<Self> {
        Ok(Self {
            run_bytes_max: options.run_bytes_max,
            cache: options.cache,
            disk: Arc::clone(&options.disk),
            gauge,
            indexing: Indexing::start()?,
            tables: HashMap::default(),
            runs: HashMap::default(),
            segments: None,
            fault: None,
            broken_off: None,
        })
    }

    /// Notes that events behind `damage` are not served.
    pub(super) fn break_off(&mut self, damage: Arc<Damage>) {
        self.broken_off = Some(damage);
    }

    /// The tables of the state, their heads where their events end.
    pub(super) fn finish(mut self, state: &State) -> Replayed {
        self.indexing.wait();
        let catalog = Catalog::default();
        for table in state.tables().values() {
            let shards = self.tables.remove(&table.id).expect("every table of the state was replayed");
            let shards: Box<[ShardState]> = shards.into_iter().map(|shard| shard.state).collect();
            let heads = shards.iter().map(|shard| shard.view().active.next_sequence().previous());
            let board = HeadBoard::new(&Moment::new(heads.collect::<Box<[Sequence]>>()));
            let table = TableState::new(Arc::new(table.clone()), shards, board);
            catalog.add(Arc::new(match &self.broken_off {
                None => table,
                Some(damage) => table.broken_off(Arc::clone(damage)),
            }));
        }
        Replayed { catalog, segments: self.segments.expect("a replay that ended was begun") }
    }

    fn add_table(&mut self, table: &Table, state: &State) {
        let mut runs = self.runs.remove(&table.id).unwrap_or_default();
        let shards = table.definition.shard_count.shards().map(|shard| {
            let runs = runs.remove(&shard).unwrap_or_default();
            let first_retained = state.first_retained(table.id, shard);
            // A floor above the newest run tells how far the shard had come when its last run went.
            let next = runs.last().map_or(Sequence::FIRST, Sequence::next).max(first_retained);
            let state = ShardState::new(shard, runs, first_retained, next, Arc::clone(&self.gauge));
            ReplayedShard { state, next, active_bytes: 0, gone_through: Sequence::ZERO }
        });
        let shards = shards.collect();
        self.tables.insert(table.id, shards);
    }

    fn shard(&mut self, table: TableId, shard: Shard) -> Result<(&mut ReplayedShard, &Indexing), String> {
        let shards =
            self.tables.get_mut(&table).ok_or_else(|| format!("a record of table {table}, which is not there"))?;
        let missing = || format!("a record of shard {shard}, which table {table} does not have");
        Ok((shards.get_mut(shard.index()).ok_or_else(missing)?, &self.indexing))
    }
}

impl Replay for TableReplay {
    fn begin(&mut self, identity: &StoreIdentity, manifest: &ManifestState, state: &State) {
        let segments = Segments::new(Arc::clone(&self.disk), layout::SEGMENTS, identity.uuid, self.cache);
        let (opened, runs) = OpenedSegments::open(&segments, manifest);
        self.segments = Some((segments, opened));
        self.indexing.wait();
        self.tables.clear();
        (self.runs, self.fault) = runs_by_table(runs);
        for table in state.tables().values() {
            self.add_table(table, state);
        }
    }

    fn batch(&mut self, frame: &FrameInfo, batch: RecordedBatch, state: &State) -> Result<(), String> {
        let RecordedBatch { table, shard, first_sequence, events } = batch;
        if state.dropped().contains(&table) {
            return Ok(());
        }
        let run_bytes_max = self.run_bytes_max;
        let (replayed, indexing) = self.shard(table, shard)?;
        let expected = replayed.next;
        if first_sequence.advanced_by(events.len() as u64) <= expected {
            // It lies in a run already.
            return Ok(());
        }
        if first_sequence > expected && replayed.begin_at(first_sequence, indexing) {
            replayed.gone_through = first_sequence.previous();
        } else if first_sequence != expected {
            let before = expected.previous();
            return Err(format!("sequence {first_sequence} of shard {shard} of table {table} after sequence {before}"));
        }
        let batch = ArrivedBatch { shard, first_sequence, commit_time: frame.commit_time, batch: events };
        replayed.place(batch, frame.place.file, indexing);
        if replayed.active_bytes >= run_bytes_max {
            replayed.freeze(indexing);
        }
        Ok(())
    }

    fn changed(&mut self, _: &FrameInfo, record: &StateRecord, state: &State) -> Result<(), String> {
        match record {
            StateRecord::TableCreated(table) => self.add_table(table, state),
            StateRecord::TableDropped { table } => drop(self.tables.remove(table)),
            StateRecord::FloorRaised { table, shard, first_retained } => {
                let (replayed, indexing) = self.shard(*table, *shard)?;
                replayed.state.change(|view| view.first_retained = view.first_retained.max(*first_retained));
                replayed.begin_at(*first_retained, indexing);
            }
            StateRecord::TableUpdated { .. }
            | StateRecord::ColumnsLearned { .. }
            | StateRecord::DroppedForgotten { .. }
            | StateRecord::ClockNoted(_) => {}
        }
        Ok(())
    }

    fn end(&mut self, state: &State, damage: Option<&Damage>) -> Result<(), String> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.indexing.wait();
        for (table, shards) in &self.tables {
            for shard in shards {
                shard.settle_floor(damage.is_some()).map_err(|missing| format!("{missing} of table {table}"))?;
            }
        }
        let unknown: Vec<_> = self.runs.keys().filter(|table| !state.dropped().contains(table)).collect();
        match (unknown.first(), damage) {
            (None, _) => Ok(()),
            (Some(table), None) => Err(format!("runs of table {table}, of which nothing else tells")),
            (Some(table), Some(_)) => {
                tracing::error!(
                    tables = unknown.len(), first = %table,
                    "there are segments of tables that were made behind the damage; they are not served"
                );
                Ok(())
            }
        }
    }
}

impl ReplayedShard {
    /// Hands a batch over that follows on what the shard has.
    fn place(&mut self, batch: ArrivedBatch, file: FileNumber, indexing: &Indexing) {
        self.next = batch.next_sequence();
        self.active_bytes += batch.batch.bytes().len() as u64;
        indexing.place(Arc::clone(&self.state.view().active), batch, file);
    }

    /// Freezes the active memtable.
    fn freeze(&mut self, indexing: &Indexing) {
        indexing.wait();
        self.state.freeze();
        self.active_bytes = 0;
    }

    /// Has the shard begin at `sequence`, if it holds nothing and would begin earlier; tells whether it does now.
    fn begin_at(&mut self, sequence: Sequence, indexing: &Indexing) -> bool {
        indexing.wait();
        let begins = self.state.begin_at(sequence);
        if begins {
            self.next = sequence;
        }
        begins
    }

    /// Checks that what is stored nowhere lies below the floor, and lets go of what lies below it. A floor that was
    /// raised behind damage is known by what it removed: the manifest names no run of it any more.
    fn settle_floor(&self, is_damaged: bool) -> Result<(), String> {
        let view = self.state.view();
        let before_runs = view.runs.first().map_or(Sequence::ZERO, Sequence::previous);
        let gone_through = self.gone_through.max(before_runs);
        // Behind runs the journal goes on without a gap, whatever was removed before them.
        let is_raised_behind_damage = is_damaged && (view.runs.last().is_none() || self.gone_through == Sequence::ZERO);
        let mut first_retained = view.first_retained;
        if first_retained <= gone_through {
            if !is_raised_behind_damage {
                let shard = self.state.shard();
                return Err(format!("no events from {first_retained} to {gone_through} of shard {shard}"));
            }
            first_retained = gone_through.next();
            self.state.change(|view| view.first_retained = first_retained);
        }
        self.state.forget_before(first_retained);
        Ok(())
    }
}

/// The runs of each shard of each table; and what does not follow, if anything does not.
fn runs_by_table(runs: Vec<Arc<LiveRun>>) -> (HashMap<TableId, BTreeMap<Shard, Runs>>, Option<String>) {
    let mut by_shard: BTreeMap<(TableId, Shard), Vec<Arc<LiveRun>>> = BTreeMap::new();
    for run in runs {
        by_shard.entry((run.summary().table, run.summary().shard)).or_default().push(run);
    }
    let mut fault = None;
    let mut by_table: HashMap<TableId, BTreeMap<Shard, Runs>> = HashMap::default();
    for ((table, shard), mut runs) in by_shard {
        runs.sort_unstable_by_key(|run| run.summary().first);
        let gap = runs.windows(2).find(|pair| pair[0].summary().last.next() != pair[1].summary().first);
        if let Some([before, after]) = gap {
            let (last, first) = (before.summary().last, after.summary().first);
            fault = Some(format!("a run of shard {shard} of table {table} from {first} on after one up to {last}"));
            continue;
        }
        by_table.entry(table).or_default().insert(shard, Runs::new(runs));
    }
    (by_table, fault)
}
