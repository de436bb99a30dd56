//! An engine and what it must hold: every call that stores goes to both, every check compares them.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_engine::{
    Append, AppendError, Appended, ArrivalRead, ArrivalScope, CommitTurn, Engine, NewColumn, PageBounds, PartitionList,
    PartitionRead, PartitionSelection, ScanOrder, ShardBatch, ShardStats,
};
use annals_model::{
    Column, HashSlices, Moment, PartitionKey, Retention, SchemaMode, Sequence, Shard, ShardCount, Sharding,
    StoredEvent, Table, TableDefinition, TableId, TimeRange,
};

use crate::event::{TestEvent, batch_of};
use crate::oracle::Oracle;
use crate::subject::Subject;

/// Bounds that no test's page reaches.
pub const WIDE: PageBounds = PageBounds { events_max: 1_000_000, bytes_max: 64 * 1024 * 1024 };

/// A read of everything that a table held at `moment`, when all up to `floor` was removed, in ascending order.
pub fn everything(table: TableId, moment: Moment, floor: Moment) -> PartitionRead {
    PartitionRead {
        table,
        moment,
        floor,
        selection: PartitionSelection::Slices(HashSlices::all()),
        times: TimeRange::ALL,
        order: ScanOrder::Ascending,
        limit_per_partition: None,
        after: None,
        bounds: WIDE,
    }
}

/// Bounds that cut everything into many pages.
pub const NARROW: PageBounds = PageBounds { events_max: 3, bytes_max: 700 };

/// An open engine.
pub struct Trial<S: Subject> {
    subject: S,
    engine: Option<Arc<S::Engine>>,
}

/// A table and what it must hold.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// The table as it was made; its schema grows in the engine.
    pub table: Table,
    /// What it must hold.
    pub oracle: Oracle,
}

/// The definition of a table called `test.NAME` with hash sharding and an open schema.
///
/// # Panics
/// When the name or the count is not allowed.
pub fn definition(name: &str, shards: u32) -> TableDefinition {
    TableDefinition {
        name: format!("test.{name}").parse().expect("a table name"),
        shard_count: ShardCount::new(shards).expect("a count of shards"),
        sharding: Sharding::Hash,
        schema_mode: SchemaMode::Open,
        retention: Retention::default(),
        deletion_protection: false,
        lateness_max: None,
    }
}

/// A key that a test knows to be one.
///
/// # Panics
/// When it is none.
pub fn key(bytes: impl AsRef<[u8]>) -> PartitionKey {
    PartitionKey::new(bytes.as_ref().to_vec()).expect("a key")
}

impl<S: Subject> Trial<S> {
    /// Opens an engine on the subject's store.
    pub async fn start(subject: S) -> Self {
        let engine = Some(subject.open().await);
        Self { subject, engine }
    }

    /// The engine.
    ///
    /// # Panics
    /// Never while the trial runs.
    pub fn engine(&self) -> &Arc<S::Engine> {
        self.engine.as_ref().expect("the engine is open but for the inside of reopen")
    }

    /// What the engine was opened by.
    pub fn subject(&self) -> &S {
        &self.subject
    }

    /// Closes the engine and opens it again.
    pub async fn reopen(&mut self) {
        self.reopen_after(|| {}).await;
    }

    /// Closes the engine, does something to its store, and opens it again.
    pub async fn reopen_after(&mut self, change: impl FnOnce()) {
        if let Some(engine) = self.engine.take() {
            self.subject.close(engine).await;
        }
        change();
        self.engine = Some(self.subject.open().await);
    }

    /// Ends the engine without closing it and opens it again.
    pub async fn crash(&mut self) {
        if let Some(engine) = self.engine.take() {
            self.subject.crash(engine).await;
        }
        self.engine = Some(self.subject.open().await);
    }

    /// Has the engine move what it took in to where it keeps it.
    pub async fn settle(&self) {
        self.subject.settle(self.engine()).await;
    }

    /// Ends the trial.
    pub async fn finish(mut self) {
        if let Some(engine) = self.engine.take() {
            self.subject.close(engine).await;
        }
    }

    /// Makes a table.
    pub async fn create(&self, definition: TableDefinition) -> Tracked {
        let count = definition.shard_count;
        let table = self.engine().create_table(definition, Vec::new()).await.expect("a new table");
        Tracked { table, oracle: Oracle::new(count) }
    }

    /// Compares a table with its oracle as it is, after it has settled, and after the engine was opened again.
    pub async fn check_everywhere(&mut self, tracked: &Tracked) {
        tracked.check(&**self.engine()).await;
        self.settle().await;
        tracked.check(&**self.engine()).await;
        self.reopen().await;
        tracked.check(&**self.engine()).await;
    }
}

impl Tracked {
    /// The table's id.
    pub fn id(&self) -> TableId {
        self.table.id
    }

