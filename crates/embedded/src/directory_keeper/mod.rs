//! Brings the directory up to date with the segments, in the background and in small steps.
//!
//! The directory is derived from the partition indexes of runs. The keeper compares, for each shard, what it covers with
//! what there is: newer runs are added, and where retention removed runs the entries are set anew. What is done goes in
//! rounds: the targets of all shards of a round are noted and synced first, then the entries are changed, and synced,
//! and then it is noted that the targets are reached. So after a crash the same round can be done again.
//!
//! It lags behind on purpose: sled is slow to write, and whoever reads the directory adds what it lacks. A directory
//! that is missing, broken, or tells of another store than this one is made again, with a warning.
//!
//! Promises: after a crash the directory is brought up to date or made again, never trusted beyond what it noted.
//!
//! Does not: let an append, a flush or a read wait for it.

mod check;
mod opening;
mod pass;
mod service;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use annals_model::{Sequence, Shard, TableId};
use annals_storage::directory::{Covered, Directory, DirectoryError};

use super::store::Store;
use crate::sync::{HashMap, HashSet};
use opening::{Opening, Present};
use pass::{Pass, PassError};

pub(crate) use service::DirectoryService;

/// Partitions that one step updates: some 10 ms of sled's work, so that whatever shares its thread waits no longer.
const STEP_KEYS: usize = 512;

/// For a step that took some time, the keeper rests so many times as long, since it is never urgent.
const REST_FACTOR: u32 = 3;

/// Shards of one round: it costs four syncs for all of them, and what a crash makes to be done again is bounded.
const ROUND_SHARDS_MAX: usize = 4_096;

/// Compactions wait so long for the directory to be opened, since they must leave its bounds alone. After that they go
/// on, and the directory is made again if they did not.
const OPENING_WAIT_MAX: Duration = Duration::from_secs(30);

/// The longest the keeper rests when it has nothing to do; it is woken when there are new runs.
const IDLE_WAIT: Duration = Duration::from_mins(1);

/// How soon the keeper looks again whether the directory is open.
const OPENING_POLL: Duration = Duration::from_millis(20);

/// How long closing waits for a directory that is being opened: a part of the five seconds that a server may take.
const CLOSING_WAIT_MAX: Duration = Duration::from_secs(2);

/// How long the keeper waits before it tries again to make a directory that could not be made.
const RETRY_WAIT: Duration = Duration::from_mins(1);

/// Keeps the directory. See the module.
#[derive(Debug)]
pub(crate) struct DirectoryKeeper {
    service: Arc<DirectoryService>,
    /// Where the directory lies; none for a store that has none.
    path: Option<PathBuf>,
    opening: Option<Opening>,
    /// When opening began first; by the monotonic clock, as `rest_until`.
    opening_since: Option<u64>,
    rest_until: u64,
    /// What the directory covers, durably, and how far updates under way go.
    covered: HashMap<(TableId, Shard), Covered>,
    round: Option<Round>,
    /// Tables whose entries are to be removed.
    gone: HashSet<TableId>,
    is_idle: bool,
}

/// Updates whose targets are noted.
#[derive(Debug)]
struct Round {
    /// Not yet done, the next one last.
    passes: Vec<Pass>,
    done: Vec<(TableId, Shard, Covered)>,
}

impl DirectoryKeeper {
    /// A keeper of the directory in `path`, which `service` gives to readers once it is open.
    pub(crate) fn new(path: Option<PathBuf>, service: Arc<DirectoryService>) -> Self {
        Self {
            service,
            path,
            opening: None,
            opening_since: None,
            rest_until: 0,
            covered: HashMap::default(),
            round: None,
            gone: HashSet::default(),
            is_idle: true,
        }
    }

    /// The sequences that must stay the last of a run of this shard.
    pub(crate) fn barriers(&self, table: TableId, shard: Shard) -> Vec<Sequence> {
        let covered = self.covered.get(&(table, shard));
        covered.map_or_else(Vec::new, |covered| vec![covered.last, covered.target])
    }

    /// Whether it is known which sequences must stay the last of a run, or has been waited for long enough.
    pub(crate) fn is_settled(&self, now: u64) -> bool {
        let is_open = self.path.is_none() || (self.opening.is_none() && self.service.get().is_some());
        is_open || self.opening_since.is_some_and(|since| elapsed(since, now) > OPENING_WAIT_MAX)
    }

