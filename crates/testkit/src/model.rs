//! Random operations on a few tables, against the oracle, over settling, reopening and crashes.
//!
//! A run is decided by its seed alone, or by the operations and seeds that it is given: the same do the same to any
//! engine.

use std::sync::Arc;

use annals_engine::{
    AppendError, ArrivalRead, ArrivalScope, Engine, NewColumn, PageBounds, ReadError, TrimMode, UpdateTable,
};
use annals_model::{Column, ColumnType, HashSlices, Retention, Sequence, Shard, Sharding, TableDefinition, Token};
use rand::Rng;
use rand::rngs::StdRng;

use crate::conformance::partitions::random_read;
use crate::event::{Cell, TestEvent};
use crate::generator::{Generator, Shape, key_of};
use crate::subject::Subject;
use crate::trial::{Tracked, Trial, columns, definition, key};

/// Tables that a run has at most, at one time.
const TABLES_MAX: usize = 4;

/// A run of random operations.
pub struct Model<S: Subject> {
    trial: Trial<S>,
    generator: Generator,
    tables: Vec<Tracked>,
    tables_made: u32,
}

/// What a run does to its engine, or asks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Events are appended to a table.
    Append,
    /// Several appends run at once.
    AppendAtOnce,
    /// An append is refused for its columns.
    AppendConflict,
    /// Some partitions are scanned.
    Scan,
    /// A part of a shard's arrivals is read.
    ReadArrivals,
    /// All that a table holds is compared.
    Check,
    /// The engine moves what it took in to where it keeps it.
    Settle,
    /// The engine is closed and opened again.
    Reopen,
    /// The engine ends without being closed, and is opened again.
    Crash,
    /// A table is made.
    Create,
    /// A table is dropped.
    Drop,
    /// Old events go.
    Trim,
    /// A table is changed.
    Update,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Append,
        Self::AppendAtOnce,
        Self::AppendConflict,
        Self::Scan,
        Self::ReadArrivals,
        Self::Check,
        Self::Settle,
        Self::Reopen,
        Self::Crash,
        Self::Create,
        Self::Drop,
        Self::Trim,
        Self::Update,
    ];

    fn random(random: &mut StdRng) -> Self {
        match random.random_range(0..100) {
            0..40 => Self::Append,
            40..46 => Self::AppendAtOnce,
            46..52 => Self::AppendConflict,
            52..64 => Self::Scan,
            64..74 => Self::ReadArrivals,
            74..78 => Self::Check,
            78..84 => Self::Settle,
            84..88 => Self::Reopen,
            88..91 => Self::Crash,
            91..94 => Self::Create,
            94..96 => Self::Drop,
            96..98 => Self::Trim,
            _ => Self::Update,
        }
    }
}

/// Runs `operations` random operations from `seed` and compares everything at the end.
///
/// # Panics
/// At the first difference between engine and oracle.
pub async fn run<S: Subject>(subject: S, seed: u64, operations: u32) {
    let mut model = Model::start(subject, seed).await;
    for _ in 0..operations {
        let operation = Operation::random(model.random());
        model.step(operation).await;
    }
    model.finish().await;
}

/// Runs these operations, each with the seed of its choices, and compares everything at the end.
///
/// # Panics
/// At the first difference between engine and oracle.
pub async fn follow<S: Subject>(subject: S, operations: impl IntoIterator<Item = (Operation, u64)>) {
    let mut model = Model::start(subject, 0).await;
    for (operation, seed) in operations {
        model.generator.reseed(seed);
        model.step(operation).await;
    }
    model.finish().await;
}

impl<S: Subject> Model<S> {
    async fn start(subject: S, seed: u64) -> Self {
        let shape = Shape { partitions: 24, late_percent: 40, times: 500, payload_bytes_max: 300 };
        let generator = Generator::new(seed, shape);
        let mut model = Self { trial: Trial::start(subject).await, generator, tables: Vec::new(), tables_made: 0 };
        model.create().await;
        model
    }

    async fn finish(mut self) {
        self.check_all().await;
        self.trial.reopen().await;
        self.check_all().await;
        self.trial.finish().await;
    }

    fn random(&mut self) -> &mut StdRng {
        self.generator.random()
    }

