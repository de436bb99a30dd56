//! The embedded engine as a whole: its threads, and the contract's methods.
//!
//! Promises: closing ends every thread, in an order in which none waits for one that is gone; once a thread has
//! panicked, appends are refused with that as the reason.
//!
//! Does not: do what its parts do: it only starts them, calls them and stops them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, PoisonError};

use annals_model::{
    Column, CommitTime, HashSlices, Moment, PartitionKey, Retention, Sequence, Shard, Table, TableDefinition, TableId,
    TableName, TimeRange,
};
use annals_storage::disk::Lock;
use annals_storage::journal::Journal;
use annals_storage::manifest::Manifest;
use annals_storage::state::State;
use annals_storage::store::{self, CloseError, OpenError, OpenStore};

use super::admission::{Admission, AdmissionLimits, ExpiryThread};
use super::commit::{Change, CommitHandle, CommitStart, Committer, Ended};
use super::directory_keeper::{DirectoryKeeper, DirectoryService};
use super::flush::Flusher;
use super::journal_keeper::Keeper;
use super::maintenance::Maintenance;
use super::maintenance_desk::MaintenanceDesk;
use super::open::{self, Replayed, TableReplay};
use super::options::{OpenMode, Options};
use super::read::Reads;
use super::retention::{plan_trim, trim};
use super::segment_set::SegmentSet;
use super::store::Store;
use crate::sync::{HashSet, JoinHandle, Mutex};
use annals_engine::{
    Append, AppendError, Appended, ArrivalPage, ArrivalRead, CatalogError, CountedScan, Engine, HeadWatch,
    PartitionList, PartitionPage, PartitionRead, PartitionStats, ReadError, ReadOnlyReason, SizeEstimate, TableStats,
    TrimMode, Trimmed, UpdateTable, WatchScope,
};

/// The least that an append counts in admission, so that the bytes bound the requests too.
const APPEND_BYTES_MIN: u64 = 2 * 1024;

/// An engine that keeps its tables in files of its own.
///
/// Dropped without [`close`](Self::close), it leaves the store as a crash would: nothing that was acknowledged is lost,
/// and the next opening reads the journal.
#[derive(Debug)]
pub struct EmbeddedEngine {
    store: Arc<Store>,
    admission: Arc<Admission>,
    expiry: ExpiryThread,
    commits: Option<CommitHandle>,
    reads: Reads,
    maintenance: Arc<MaintenanceDesk>,
    running: Mutex<Option<Running>>,
    lock: Mutex<Option<Box<dyn Lock>>>,
}

/// The threads of an engine that takes appends.
#[derive(Debug)]
struct Running {
    manifest: Arc<Manifest>,
    commit: JoinHandle<Ended>,
    /// Those in the background, which end after the commit thread.
    background: Vec<JoinHandle<()>>,
}

/// How the threads ended.
#[derive(Debug)]
enum Stopped {
    /// All that was taken is answered and synced.
    InOrder(Box<Ended>, Arc<Manifest>),
    /// One of them panicked.
    Broken,
}

