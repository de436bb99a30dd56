//! The maintenance thread: retention, clearing away, compaction and the directory, one after another.
//!
//! None of these is urgent and all of them read and write much; on one thread they neither compete with each other nor
//! have to agree on what runs there are. It works in steps of seconds at most, so that it ends soon when it is asked to.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use annals_model::TableId;
use annals_storage::layout::FileNumber;
use annals_storage::manifest::{ManifestError, ManifestState};
use annals_storage::segment::SegmentId;

use super::background;
use super::commit::CommitHandle;
use super::compaction::{CompactError, Compaction, merged_run_bytes_max};
use super::directory_keeper::DirectoryKeeper;
use super::maintenance_desk::MaintenanceDesk;
use super::retention::{aged_shards, plan_trim, trim};
use super::runs::Runs;
use super::segment_set::SegmentSet;
use super::store::Store;
use crate::sync::{HashSet, JoinHandle};
use annals_engine::{CatalogError, ReadOnlyReason, Trimmed};

/// How long the thread waits when there is nothing to do; it is woken when there is.
const IDLE_WAIT: Duration = Duration::from_secs(10);

/// How long it waits after something went wrong that may pass, such as a full disk.
const TROUBLE_WAIT: Duration = Duration::from_secs(1);

/// How often retention is looked at. Events stay so much longer than they must.
const RETENTION_INTERVAL: Duration = Duration::from_secs(10);

/// Dropped tables that are forgotten by one group commit, so that it stays a small one.
const FORGOTTEN_AT_ONCE_MAX: usize = 10_000;

/// What the maintenance thread works on.
#[derive(Debug)]
pub(crate) struct Maintenance {
    /// The store.
    pub(crate) store: Arc<Store>,
    /// Its segments.
    pub(crate) segments: Arc<SegmentSet>,
    /// The commit thread, which raises floors.
    pub(crate) commits: CommitHandle,
    /// Where the thread hears of news.
    pub(crate) desk: Arc<MaintenanceDesk>,
    /// Brings the directory up to date.
    pub(crate) directory: DirectoryKeeper,
    /// When retention was looked at last; by the monotonic clock.
    pub(crate) retention_at: Option<u64>,
    /// Dropped tables of which no segment holds anything, with the first journal file that holds nothing of them.
    pub(crate) cleared: BTreeMap<TableId, FileNumber>,
    /// Segments in which a compaction met damage, until the store is opened again.
    pub(crate) damaged: HashSet<SegmentId>,
}

/// Why maintenance cannot go on, be it that it passes or not.
#[derive(Debug)]
enum Trouble {
    /// It may pass.
    Passing(String),
    /// The manifest failed.
    Final(String),
}

impl From<ManifestError> for Trouble {
    fn from(error: ManifestError) -> Self {
        match error {
            ManifestError::Failed { .. } => Self::Final(error.to_string()),
            ManifestError::Full(_) | ManifestError::Refused(_) => Self::Passing(error.to_string()),
        }
    }
}

