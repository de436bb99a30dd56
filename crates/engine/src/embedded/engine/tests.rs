//! What only the engine's own parts can bring about: readers that hold memory for as long as they like.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use annals_model::{BatchBuilder, EventTime, Retention, SchemaMode, Shard, ShardCount, Sharding, TableDefinition};

use super::*;
use crate::contract::{Place, ShardBatch};

/// Longer than anything here takes, and shorter than the flush thread sleeps with nothing to do.
const PATIENCE: Duration = Duration::from_secs(30);

const MEMTABLES: u64 = 64 * 1024;

fn definition() -> TableDefinition {
    TableDefinition {
        name: "tests.memory".parse().expect("a name"),
        shard_count: ShardCount::new(1).expect("a count"),
        sharding: Sharding::Hash,
        schema_mode: SchemaMode::Open,
        retention: Retention::default(),
        deletion_protection: false,
        lateness_max: None,
    }
}

/// An append of so many bytes.
fn append(table: &Table, bytes: usize) -> Append {
    let mut builder = BatchBuilder::default();
    builder.push(&[b"key", &vec![7; bytes]], 0..3, EventTime::from_unix_nanos(1));
    let shards = vec![ShardBatch { shard: Shard::ZERO, batch: builder.finish() }];
    Append { table: table.id, shards, new_columns: Vec::new(), place: Place::default() }
}

#[tokio::test]
async fn appends_go_on_as_soon_as_a_reader_lets_go_of_the_memory_that_they_wait_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = Options::in_directory(folder.path().join("store"));
    (options.memtable_bytes_max, options.run_bytes_max) = (MEMTABLES, MEMTABLES / 4);
    // Else the commit thread would look up for its mark, which real readers may outlast.
    options.idle_mark_after = 10 * PATIENCE;
    let engine = EmbeddedEngine::open(options).expect("a store");
    let table = engine.create_table(definition(), Vec::new()).await.expect("a table");
    let state = engine.store.catalog().get(table.id).expect("just made");
    let held = state.shards()[0].view();
    engine.append(append(&table, 4 * 64 * 1024)).await.expect("stored");
    let is_flushed = || state.shards()[0].view().runs.first().is_some();
    while !is_flushed() {
        tokio::task::yield_now().await;
    }
    assert!(engine.store.is_memory_short(), "what was flushed is still held");

    let mut waiting = pin!(engine.append(append(&table, 10)));
    let first = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
    assert!(first.is_pending(), "{first:?}");
    drop(held);
    let appended = tokio::time::timeout(PATIENCE, waiting).await.expect("in time").expect("stored");
    assert_eq!(appended.shards[0].first_sequence.get(), 2);
}