impl EmbeddedEngine {
    /// Opens a store, or makes one.
    ///
    /// For reading only, a store with a damaged journal is opened up to the damage: heads stop there, and every read that
    /// reaches a head ends in `Damaged`, once it has brought all that is sound. A read that needs a damaged or missing
    /// segment fails by itself, in either mode. Statistics and lists tell of what is served.
    ///
    /// # Errors
    /// When the store is in use, damaged, or cannot be read or written. Nothing was acknowledged or lost then.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let gauge = Arc::default();
        let mut replay = TableReplay::new(&options, Arc::clone(&gauge)).map_err(thread_error)?;
        if options.mode == OpenMode::ReadOnly {
            let opened = store::open_read_only(&*options.disk, &mut replay)?;
            open::log(&opened.report);
            let lost = opened.damage.and_then(|damage| {
                open::log_damage(&damage, opened.is_whole);
                (!opened.is_whole).then(|| Arc::new(damage))
            });
            if let Some(damage) = &lost {
                replay.break_off(Arc::clone(damage));
            }
            let Replayed { catalog, segments: (segments, named) } = replay.finish(&opened.state);
            open::log_missing(&segments, &named);
            let store = Arc::new(Store::new(options, opened.identity, catalog, gauge, &opened.state));
            if let Some(damage) = lost {
                store.set_broken_off(damage);
            }
            return Self::new(store, Arc::default(), Arc::default(), None, opened.lock).map_err(thread_error);
        }
        let opened = open::open_or_create(&options, &mut replay)?;
        open::log(&opened.report);
        let Replayed { catalog, segments: (segments, named) } = replay.finish(&opened.state);
        open::log_missing(&segments, &named);
        let segments = SegmentSet::new(segments, Arc::clone(&opened.manifest), named, &*options.disk)
            .map_err(|source| OpenError::Io { doing: "looking through the segments".into(), source })?;
        let store = Arc::new(Store::new(options, opened.identity, catalog, gauge, &opened.state));
        store.ages().log_opening();
        store.hand_over_frozen();
        let (maintenance, directory) = (Arc::default(), Arc::default());
        let start =
            Start { store: &store, segments: &Arc::new(segments), maintenance: &maintenance, directory: &directory };
        let OpenStore { lock, manifest, journal, state, .. } = opened;
        let started = start.threads(manifest, journal, state).map_err(thread_error)?;
        Self::new(store, maintenance, directory, Some(started), Some(lock)).map_err(thread_error)
    }

    fn new(
        store: Arc<Store>,
        maintenance: Arc<MaintenanceDesk>,
        directory: Arc<DirectoryService>,
        started: Option<(CommitHandle, Running)>,
        lock: Option<Box<dyn Lock>>,
    ) -> io::Result<Self> {
        let admission = Admission::new(admission_limits(store.options()));
        let expiry = ExpiryThread::start(Arc::clone(&admission))?;
        let reads = Reads::start(Arc::clone(&store), directory)?;
        let (commits, running) = started.unzip();
        let (running, lock) = (Mutex::new(running), Mutex::new(lock));
        Ok(Self { store, admission, expiry, commits, reads, maintenance, running, lock })
    }

    /// Closes the store: refuses what comes, finishes what was taken, and notes that nothing is missing, so that the
    /// next opening can tell a journal that was cut short. Waits for all of it. Closing again does nothing.
    ///
    /// # Errors
    /// When that could not be noted. Nothing that was acknowledged is lost.
    pub fn close(&self) -> Result<(), CloseError> {
        let stopped = self.stop();
        let result = match (self.store.read_only(), stopped) {
            // What the disk holds is not known: the next opening finds out.
            (Some(_), _) | (_, None | Some(Stopped::Broken)) => Ok(()),
            (None, Some(Stopped::InOrder(mut ended, manifest))) => {
                let (now, reading) = ended.clock.now();
                let time = self.store.ages().close(now, ended.clock.slew(), reading);
                store::close(&mut ended.journal, &manifest, time)
            }
        };
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        result
    }

    /// Has all that is in memory written to segments, and waits until nothing is left to be compacted, removed or listed.
    /// No event changes; for tests and figures, which want to know where events lie.
    ///
    /// # Errors
    /// `Closed` when the store is closing, or takes no appends.
    pub async fn settle(&self) -> Result<(), ReadError> {
        let commits = self.commits().map_err(|_| ReadError::Closed)?;
        commits.freeze().await;
        let (store, maintenance) = (Arc::clone(&self.store), Arc::clone(&self.maintenance));
        self.reads
            .pool()
            .run(move || {
                let is_given_up = || store.read_only().is_some();
                store.backlog().wait_flushed(is_given_up);
                maintenance.wait_settled(is_given_up);
            })
            .await
    }

    /// Ends the threads; none if they were ended before, or never began.
    fn stop(&self) -> Option<Stopped> {
        let Running { manifest, commit, background } =
            self.running.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.admission.close();
        self.store.begin_closing();
        if let Some(commits) = &self.commits {
            commits.close();
        }
        let ended = commit.join();
        self.store.backlog().close();
        self.store.keeper_desk().close();
        self.maintenance.close();
        // All of them are waited for, also behind one that panicked.
        let results: Vec<_> = background.into_iter().map(JoinHandle::join).collect();
        self.reads.pool().close();
        self.store.catalog().tables().iter().for_each(|table| table.board().close());
        match ended {
            Ok(ended) if results.iter().all(Result::is_ok) => Some(Stopped::InOrder(Box::new(ended), manifest)),
            _ => {
                tracing::error!("a thread of the engine panicked; the store is left as a crash would leave it");
                Some(Stopped::Broken)
            }
        }
    }

    fn commits(&self) -> Result<&CommitHandle, ReadOnlyReason> {
        match (self.store.read_only(), &self.commits) {
            (None, Some(commits)) => Ok(commits),
            (reason, _) => Err(reason.unwrap_or(ReadOnlyReason::OpenedReadOnly)),
        }
    }

    async fn change(&self, change: Change) -> Result<Arc<Table>, CatalogError> {
        self.commits().map_err(CatalogError::ReadOnly)?.change(change).await
    }
}

