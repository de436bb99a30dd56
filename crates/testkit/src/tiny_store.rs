//! A whole store of a few dozen kilobytes, made by the embedded engine, in memory as a rule, and what its readers get
//! after its files were changed behind its back.
//!
//! It has one table of two shards, segments, a snapshot of the state, and events that lie in the journal only, so that
//! each kind of file is there and needed.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use annals_embedded::{EmbeddedEngine, OpenError, OpenMode, Options};
use annals_engine::{ArrivalRead, ArrivalScope, Engine, PartitionRead, ReadError};
use annals_model::{Sequence, StoredEvent};
use annals_storage::disk::Disk;
use annals_storage::identity::StoreIdentity;
use annals_storage::journal::{self, JournalOptions, Mark, RecoverFrom};
use annals_storage::layout;
use annals_storage::manifest::{self, ManifestOptions};

use crate::disk::MemoryDisk;
use crate::generator::{Generator, Shape};
use crate::oracle::Oracle;
use crate::trial::{NARROW, Tracked, WIDE, definition};

/// How long the background may take for what a test waits for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A tiny store and what it must hold.
#[derive(Clone, Debug)]
pub struct TinyStore {
    /// Its files.
    pub disk: MemoryDisk,
    /// Its table.
    pub tracked: Tracked,
}

/// How the engine that made a store ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As an operator closes it.
    Closed,
    /// As a crash leaves it.
    Killed,
    /// As a crash leaves it after a silence.
    Marked,
}

/// Options of an engine on a tiny store in memory.
pub fn options(disk: &MemoryDisk) -> Options {
    tiny(Options::on_disk(Arc::new(disk.clone()) as Arc<dyn Disk>))
}

/// Options changed to those of a tiny store: files of a few blocks, and no mark that comes by itself.
pub fn tiny(mut options: Options) -> Options {
    options.journal = JournalOptions { file_bytes: 12 * 1024, short_file_bytes: 12 * 1024, spare_files_max: 1 };
    options.manifest = ManifestOptions { file_bytes: 16 * 1024 };
    options.idle_mark_after = Duration::from_hours(1);
    options
}

/// Opens a store for reading only.
///
/// # Errors
/// As the engine.
pub fn open_read_only(disk: &MemoryDisk) -> Result<EmbeddedEngine, OpenError> {
    EmbeddedEngine::open(Options { mode: OpenMode::ReadOnly, ..options(disk) })
}

impl TinyStore {
    /// Makes one on a disk in memory; see [`fill`].
    ///
    /// # Panics
    /// When the engine fails.
    pub async fn new(journaled: usize, end: End) -> Self {
        let disk = MemoryDisk::new();
        let tracked = fill(|| options(&disk), journaled, end).await;
        Self { disk, tracked }
    }

    /// Makes the table of a tiny store.
    ///
    /// # Panics
    /// When the engine refuses.
    pub async fn new_table(engine: &EmbeddedEngine) -> Tracked {
        let table = engine.create_table(definition("tiny", 2), Vec::new()).await.expect("a new table");
        let oracle = Oracle::new(table.definition.shard_count);
        Tracked { table, oracle }
    }

    /// The same store, with files of its own.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { disk: self.disk.copy(), tracked: self.tracked.clone() }
    }
}

/// Fills an empty place with a tiny store: two rounds of events that are flushed to a segment each, and `journaled`
/// appends that are not. Gives what its table must hold.
///
/// # Panics
/// When the engine fails.
pub async fn fill(options: impl Fn() -> Options, journaled: usize, end: End) -> Tracked {
    let engine = EmbeddedEngine::open(options()).expect("a new store");
    let mut tracked = TinyStore::new_table(&engine).await;
    let mut generator = Generator::new(21, Shape { payload_bytes_max: 40, ..Shape::default() });
    for _ in 0..2 {
        tracked.append(&engine, &generator.events(6)).await.expect("an append");
    }
    engine.settle().await.expect("memory is flushed");
    engine.close().expect("closed");
    let idle_mark_after = if end == End::Marked { Duration::from_millis(1) } else { options().idle_mark_after };
    let engine = EmbeddedEngine::open(Options { idle_mark_after, ..options() }).expect("opened again");
    tracked.append(&engine, &generator.events(6)).await.expect("an append");
    engine.settle().await.expect("memory is flushed");
    // The journal file of the first opening is given up, before which the state is put into a snapshot.
    let has_snapshot = |disk: &dyn Disk| disk.list(Path::new(layout::STATE)).is_ok_and(|names| !names.is_empty());
    wait_until("a snapshot of the state", || has_snapshot(&*options().disk));
    for _ in 0..journaled {
        tracked.append(&engine, &generator.events(3)).await.expect("an append");
    }
    match end {
        End::Closed => engine.close().expect("closed"),
        End::Killed => drop(engine),
        End::Marked => {
            wait_until("a mark behind the last events", || ends_with_mark(&*options().disk));
            drop(engine);
        }
    }
    tracked
}

