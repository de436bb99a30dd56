//! A generated workload: everything that an engine does with its files, on small files, so that all of it happens soon.

use std::sync::Arc;
use std::time::Duration;

use annals_embedded::{EmbeddedEngine, OpenError, Options};
use annals_engine::{Append, AppendError, CatalogError, Engine, TrimMode, UpdateTable};
use annals_model::{Column, ColumnType, Retention, Sequence, Table};
use annals_storage::disk::Disk;
use annals_storage::journal::JournalOptions;
use annals_storage::manifest::ManifestOptions;
use futures_util::future::join_all;
use rand::Rng;
use rand::rngs::StdRng;

use super::found::Found;
use super::span::Span;
use super::timeline::Timeline;
use crate::disk::MemoryDisk;
use crate::event::{Cell, TestEvent};
use crate::generator::{Generator, Shape};
use crate::oracle::Oracle;
use crate::trial::{Tracked, definition};
use crate::turns;

/// Tables at one time.
const TABLES_MAX: usize = 3;

/// Steps of a workload that goes on from an image.
const STEPS_ON: usize = 5;

/// The workload on a disk, with what it has come to.
#[derive(Debug)]
pub(super) struct Workload {
    disk: MemoryDisk,
    engine: Option<EmbeddedEngine>,
    generator: Generator,
    tables: Vec<Table>,
    pub(super) timeline: Timeline,
}

/// Options for files of eight blocks, and for runs of a few events.
pub(super) fn options(disk: &MemoryDisk) -> Options {
    let mut options = Options::on_disk(Arc::new(disk.clone()) as Arc<dyn Disk>);
    options.journal = JournalOptions { file_bytes: 32 * 1024, short_file_bytes: 12 * 1024, spare_files_max: 1 };
    options.manifest = ManifestOptions { file_bytes: 32 * 1024 };
    options.journal_files_max = 2;
    options.run_bytes_max = 1_500;
    // Some groups of this workload are smaller, and others larger.
    options.sync_here_bytes_max = 300;
    options.idle_mark_after = Duration::from_millis(2);
    // Spares are given back and made again now and then.
    options.journal_idle_after = Duration::from_millis(3);
    options.clock = turns::clock();
    // As many read as one workload has read at a time, and one waits for the store to settle.
    options.read_threads = 2;
    options
}

impl Workload {
    /// A workload on a store that holds what `timeline` tells, if anything.
    pub(super) fn new(disk: MemoryDisk, timeline: Timeline, seed: u64) -> Self {
        let shape = Shape { partitions: 6, late_percent: 40, times: 60, payload_bytes_max: 150 };
        Self { disk, engine: None, generator: Generator::new(seed, shape), tables: Vec::new(), timeline }
    }

    /// Opens the store.
    pub(super) fn open(&mut self) -> Result<&EmbeddedEngine, OpenError> {
        let engine = EmbeddedEngine::open(options(&self.disk))?;
        self.tables = engine.tables();
        Ok(self.engine.insert(engine))
    }

    /// The open engine.
    fn engine(&self) -> &EmbeddedEngine {
        self.engine.as_ref().expect("the engine is open but for the inside of reopen")
    }

    fn random(&mut self) -> &mut StdRng {
        self.generator.random()
    }

    fn any_table(&mut self) -> Option<Table> {
        let index = self.generator.random().random_range(0..self.tables.len().max(1));
        self.tables.get(index).cloned()
    }

    /// Opens the store and takes so many random steps. The engine is left as the process that dies leaves it.
    ///
    /// An error that the disk's faults explain ends the workload in order.
    pub(super) async fn run(&mut self, steps: usize) -> Result<(), String> {
        if self.open().is_err() {
            return Ok(());
        }
        for _ in 0..steps {
            if !self.step().await? {
                break;
            }
        }
        self.engine = None;
        Ok(())
    }

    /// As `run`; then takes all faults away and compares what the engine shows with what it has answered.
    pub(super) async fn run_and_check(&mut self, steps: usize) -> Result<(), String> {
        for step in 0..steps {
            let goes_on = if step == 0 { self.open().is_ok() } else { self.step().await? };
            if !goes_on {
                return Ok(());
            }
        }
        self.disk.set_fault(None);
        let found = self.read().await?;
        let mut shown = self.timeline.clone();
        shown.place_unknown(&found)?;
        shown.check(usize::MAX, &found)?;
        found.check_scans(self.engine()).await?;
        self.engine = None;
        Ok(())
    }

    /// Works on with the open engine, which holds what was found, and compares what it then holds, before it is closed
    /// and after.
    pub(super) async fn go_on(&mut self, found: &Found) -> Result<(), String> {
        self.timeline.adopt(found);
        for _ in 0..STEPS_ON {
            self.step().await?;
        }
        self.timeline.check(usize::MAX, &self.read().await?)?;
        if !self.reopen().await? {
            return Err("it cannot be opened again".to_owned());
        }
        let found = self.read().await?;
        self.timeline.check(usize::MAX, &found)?;
        found.check_scans(self.engine()).await
    }

    /// What the open engine holds.
    pub(super) async fn read(&self) -> Result<Found, String> {
        Found::read(self.engine()).await
    }