    /// Deals events out to the table's shards as a server does, and names the columns that the table does not know.
    ///
    /// # Panics
    /// When the table is gone.
    pub fn append_of(&self, engine: &impl Engine, events: &[TestEvent]) -> Append {
        let count = self.table.definition.shard_count;
        let mut by_shard: BTreeMap<Shard, Vec<(u32, &TestEvent)>> = BTreeMap::new();
        for (index, event) in (0..).zip(events) {
            let shard = count.shard_of(annals_model::Token::of(&event.key));
            by_shard.entry(shard).or_default().push((index, event));
        }
        self.append_to(engine, by_shard)
    }

    /// An append of events to a named shard.
    pub fn append_of_shard(&self, engine: &impl Engine, shard: Shard, events: &[TestEvent]) -> Append {
        self.append_to(engine, BTreeMap::from([(shard, (0..).zip(events).collect())]))
    }

    fn append_to(&self, engine: &impl Engine, by_shard: BTreeMap<Shard, Vec<(u32, &TestEvent)>>) -> Append {
        let known = engine.table(&self.table.definition.name).expect("the table is there").schema;
        let mut new_columns: Vec<NewColumn> = Vec::new();
        for (&shard, events) in &by_shard {
            for (row, (event_index, event)) in (0..).zip(events) {
                for column in event.columns().filter(|column| known.get(&column.name).is_none()) {
                    if new_columns.iter().all(|new| new.column.name != column.name) {
                        new_columns.push(NewColumn { column, shard, row, event_index: *event_index });
                    }
                }
            }
        }
        let shards = by_shard
            .into_iter()
            .map(|(shard, events)| ShardBatch { shard, batch: batch_of(events.into_iter().map(|(_, event)| event)) });
        Append { table: self.id(), shards: shards.collect(), new_columns, place: CommitTurn::default() }
    }

    /// Appends events, by the hash of their keys.
    ///
    /// # Errors
    /// As the engine refuses; the oracle is unchanged then.
    pub async fn append(&mut self, engine: &impl Engine, events: &[TestEvent]) -> Result<Appended, AppendError> {
        let append = self.append_of(engine, events);
        self.commit(engine, append).await
    }

    /// Appends what was made ready.
    ///
    /// # Errors
    /// As the engine refuses; the oracle is unchanged then.
    pub async fn commit(&mut self, engine: &impl Engine, append: Append) -> Result<Appended, AppendError> {
        let batches = append.shards.clone();
        let appended = engine.append(append).await?;
        self.record(&batches, &appended);
        Ok(appended)
    }

    /// Adds an acknowledged append to the oracle.
    ///
    /// # Panics
    /// When the answer does not fit the append.
    pub fn record(&mut self, batches: &[ShardBatch], appended: &Appended) {
        assert_eq!(batches.len(), appended.shards.len(), "an answer for each batch");
        for (batch, place) in batches.iter().zip(&appended.shards) {
            assert_eq!(batch.shard, place.shard, "answers come in the order of the batches");
            self.oracle.record(&batch.batch, place);
        }
    }

    /// Takes over what the engine holds of a table whose answers were not all waited for.
    ///
    /// # Panics
    /// When the events are not dense.
    pub fn adopt(&mut self, events: &[StoredEvent]) {
        self.oracle = Oracle::of(self.table.definition.shard_count, events);
    }

    /// Tells the oracle what retention removed; returns how many events that were.
    ///
    /// # Panics
    /// When the table is gone.
    pub async fn adopt_floors(&mut self, engine: &impl Engine) -> u64 {
        let stats = engine.table_stats(self.id()).await.expect("statistics");
        let first = |shard: &ShardStats| match shard.first_sequence {
            Sequence::ZERO => shard.last_sequence.next(),
            first => first,
        };
        stats.shards.iter().map(|shard| self.oracle.trim(shard.shard, first(shard))).sum()
    }

    /// A read of everything that is stored now, in ascending order.
    pub fn read_all(&self) -> PartitionRead {
        everything(self.id(), self.oracle.moment(), self.floor())
    }

    /// By shard, the last sequence that retention has removed.
    pub fn floor(&self) -> Moment {
        Moment::new(self.oracle.shards().map(|shard| self.read_shard(shard).from.previous()).collect::<Vec<_>>())
    }

    /// A read of all events of a shard, in arrival order.
    pub fn read_shard(&self, shard: Shard) -> ArrivalRead {
        ArrivalRead {
            table: self.id(),
            shard,
            from: self.oracle.first_retained(shard).unwrap_or_else(|| self.oracle.moment().of(shard).next()),
            through: Sequence::MAX,
            scope: ArrivalScope::All,
            bounds: WIDE,
        }
    }