    fn engine(&self) -> Arc<S::Engine> {
        Arc::clone(self.trial.engine())
    }

    /// One of the tables; there always is one.
    fn any_table(&mut self) -> usize {
        let count = self.tables.len();
        self.random().random_range(0..count)
    }

    async fn step(&mut self, operation: Operation) {
        match operation {
            Operation::Append => self.append().await,
            Operation::AppendAtOnce => self.append_at_once().await,
            Operation::AppendConflict => self.append_a_conflict().await,
            Operation::Scan => self.scan().await,
            Operation::ReadArrivals => self.read_arrivals().await,
            Operation::Check => self.check_any().await,
            Operation::Settle => self.trial.settle().await,
            Operation::Reopen => self.trial.reopen().await,
            Operation::Crash => self.trial.crash().await,
            Operation::Create => self.create().await,
            Operation::Drop => self.drop_any().await,
            Operation::Trim => self.trim().await,
            Operation::Update => self.update().await,
        }
    }

    async fn create(&mut self) {
        if self.tables.len() == TABLES_MAX {
            return;
        }
        self.tables_made += 1;
        let shards = [1, 1, 2, 5][self.random().random_range(0..4)];
        let sharding = if self.random().random_bool(0.25) { Sharding::Explicit } else { Sharding::Hash };
        // Few names, so that a name comes back after its table was dropped.
        let mut name = format!("t{}", self.tables_made % 5);
        while self.tables.iter().any(|tracked| tracked.table.definition.name.table() == name) {
            name.push('x');
        }
        let tracked = self.trial.create(TableDefinition { sharding, ..definition(&name, shards) }).await;
        self.tables.push(tracked);
    }

    async fn drop_any(&mut self) {
        if self.tables.len() > 1 {
            let index = self.any_table();
            let tracked = self.tables.swap_remove(index);
            self.engine().drop_table(tracked.id()).await.expect("a table is dropped");
            let gone = self.engine().read_partitions(tracked.read_all()).await.expect_err("the table is gone");
            assert!(matches!(gone, ReadError::UnknownTable(_)), "{gone}");
        }
    }

    fn events(&mut self) -> Vec<TestEvent> {
        let count = self.random().random_range(1..40);
        self.generator.events(count)
    }

    async fn append(&mut self) {
        let (index, events) = (self.any_table(), self.events());
        let engine = self.engine();
        let shards = self.tables[index].table.definition.shard_count.get();
        let shard = Shard::new(self.random().random_range(0..shards));
        let tracked = &mut self.tables[index];
        let append = match tracked.table.definition.sharding {
            Sharding::Hash => tracked.append_of(&*engine, &events),
            Sharding::Explicit => tracked.append_of_shard(&*engine, shard, &events),
        };
        tracked.commit(&*engine, append).await.expect("an append");
    }

    /// Several appends at once to one shard: they are committed in some order, which their sequences tell.
    async fn append_at_once(&mut self) {
        let index = self.any_table();
        let engine = self.engine();
        let mut running = Vec::new();
        for _ in 0..4 {
            let events = self.events();
            let (shard, events) = of_one_shard(&self.tables[index].table.definition, events);
            let append = self.tables[index].append_of_shard(&*engine, shard, &events);
            let engine = Arc::clone(&engine);
            running.push(tokio::spawn(async move { (append.shards.clone(), engine.append(append).await) }));
        }
        let mut places = Vec::new();
        for task in running {
            let (batches, appended) = task.await.expect("an appender");
            places.push((batches, appended.expect("an append")));
        }
        places.sort_by_key(|(_, appended)| (appended.shards[0].shard, appended.shards[0].first_sequence));
        for (batches, appended) in &places {
            self.tables[index].record(batches, appended);
        }
    }