    /// One step; false if there is no open engine any more.
    async fn step(&mut self) -> Result<bool, String> {
        turns::pause(self.random());
        if self.tables.is_empty() {
            self.create().await;
            return Ok(true);
        }
        match self.random().random_range(0..100) {
            0..52 => self.append(1).await?,
            52..62 => self.append(3).await?,
            // Refused where the store takes no appends any more.
            62..74 => drop(self.engine().settle().await),
            74..80 => self.create().await,
            80..84 => self.drop_any().await,
            84..90 => self.trim().await,
            90..95 => self.update().await,
            _ => return self.reopen().await,
        }
        Ok(true)
    }

    /// Closes the store and opens it again; false if it cannot be opened. What it then shows must stay.
    async fn reopen(&mut self) -> Result<bool, String> {
        if let Some(engine) = self.engine.take() {
            // What could not be noted at the end only makes the next opening read more.
            let _ = engine.close();
        }
        if self.open().is_err() {
            return Ok(false);
        }
        if self.timeline.has_unknown() {
            let found = self.read().await?;
            self.timeline.place_unknown(&found)?;
            self.timeline.check(usize::MAX, &found)?;
            self.timeline.adopt(&found);
        }
        Ok(true)
    }

    async fn create(&mut self) {
        if self.tables.len() >= TABLES_MAX {
            return;
        }
        let number = self.random().random_range(0..1_000_000);
        let shards = [1, 1, 3][number % 3];
        let definition = definition(&format!("t{number}"), shards);
        let name = definition.name.clone();
        let begun = self.disk.recorded();
        let created = self.engine().create_table(definition, Vec::new()).await;
        let span = Span::new(begun, self.disk.recorded());
        match created {
            Ok(table) => {
                self.timeline.created(&table, span);
                self.tables.push(table);
            }
            Err(CatalogError::Unknown(_)) => self.timeline.perhaps_created(name),
            Err(_) => {}
        }
    }

    async fn drop_any(&mut self) {
        let Some(table) = self.any_table() else { return };
        let begun = self.disk.recorded();
        let dropped = self.engine().drop_table(table.id).await;
        let span = Span::new(begun, self.disk.recorded());
        match dropped {
            Ok(()) => self.timeline.dropped(table.id, span),
            Err(CatalogError::Unknown(_)) => self.timeline.dropped(table.id, Span::unanswered(begun)),
            Err(_) => return,
        }
        self.tables.retain(|other| other.id != table.id);
    }

    fn events(&mut self) -> Vec<TestEvent> {
        let count = self.random().random_range(1..10);
        let mut events = self.generator.events(count);
        if self.random().random_bool(0.2) {
            let name = format!("column-{}", self.random().random_range(0..1_000));
            let last = events.pop().expect("at least one event");
            events.push(last.with(&name, Cell::Int(1)));
        }
        events
    }

    /// So many appends at once.
    async fn append(&mut self, appends: usize) -> Result<(), String> {
        let Some(table) = self.any_table() else { return Ok(()) };
        let oracle = Oracle::new(table.definition.shard_count);
        let tracked = Tracked { table, oracle };
        let mut requests: Vec<Append> = Vec::new();
        for _ in 0..appends {
            let events = self.events();
            requests.push(tracked.append_of(self.engine(), &events));
        }
        let begun = self.disk.recorded();
        let answers = join_all(requests.iter().map(|request| self.engine().append(request.clone()))).await;
        let span = Span::new(begun, self.disk.recorded());
        let mut answered = Vec::new();
        for (request, answer) in requests.into_iter().zip(answers) {
            match answer {
                Ok(appended) => answered.push((request, appended)),
                Err(AppendError::Unknown(_)) => self.timeline.perhaps_appended(request, Span::unanswered(begun)),
                Err(_) => {}
            }
        }
        self.timeline.appended(answered, span)
    }

    async fn trim(&mut self) {
        let Some(table) = self.any_table() else { return };
        let Ok(stats) = self.engine().table_stats(table.id).await else { return };
        let bytes_max = Some(self.random().random_range(0..=stats.stored_bytes));
        let begun = self.disk.recorded();
        let trimmed = self.engine().trim(table.id, Retention { age_max: None, bytes_max }, TrimMode::Apply).await;
        let span = Span::new(begun, self.disk.recorded());
        let stats = self.engine().table_stats(table.id).await;
        match (trimmed, stats) {
            (Ok(_), Ok(stats)) => {
                let first = |first: Sequence, last: Sequence| if first == Sequence::ZERO { last.next() } else { first };
                let firsts = stats.shards.iter().map(|shard| first(shard.first_sequence, shard.last_sequence).get());
                self.timeline.trimmed(table.id, firsts, span);
            }
            _ => self.timeline.perhaps_trimmed(table.id),
        }
    }

    async fn update(&mut self) {
        let Some(table) = self.any_table() else { return };
        let Some(now) = self.engine().table(&table.definition.name) else { return };
        let name = format!("declared-{}", self.random().random_range(0..1_000_000));
        let column = Column { name, column_type: ColumnType::Uuid };
        let update = UpdateTable {
            table: now.id,
            expected_revision: now.revision,
            retention: None,
            add_columns: vec![column.clone()],
            deletion_protection: None,
            lateness_max: None,
        };
        let begun = self.disk.recorded();
        let updated = self.engine().update_table(update).await;
        let span = Span::new(begun, self.disk.recorded());
        match updated {
            Ok(_) => self.timeline.declared(table.id, column, span),
            Err(CatalogError::Unknown(_)) => self.timeline.declared(table.id, column, Span::unanswered(begun)),
            Err(_) => {}
        }
    }
}
