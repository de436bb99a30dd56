//! The embedded engine in process, without gRPC: appends that are synced, and scans of one partition out of many.

mod support;

use std::path::Path;
use std::sync::Arc;

use annals_client::Event;
use annals_embedded::{EmbeddedEngine, Options};
use annals_engine::{Append, CommitTurn, Engine, PageBounds, PartitionRead, PartitionSelection, ScanOrder, ShardBatch};
use annals_model::{
    BatchBuilder, EventBatch, Moment, PartitionKey, Retention, SchemaMode, Shard, ShardCount, Sharding,
    TableDefinition, TableId, TimeRange,
};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;

/// As in the target: 10,000 partitions of 200 events.
const PARTITIONS: u64 = 10_000;
const EVENTS_EACH: u64 = 200;

/// Events of one append while the table is filled.
const FILL_BATCH: usize = 20_000;

fn open(folder: &Path) -> EmbeddedEngine {
    EmbeddedEngine::open(Options::in_directory(folder)).expect("a new store")
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn table(engine: &EmbeddedEngine) -> TableId {
    let definition = TableDefinition {
        name: "bench.engine".parse().expect("a name"),
        shard_count: ShardCount::ONE,
        sharding: Sharding::Hash,
        schema_mode: SchemaMode::Open,
        retention: Retention::default(),
        deletion_protection: false,
        lateness_max: None,
    };
    engine.create_table(definition, Vec::new()).await.expect("a new table").id
}

fn batch(events: &[Bytes]) -> EventBatch {
    let mut builder = BatchBuilder::with_capacity(events.len(), events.len() * support::EVENT_BYTES);
    for event in events {
        let read = Event::from_encoded(event.clone());
        let view = read.view().expect("an event");
        // The key comes first: a tag, a length, the key.
        builder.push(&[event], 2..2 + view.key().len(), view.time().expect("a time"));
    }
    builder.finish()
}

fn append_of(table: TableId, batch: EventBatch) -> Append {
    Append {
        table,
        shards: vec![ShardBatch { shard: Shard::ZERO, batch }],
        new_columns: Vec::new(),
        place: CommitTurn::default(),
    }
}

fn append(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("engine, synced append by one caller");
    group.sample_size(20);
    for count in [1, 1_000, 10_000] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let engine = open(folder.path());
        let table = runtime.block_on(table(&engine));
        let batch = batch(&support::events(count, PARTITIONS));
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count} events"), |bencher| {
            bencher.iter_batched(
                || append_of(table, batch.clone()),
                |append| runtime.block_on(engine.append(append)).expect("appended"),
                BatchSize::PerIteration,
            );
        });
        engine.close().expect("closed");
    }
    group.finish();
}

fn scan(criterion: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let engine = open(folder.path());
    let (table, moment) = runtime.block_on(fill(&engine));
    let read = |key: PartitionKey| PartitionRead {
        table,
        moment: moment.clone(),
        floor: Moment::start(ShardCount::ONE),
        selection: PartitionSelection::Keys(Arc::from([key])),
        times: TimeRange::ALL,
        order: ScanOrder::Ascending,
        limit_per_partition: None,
        after: None,
        bounds: PageBounds { events_max: 10_000, bytes_max: 1024 * 1024 },
    };
    let mut group = criterion.benchmark_group("engine, scan of 200 events");
    group.throughput(Throughput::Elements(1));
    let mut partition = 0;
    group.bench_function("one of 10,000 partitions", |bencher| {
        bencher.iter_batched(
            || {
                partition = (partition + 7_919) % PARTITIONS;
                read(PartitionKey::new(support::key(partition)).expect("a key"))
            },
            |read| {
                let page = runtime.block_on(engine.read_partitions(read)).expect("read");
                assert_eq!(page.events.len() as u64, EVENTS_EACH);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
    engine.close().expect("closed");
}

/// The table of the target, and its moment.
async fn fill(engine: &EmbeddedEngine) -> (TableId, Moment) {
    let table = table(engine).await;
    for events in support::events(PARTITIONS * EVENTS_EACH, PARTITIONS).chunks(FILL_BATCH) {
        engine.append(append_of(table, batch(events))).await.expect("appended");
    }
    (table, engine.head(table).expect("a table"))
}

criterion_group!(benches, append, scan);
criterion_main!(benches);