impl Maintenance {
    /// Starts the thread. It ends when its desk is closed.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(crate) fn start(mut self) -> io::Result<JoinHandle<()>> {
        let store = Arc::clone(&self.store);
        background::start(&store, "maintenance", move || {
            let mut wait = Duration::ZERO;
            while self.desk.wait(wait) {
                if self.store.read_only().is_some() {
                    wait = IDLE_WAIT;
                    continue;
                }
                wait = self.step().unwrap_or_else(|trouble| self.report(trouble));
            }
            self.directory.close();
        })
    }

    /// Does what there is to do; tells how long there will be nothing more.
    fn step(&mut self) -> Result<Duration, Trouble> {
        let asked = self.desk.settle_asked();
        self.retain()?;
        self.remove_trimmed()?;
        self.remove_dropped()?;
        self.forget_cleared()?;
        // What a compaction stumbles over holds up neither the directory nor the removal of files.
        let compacted = self.compact();
        let newest_edit = self.segments.manifest().read(ManifestState::next_edit) - 1;
        let directory_wait = self.directory.step(&self.store, newest_edit);
        self.segments.remove_files();
        if compacted? {
            return Ok(Duration::ZERO);
        }
        if self.directory.is_idle() {
            self.desk.note_settled(asked);
        }
        Ok(directory_wait.min(IDLE_WAIT))
    }

    fn report(&self, trouble: Trouble) -> Duration {
        match trouble {
            Trouble::Passing(error) => {
                tracing::warn!("maintenance cannot go on, which is tried again: {error}");
                TROUBLE_WAIT
            }
            Trouble::Final(error) => {
                tracing::error!("{error}: the store takes no appends until it is opened again");
                self.store.set_read_only(ReadOnlyReason::SyncFailed(error));
                IDLE_WAIT
            }
        }
    }

    /// Raises the floors of tables whose retention asks for it, and has memtables flushed that it will ask for.
    fn retain(&mut self) -> Result<(), Trouble> {
        let now = self.store.options().clock.monotonic_nanos();
        let is_due = |at| Duration::from_nanos(now.saturating_sub(at)) >= RETENTION_INTERVAL;
        if !self.retention_at.is_none_or(is_due) {
            return Ok(());
        }
        self.retention_at = Some(now);
        self.store.ages().look();
        let (mut aged, mut ages_max) = (Vec::new(), BTreeSet::new());
        for table in self.store.catalog().tables() {
            let retention = table.table().definition.retention;
            ages_max.extend(retention.age_max);
            aged.extend(aged_shards(&table, retention, self.store.ages()).into_iter().map(|of| (table.id(), of)));
            let has_work = !plan_trim(&table, retention, self.store.ages()).floors.is_empty();
            if !has_work || table.scan_lease().must_wait(now) {
                continue;
            }
            match trim(&self.store, &table, retention, &self.commits) {
                Ok(Trimmed { events, bytes }) => {
                    let name = &table.table().definition.name;
                    tracing::info!(table = %name, events, bytes, "retention removed the oldest events");
                }
                Err(CatalogError::UnknownTable(_) | CatalogError::Closed) => {}
                Err(error) => return Err(Trouble::Passing(error.to_string())),
            }
        }
        if !aged.is_empty() {
            self.commits.begin_freeze(aged);
        }
        if self.store.ages().wants_note(ages_max.into_iter()) {
            self.commits.begin_note_clock();
        }
        Ok(())
    }

    /// Takes the runs below the floors out of the manifest and the views.
    fn remove_trimmed(&self) -> Result<(), Trouble> {
        for table in self.store.catalog().tables() {
            for shard in table.shards() {
                let view = shard.view();
                let trimmed: Vec<_> =
                    view.runs.iter().take_while(|run| run.summary().last < view.first_retained).cloned().collect();
                if !trimmed.is_empty() {
                    self.segments.remove(&trimmed)?;
                    shard.change(|view| view.runs = Runs::new(view.runs.iter().skip(trimmed.len()).cloned().collect()));
                }
            }
        }
        Ok(())
    }

    /// Takes the runs of dropped tables out of the manifest.
    fn remove_dropped(&mut self) -> Result<(), Trouble> {
        let dropped = self.desk.dropped();
        if dropped.is_empty() {
            return Ok(());
        }
        let tables = dropped.keys().copied().collect();
        let removed = self.segments.remove_tables(&tables)?;
        tracing::debug!(tables = dropped.len(), runs = removed, "removed what dropped tables left");
        self.directory.remove_tables(&tables);
        self.desk.note_removed(&tables);
        self.cleared.extend(dropped);
        Ok(())
    }

    /// Has the state forget the ids of dropped tables that neither a segment nor a journal file names any more. Before
    /// that, the next opening would take what is left of them for damage.
    fn forget_cleared(&mut self) -> Result<(), Trouble> {
        let first_needed = self.segments.manifest().read(ManifestState::journal_first_needed);
        let is_free = |file: &FileNumber| *file <= first_needed;
        let free = self.cleared.iter().filter(|(_, file)| is_free(file)).map(|(table, _)| *table);
        let tables: HashSet<_> = free.take(FORGOTTEN_AT_ONCE_MAX).collect();
        if tables.is_empty() {
            return Ok(());
        }
        match self.commits.forget_and_wait(tables.iter().copied().collect()) {
            Ok(()) => {
                self.cleared.retain(|table, _| !tables.contains(table));
                Ok(())
            }
            Err(CatalogError::Closed) => Ok(()),
            Err(error) => Err(Trouble::Passing(error.to_string())),
        }
    }

    fn compact(&mut self) -> Result<bool, Trouble> {
        if !self.directory.is_settled(self.store.options().clock.monotonic_nanos()) {
            return Ok(false);
        }
        let compaction = Compaction {
            catalog: self.store.catalog(),
            ages: self.store.ages(),
            segments: &self.segments,
            run_bounds: self.store.run_bounds(),
            run_bytes_max: merged_run_bytes_max(self.store.options().run_bytes_max),
            compression: self.store.pace().compression(),
            barriers: &|table, shard| self.directory.barriers(table, shard),
            damaged: &self.damaged,
            is_stopped: &|| self.desk.is_closed(),
        };
        let error = match compaction.run_next() {
            Ok(has_compacted) => return Ok(has_compacted),
            Err(error) => error,
        };
        // Damage does not pass: what else there is to compact goes on without the segment.
        if let Some(segment) = error.damaged_segment()
            && self.damaged.insert(segment)
        {
            tracing::error!("{error}; the segment is left as it is, run `annals verify` on the store");
            return Ok(true);
        }
        match error {
            CompactError::Stopped => Ok(false),
            CompactError::Manifest(error) => Err(error.into()),
            CompactError::Write(error) => Err(Trouble::Passing(error.to_string())),
        }
    }
}