    /// An append whose columns were checked against a schema that is out of date by now.
    async fn append_a_conflict(&mut self) {
        let index = self.any_table();
        let engine = self.engine();
        let tracked = &mut self.tables[index];
        let schema = engine.table(&tracked.table.definition.name).expect("the table").schema;
        let event = TestEvent::new(key_of(1), 1).with("speed", Cell::Text("fast".to_owned()));
        let mut append = tracked.append_of_shard(&*engine, Shard::ZERO, &[event]);
        let column = Column { name: "speed".to_owned(), column_type: ColumnType::String };
        append.new_columns = vec![NewColumn { column, shard: Shard::ZERO, row: 0, event_index: 0 }];
        match schema.get("speed").map(|learned| learned.column.column_type) {
            None | Some(ColumnType::String) => return,
            Some(_) => {}
        }
        let refused = engine.append(append).await.expect_err("speed is no string");
        assert!(matches!(refused, AppendError::ColumnConflict { .. }), "{refused}");
    }

    async fn scan(&mut self) {
        let index = self.any_table();
        let read = random_read(&self.tables[index], &mut self.generator);
        self.tables[index].check_scan(&*self.engine(), read).await;
    }

    async fn read_arrivals(&mut self) {
        let index = self.any_table();
        let shards = self.tables[index].table.definition.shard_count.get();
        let random = self.generator.random();
        let shard = Shard::new(random.random_range(0..shards));
        let read = self.tables[index].read_shard(shard);
        let head = self.tables[index].oracle.moment().of(shard).get().max(read.from.get());
        let from = Sequence::new(random.random_range(read.from.get()..=head));
        let through = Sequence::new(random.random_range(from.get()..=head + 2));
        let scope = match random.random_range(0..3) {
            0 => ArrivalScope::All,
            1 => {
                let count = random.random_range(1..9);
                ArrivalScope::Slices(HashSlices::new(count, vec![random.random_range(0..count)]).expect("a slice"))
            }
            _ => {
                let mut keys = vec![key(key_of(random.random_range(0..24))), key(key_of(random.random_range(0..24)))];
                keys.dedup();
                ArrivalScope::Partitions(keys.into())
            }
        };
        let bounds = PageBounds { events_max: random.random_range(1..50), bytes_max: random.random_range(1..9_000) };
        let read = ArrivalRead { from, through, scope, bounds, ..read };
        self.tables[index].check_arrivals(&*self.engine(), read).await;
    }

    async fn trim(&mut self) {
        let index = self.any_table();
        let engine = self.engine();
        let stored = engine.table_stats(self.tables[index].id()).await.expect("statistics").stored_bytes;
        let bytes_max = Some(self.random().random_range(0..=stored));
        let retention = Retention { age_max: None, bytes_max };
        let tracked = &mut self.tables[index];
        let trimmed = engine.trim(tracked.id(), retention, TrimMode::Apply).await.expect("a trim");
        assert_eq!(tracked.adopt_floors(&*engine).await, trimmed.events, "as many events are gone as the trim says");
    }

    async fn update(&mut self) {
        let index = self.any_table();
        let number = self.random().random_range(0..1_000);
        let name = self.tables[index].table.definition.name.clone();
        let now = self.engine().table(&name).expect("the table");
        let update = UpdateTable {
            table: now.id,
            expected_revision: now.revision,
            retention: None,
            add_columns: columns(&[(format!("declared-{number}").as_str(), ColumnType::Uuid)]),
            deletion_protection: None,
            lateness_max: None,
        };
        let updated = self.engine().update_table(update).await.expect("an update");
        assert!(updated.revision > now.revision, "a change makes a revision");
    }

    async fn check_any(&mut self) {
        let index = self.any_table();
        self.tables[index].check(&*self.engine()).await;
    }

    async fn check_all(&self) {
        assert_eq!(self.trial.engine().tables().len(), self.tables.len(), "how many tables there are");
        for tracked in &self.tables {
            tracked.check(&**self.trial.engine()).await;
        }
    }
}

/// A shard, and those of the events that may go there: in a table that is sharded by hash, a key has only one.
fn of_one_shard(definition: &TableDefinition, mut events: Vec<TestEvent>) -> (Shard, Vec<TestEvent>) {
    if definition.sharding == Sharding::Explicit {
        return (Shard::ZERO, events);
    }
    let shard_of = |event: &TestEvent| definition.shard_count.shard_of(Token::of(&event.key));
    let shard = events.first().map_or(Shard::ZERO, shard_of);
    events.retain(|event| shard_of(event) == shard);
    (shard, events)
}