    /// Compares all that the engine tells of the table with the oracle.
    ///
    /// # Panics
    /// At the first difference.
    pub async fn check(&self, engine: &impl Engine) {
        assert_eq!(engine.head(self.id()).expect("the table is there"), self.oracle.moment(), "heads");
        for shard in self.oracle.shards() {
            let first_retained = engine.first_retained(self.id(), shard).expect("the shard is there");
            assert_eq!(first_retained, self.read_shard(shard).from, "the first sequence retained");
        }
        assert_eq!(engine.floor(self.id()).expect("the table is there"), self.floor(), "floors");
        for bounds in [WIDE, NARROW] {
            for shard in self.oracle.shards() {
                self.check_arrivals(engine, ArrivalRead { bounds, ..self.read_shard(shard) }).await;
            }
            for order in [ScanOrder::Ascending, ScanOrder::Descending] {
                self.check_scan(engine, PartitionRead { order, bounds, ..self.read_all() }).await;
            }
        }
        self.check_statistics(engine).await;
    }

    /// Compares what all pages of an arrival read bring with the oracle.
    ///
    /// # Panics
    /// At the first difference.
    pub async fn check_arrivals(&self, engine: &impl Engine, read: ArrivalRead) {
        let expected = self.oracle.arrivals(read.shard, read.from, read.through, &read.scope);
        let head = self.oracle.moment().of(read.shard);
        let what = format!("{read:?}");
        assert_events(&arrivals(engine, read, head).await, &expected, &what);
    }

    /// Compares what all pages of a scan bring, and its count, with the oracle.
    ///
    /// # Panics
    /// At the first difference.
    pub async fn check_scan(&self, engine: &impl Engine, read: PartitionRead) {
        let expected = self.oracle.scan(&read);
        let what = format!("{read:?}");
        let counted = engine.count(read.clone()).await.expect("a count");
        assert_eq!(counted, self.oracle.count(&read), "the count of {what}");
        assert_events(&scan(engine, read).await, &expected, &what);
    }

    /// Compares the statistics of the table and of its partitions with the oracle.
    ///
    /// # Panics
    /// At the first difference.
    pub async fn check_statistics(&self, engine: &impl Engine) {
        let stats = engine.table_stats(self.id()).await.expect("statistics");
        assert_eq!(stats.event_count, self.oracle.len(), "the table's count of events");
        assert_eq!(stats.shards, self.oracle.shard_stats(), "what the shards hold");
        let expected = self.oracle.partitions();
        let list =
            PartitionList { table: self.id(), key_prefix: Vec::new(), after: None, partitions_max: expected.len() + 1 };
        assert_eq!(engine.list_partitions(list).await.expect("a list of partitions"), expected, "the partitions");
        for partition in expected.iter().take(3) {
            let found = engine.partition_stats(self.id(), &partition.key).await.expect("statistics of a partition");
            assert_eq!(found.as_ref(), Some(partition), "the statistics of a partition");
        }
    }
}

/// All pages of an arrival read, up to `head`. Checks each page against its bounds.
///
/// # Panics
/// When a page fails, breaks its bounds or does not get on.
pub async fn arrivals(engine: &impl Engine, mut read: ArrivalRead, head: Sequence) -> Vec<StoredEvent> {
    let last = read.through.min(head);
    let mut events: Vec<StoredEvent> = Vec::new();
    while read.from <= last {
        let page = engine.read_arrivals(read.clone()).await.expect("a page of arrivals");
        assert_bounds(&page.events, read.bounds);
        assert!(page.next > read.from, "a page gets on: {:?} after {:?}", page.next, read.from);
        assert!(page.events.iter().all(|event| event.sequence < page.next), "a page's events lie before the next");
        read.from = page.next;
        events.extend(page.events);
    }
    events
}

/// All pages of a scan. Checks each page against its bounds.
///
/// # Panics
/// When a page fails, breaks its bounds or does not get on.
pub async fn scan(engine: &impl Engine, mut read: PartitionRead) -> Vec<StoredEvent> {
    let mut events = Vec::new();
    loop {
        let page = engine.read_partitions(read.clone()).await.expect("a page of a scan");
        assert_bounds(&page.events, read.bounds);
        let is_empty = page.events.is_empty();
        events.extend(page.events);
        match page.next {
            None => return events,
            next if !is_empty => read.after = next,
            next => panic!("an empty page goes on at {next:?}"),
        }
    }
}

fn assert_bounds(events: &[StoredEvent], bounds: PageBounds) {
    let bytes: usize = events.iter().map(|event| event.bytes.len()).sum();
    assert!(events.len() <= bounds.events_max, "{} events, {} asked for", events.len(), bounds.events_max);
    assert!(bytes <= bounds.bytes_max || events.len() == 1, "{bytes} bytes, {} asked for", bounds.bytes_max);
}

/// Compares events and says where they differ first.
///
/// # Panics
/// When they differ.
pub fn assert_events(found: &[StoredEvent], expected: &[StoredEvent], what: &str) {
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found, expected, "event {index} of {what}");
    }
    assert_eq!(found.len(), expected.len(), "how many events: {what}");
}

/// Declares columns by name and type.
pub fn columns(declared: &[(&str, annals_model::ColumnType)]) -> Vec<Column> {
    declared.iter().map(|&(name, column_type)| Column { name: name.to_owned(), column_type }).collect()
}