impl Drop for EmbeddedEngine {
    fn drop(&mut self) {
        drop(self.stop());
    }
}

impl Engine for EmbeddedEngine {
    fn name(&self) -> &'static str {
        "embedded"
    }

    async fn create_table(&self, definition: TableDefinition, columns: Vec<Column>) -> Result<Table, CatalogError> {
        let table = self.change(Change::Create { definition, columns }).await?;
        Ok(Table::clone(&table))
    }

    fn table(&self, name: &TableName) -> Option<Table> {
        self.store.catalog().find(name).map(|state| Table::clone(&state.table()))
    }

    fn tables(&self) -> Vec<Table> {
        self.store.catalog().tables().iter().map(|state| Table::clone(&state.table())).collect()
    }

    fn lost_tables(&self) -> Option<ReadError> {
        self.store.lost_tables()
    }

    async fn update_table(&self, update: UpdateTable) -> Result<Table, CatalogError> {
        let table = self.change(Change::Update(update)).await?;
        Ok(Table::clone(&table))
    }

    async fn drop_table(&self, table: TableId) -> Result<(), CatalogError> {
        self.change(Change::Drop(table)).await.map(drop)
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let commits = self.commits().map_err(AppendError::ReadOnly)?;
        let (table, bytes) = (append.table, append_bytes(&append));
        commits.append(append, |entrant| self.admission.admit(table, bytes, &self.expiry, entrant)).await
    }

    fn head(&self, table: TableId) -> Result<Moment, ReadError> {
        Ok(self.store.table(table)?.board().moment())
    }

    fn first_retained(&self, table: TableId, shard: Shard) -> Result<Sequence, ReadError> {
        Ok(self.store.table(table)?.shard(shard)?.view().first_retained)
    }

    fn floor(&self, table: TableId) -> Result<Moment, ReadError> {
        Ok(self.store.table(table)?.floor())
    }

    fn watch(&self, table: TableId, scope: WatchScope) -> Result<HeadWatch, ReadError> {
        Ok(self.store.table(table)?.board().watch(scope))
    }

    async fn read_arrivals(&self, read: ArrivalRead) -> Result<ArrivalPage, ReadError> {
        self.reads.read_arrivals(read).await
    }

    async fn read_partitions(&self, read: PartitionRead) -> Result<PartitionPage, ReadError> {
        self.reads.read_partitions(read).await
    }

    async fn count(&self, read: PartitionRead) -> Result<CountedScan, ReadError> {
        self.reads.count(read).await
    }

    async fn estimate(&self, table: TableId, slices: &HashSlices, times: TimeRange) -> Result<SizeEstimate, ReadError> {
        self.reads.estimate(table, slices, times).await
    }

    async fn find_commit_time(&self, table: TableId, shard: Shard, time: CommitTime) -> Result<Sequence, ReadError> {
        self.reads.find_commit_time(table, shard, time).await
    }

    async fn table_stats(&self, table: TableId) -> Result<TableStats, ReadError> {
        self.reads.table_stats(table).await
    }

    async fn partition_stats(&self, table: TableId, key: &PartitionKey) -> Result<Option<PartitionStats>, ReadError> {
        self.reads.partition_stats(table, key).await
    }

    async fn list_partitions(&self, list: PartitionList) -> Result<Vec<PartitionStats>, ReadError> {
        self.reads.list_partitions(list).await
    }

    async fn trim(&self, table: TableId, retention: Retention, mode: TrimMode) -> Result<Trimmed, CatalogError> {
        let state = self.store.table(table).map_err(|_| CatalogError::UnknownTable(table))?;
        if mode == TrimMode::Plan {
            return Ok(plan_trim(&state, retention, self.store.ages()).trimmed);
        }
        let commits = self.commits().map_err(CatalogError::ReadOnly)?.clone();
        let (store, desk) = (Arc::clone(&self.store), Arc::clone(&self.maintenance));
        let trimmed = self.reads.pool().run(move || trim(&store, &state, retention, &commits)).await??;
        desk.note_runs();
        Ok(trimmed)
    }
}