    /// Whether the last step found nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_idle
    }

    /// Has the entries of tables removed that were dropped.
    pub(crate) fn remove_tables(&mut self, tables: &HashSet<TableId>) {
        self.gone.extend(tables);
    }

    /// Does a little of what there is to do; tells when to come back. `edit` is the manifest's newest.
    pub(crate) fn step(&mut self, store: &Store, edit: u64) -> Duration {
        let Some(path) = self.path.clone() else { return IDLE_WAIT };
        self.is_idle = false;
        let now = store.options().clock.monotonic_nanos();
        if now < self.rest_until {
            return Duration::from_nanos(self.rest_until - now);
        }
        let Some(directory) = self.open(store, &path, now, edit) else { return OPENING_POLL };
        match self.update(store, &directory, edit) {
            Ok(Progress::Idle) => {
                self.is_idle = true;
                IDLE_WAIT
            }
            Ok(Progress::Some) => {
                let done = store.options().clock.monotonic_nanos();
                self.rest(done, elapsed(now, done) * REST_FACTOR)
            }
            Err(PassError::Directory(error)) => {
                self.service.report_broken(&error);
                OPENING_POLL
            }
            Err(PassError::Source(error)) => {
                tracing::warn!("the directory cannot be brought up to date, which is tried again: {error}");
                self.round = None;
                self.rest(now, RETRY_WAIT)
            }
        }
    }

    /// Lets the directory go, so that nothing touches its files once the store is closed.
    pub(crate) fn close(&mut self) {
        self.round = None;
        self.service.take_away();
        if let Some(opening) = self.opening.take() {
            opening.abandon(CLOSING_WAIT_MAX);
        }
    }

    fn rest(&mut self, now: u64, rest: Duration) -> Duration {
        self.rest_until = now.saturating_add(u64::try_from(rest.as_nanos()).unwrap_or(u64::MAX));
        rest
    }

    /// The directory; none while it is being opened, which this begins where it has to.
    fn open(&mut self, store: &Store, path: &Path, now: u64, edit: u64) -> Option<Arc<Directory>> {
        if let Some(directory) = self.service.get() {
            return Some(directory);
        }
        self.opening_since.get_or_insert(now);
        let Some(opening) = &self.opening else {
            let present = if self.service.is_broken() { Present::Remove } else { Present::Keep };
            self.begin_opening(store, path, present, now);
            return None;
        };
        let opened = opening.poll()?;
        self.opening = None;
        let directory = match opened {
            Ok(directory) => directory,
            Err(error) => {
                // It was tried anew already, without what lay there.
                tracing::warn!("{error}; there is no directory, and lists take longer: it is made in {RETRY_WAIT:?}");
                self.rest(now, RETRY_WAIT);
                return None;
            }
        };
        let checked = check::covered(&directory, store, edit)
            .and_then(|covered| Ok((covered, directory.tables().map_err(|error| error.to_string())?)));
        match checked {
            Ok((covered, tables)) => {
                self.covered = covered;
                self.round = None;
                self.gone.extend(tables.into_iter().filter(|&table| store.catalog().get(table).is_none()));
                let directory = Arc::new(directory);
                self.service.put(Arc::clone(&directory));
                Some(directory)
            }
            Err(error) => {
                drop(directory);
                tracing::warn!("{error}; the directory is removed and made again from the segments");
                self.begin_opening(store, path, Present::Remove, now);
                None
            }
        }
    }

    fn begin_opening(&mut self, store: &Store, path: &Path, present: Present, now: u64) {
        // Nothing is covered by a directory that does not exist yet, so runs may be merged as they like.
        self.covered.clear();
        self.round = None;
        let cache_bytes = store.options().directory_cache_bytes;
        match Opening::begin(path.to_owned(), *store.identity().uuid.as_bytes(), cache_bytes, present) {
            Ok(opening) => self.opening = Some(opening),
            Err(error) => {
                tracing::warn!("no thread to open the directory, which is tried again: {error}");
                self.rest(now, RETRY_WAIT);
            }
        }
    }

    fn update(&mut self, store: &Store, directory: &Directory, edit: u64) -> Result<Progress, PassError> {
        if self.round.is_none() {
            if let Some(&table) = self.gone.iter().next() {
                if directory.remove_table(table, STEP_KEYS)? {
                    self.gone.remove(&table);
                    self.covered.retain(|(of, _), _| *of != table);
                }
                return Ok(Progress::Some);
            }
            let passes = self.plan(store, edit);
            if passes.is_empty() {
                return Ok(Progress::Idle);
            }
            self.note_targets(directory, &passes)?;
            self.round = Some(Round { passes, done: Vec::new() });
        }
        let Some(round) = &mut self.round else { return Ok(Progress::Idle) };
        if round.advance(directory)? {
            let done = std::mem::take(&mut round.done);
            self.round = None;
            self.note_done(directory, done)?;
        }
        Ok(Progress::Some)
    }

    /// What is to be done, of at most so many shards as make a round.
    fn plan(&self, store: &Store, edit: u64) -> Vec<Pass> {
        let mut passes = Vec::new();
        for table in store.catalog().tables() {
            for shard in table.shards() {
                let covered = self.covered.get(&(table.id(), shard.shard()));
                passes.extend(Pass::plan(table.id(), shard.shard(), &shard.view(), covered, edit));
                if passes.len() == ROUND_SHARDS_MAX {
                    return passes;
                }
            }
        }
        passes
    }

    fn note_targets(&mut self, directory: &Directory, passes: &[Pass]) -> Result<(), DirectoryError> {
        for pass in passes {
            directory.set_covered(pass.table, pass.shard, &pass.begun)?;
            self.covered.insert((pass.table, pass.shard), pass.begun);
        }
        directory.sync()
    }

    fn note_done(&mut self, directory: &Directory, done: Vec<(TableId, Shard, Covered)>) -> Result<(), DirectoryError> {
        directory.sync()?;
        for (table, shard, covered) in &done {
            directory.set_covered(*table, *shard, covered)?;
        }
        directory.sync()?;
        self.covered.extend(done.into_iter().map(|(table, shard, covered)| ((table, shard), covered)));
        Ok(())
    }
}

/// Whether a step did anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Some,
    Idle,
}

impl Round {
    /// Updates some partitions; tells whether the round is done.
    fn advance(&mut self, directory: &Directory) -> Result<bool, PassError> {
        let mut updated = 0;
        while updated < STEP_KEYS {
            let Some(pass) = self.passes.last_mut() else { return Ok(true) };
            if let Some(count) = pass.step(directory, STEP_KEYS)? {
                updated += count;
            } else {
                self.done.extend(self.passes.pop().map(|pass| (pass.table, pass.shard, pass.goal)));
                updated += 1;
            }
        }
        Ok(self.passes.is_empty())
    }
}

fn elapsed(since: u64, now: u64) -> Duration {
    Duration::from_nanos(now.saturating_sub(since))
}