/// Whether the journal's newest frame is a mark. Of a journal that is being written this may not be known yet.
fn ends_with_mark(disk: &dyn Disk) -> bool {
    let Ok(Some(identity)) = StoreIdentity::load(disk) else { return false };
    let Ok(manifest) = manifest::recover(disk, &identity, |_, _, _| {}) else { return false };
    let (first_needed, started) = (manifest.state.journal_first_needed(), manifest.state.journal_started());
    let from = RecoverFrom { first_needed, started, must_hold: Vec::new() };
    let journal = journal::recover(disk, &identity, from, |_, _| Ok(()));
    journal.is_ok_and(|journal| journal.last_mark == Some(Mark::Idle))
}

/// Waits for what the background does.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "the background does not come to {what}");
        thread::yield_now();
    }
}

/// What readers get of a table, read until its end or until a read fails.
#[derive(Debug)]
pub struct Answers {
    /// The events of each shard in arrival order, and how reading ended.
    pub shards: Vec<(Vec<StoredEvent>, Option<ReadError>)>,
    /// A scan of all there is, in pages of few events, and how it ended.
    pub scan: (Vec<StoredEvent>, Option<ReadError>),
}

impl Answers {
    /// Reads all that an engine serves of a table.
    pub async fn of(engine: &EmbeddedEngine, tracked: &Tracked) -> Self {
        let mut shards = Vec::new();
        for shard in tracked.oracle.shards() {
            let read = ArrivalRead { from: Sequence::FIRST, ..tracked.read_shard(shard) };
            shards.push(arrivals(engine, read).await);
        }
        let scan = match engine.head(tracked.id()) {
            Ok(moment) => scan(engine, PartitionRead { moment, bounds: NARROW, ..tracked.read_all() }).await,
            Err(error) => (Vec::new(), Some(error)),
        };
        Self { shards, scan }
    }

    /// The first error that a reader got.
    pub fn error(&self) -> Option<&ReadError> {
        self.shards.iter().map(|(_, error)| error).chain([&self.scan.1]).find_map(Option::as_ref)
    }

    /// Compares the answers with what was stored: no event that was not, none altered or out of its place, and whoever
    /// got fewer than there are was told that the store is damaged.
    ///
    /// # Errors
    /// In what way an answer is wrong.
    pub fn check(&self, tracked: &Tracked) -> Result<(), String> {
        self.check_events(tracked)?;
        for (shard, (found, error)) in tracked.oracle.shards().zip(&self.shards) {
            let stored = tracked.oracle.moment().of(shard).get();
            is_told(found.len() as u64 == stored, error.as_ref()).map_err(|wrong| format!("shard {shard}: {wrong}"))?;
        }
        let (found, error) = &self.scan;
        is_told(found.len() as u64 == tracked.oracle.len(), error.as_ref()).map_err(|wrong| format!("a scan: {wrong}"))
    }

    /// Compares the events alone: each shard gives the first of those that were stored, a scan some of them in order.
    ///
    /// # Errors
    /// In what way an answer is wrong.
    pub fn check_events(&self, tracked: &Tracked) -> Result<(), String> {
        for (shard, (found, _)) in tracked.oracle.shards().zip(&self.shards) {
            let stored = tracked.oracle.arrivals(shard, Sequence::FIRST, Sequence::MAX, &ArrivalScope::All);
            if !stored.starts_with(found) {
                return Err(format!("shard {shard} gives other events than were stored"));
            }
        }
        let stored = tracked.oracle.scan(&tracked.read_all());
        let mut rest = stored.iter();
        if self.scan.0.iter().all(|event| rest.any(|stored| stored == event)) {
            return Ok(());
        }
        Err("a scan gives other events than were stored, or in another order".to_owned())
    }
}

fn is_told(is_all: bool, error: Option<&ReadError>) -> Result<(), String> {
    match error {
        None if !is_all => Err("events are left out in silence".to_owned()),
        None | Some(ReadError::Damaged(_)) => Ok(()),
        Some(error) => Err(format!("{error}")),
    }
}

async fn arrivals(engine: &EmbeddedEngine, mut read: ArrivalRead) -> (Vec<StoredEvent>, Option<ReadError>) {
    let mut events = Vec::new();
    loop {
        match engine.read_arrivals(ArrivalRead { bounds: WIDE, ..read.clone() }).await {
            Ok(page) if page.events.is_empty() => return (events, None),
            Ok(page) => {
                read.from = page.next;
                events.extend(page.events);
            }
            Err(error) => return (events, Some(error)),
        }
    }
}

async fn scan(engine: &EmbeddedEngine, mut read: PartitionRead) -> (Vec<StoredEvent>, Option<ReadError>) {
    let mut events = Vec::new();
    loop {
        match engine.read_partitions(read.clone()).await {
            Ok(page) => {
                events.extend(page.events);
                read.after = page.next;
                if read.after.is_none() {
                    return (events, None);
                }
            }
            Err(error) => return (events, Some(error)),
        }
    }
}