/// What the threads of an engine that takes appends work on.
struct Start<'engine> {
    store: &'engine Arc<Store>,
    segments: &'engine Arc<SegmentSet>,
    maintenance: &'engine Arc<MaintenanceDesk>,
    directory: &'engine Arc<DirectoryService>,
}

impl Start<'_> {
    fn threads(&self, manifest: Arc<Manifest>, journal: Journal, state: State) -> io::Result<(CommitHandle, Running)> {
        let Self { store, segments, maintenance, directory } = *self;
        let begun = journal.end();
        store.keeper_desk().note_begun(begun.file, begun, state.clone());
        maintenance.note_dropped(state.dropped().iter().copied(), begun.file);
        let files = Arc::clone(journal.files());
        let (kept, told) = (Arc::clone(&manifest), Arc::clone(maintenance));
        let keeper = Keeper { store: Arc::clone(store), manifest: kept, files, maintenance: told };
        let flusher =
            Flusher { store: Arc::clone(store), segments: Arc::clone(segments), maintenance: Arc::clone(maintenance) };
        let flusher = flusher.start()?;
        keeper.keep_bound();
        let keeper = keeper.start()?;
        let (commits, commit) = Committer::start(CommitStart { store: Arc::clone(store), journal, state })?;
        let maintenance = Maintenance {
            store: Arc::clone(store),
            segments: Arc::clone(segments),
            commits: commits.clone(),
            desk: Arc::clone(maintenance),
            directory: DirectoryKeeper::new(store.options().directory.clone(), Arc::clone(directory)),
            retention_at: None,
            cleared: BTreeMap::new(),
            damaged: HashSet::default(),
        };
        let background = vec![keeper, flusher, maintenance.start()?];
        Ok((commits, Running { manifest, commit, background }))
    }
}

fn thread_error(source: io::Error) -> OpenError {
    OpenError::Io { doing: "starting a thread".into(), source }
}

fn admission_limits(options: &Options) -> AdmissionLimits {
    AdmissionLimits {
        node_bytes_max: options.admission_bytes_max,
        table_bytes_max: options.admission_table_bytes_max,
        waiting_max: options.admission_waiting_max,
        wait_max: options.admission_wait_max,
    }
}

fn append_bytes(append: &Append) -> u64 {
    let bytes: usize = append.shards.iter().map(|shard| shard.batch.memory_bytes()).sum();
    APPEND_BYTES_MIN.max(bytes as u64)
}

#[cfg(test)]
mod tests;
