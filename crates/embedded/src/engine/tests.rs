//! What only the engine's own parts can bring about: readers that hold memory for as long as they like.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use annals_model::{BatchBuilder, EventTime, Retention, SchemaMode, Shard, ShardCount, Sharding, TableDefinition};

use tempfile::TempDir;

use super::*;
use crate::background;
use crate::shard_state::ShardView;
use crate::{Clock, SystemClock};
use annals_engine::{CommitTurn, ShardBatch};

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
    Append { table: table.id, shards, new_columns: Vec::new(), place: CommitTurn::default() }
}

/// An engine whose memory is full of what was flushed and is still held, as a reader may; appends wait until it is not.
async fn engine_without_memory() -> (TempDir, EmbeddedEngine, Table, Arc<ShardView>) {
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
    (folder, engine, table, held)
}

#[tokio::test]
async fn appends_go_on_as_soon_as_a_reader_lets_go_of_the_memory_that_they_wait_for() {
    let (_folder, engine, table, held) = engine_without_memory().await;
    let mut waiting = pin!(engine.append(append(&table, 10)));
    let first = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
    assert!(first.is_pending(), "{first:?}");
    drop(held);
    let appended = tokio::time::timeout(PATIENCE, waiting).await.expect("in time").expect("stored");
    assert_eq!(appended.shards[0].first_sequence.get(), 2);
}

#[tokio::test]
async fn closing_stores_what_was_let_in_and_does_not_wait_for_a_reader_that_holds_the_memory() {
    let (_folder, engine, table, held) = engine_without_memory().await;
    let mut waiting = pin!(engine.append(append(&table, 10)));
    let first = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
    assert!(first.is_pending(), "{first:?}");
    std::thread::scope(|scope| {
        let (closed, is_closed) = std::sync::mpsc::channel();
        let engine = &engine;
        scope.spawn(move || closed.send(engine.close()));
        let result = is_closed.recv_timeout(PATIENCE);
        drop(held);
        result.expect("closes while the memory is held").expect("closes cleanly");
    });
    assert_eq!(waiting.await.expect("stored").shards[0].first_sequence.get(), 2);
}

#[tokio::test]
async fn only_appends_wait_for_a_reader_that_holds_the_memory_and_settling_and_changes_do_not() {
    let (_folder, engine, table, held) = engine_without_memory().await;
    let mut waiting = pin!(engine.append(append(&table, 10)));
    let first = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
    assert!(first.is_pending(), "{first:?}");
    let work = async {
        engine.settle().await.expect("settles");
        let other = TableDefinition { name: "tests.other".parse().expect("a name"), ..definition() };
        let other = engine.create_table(other, Vec::new()).await.expect("made");
        engine.drop_table(other.id).await.expect("dropped");
        // The dropped table is forgotten by the commit thread, at the maintenance thread's wish.
        engine.settle().await.expect("settles");
    };
    tokio::time::timeout(PATIENCE, work).await.expect("while the memory is held");
    let still = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
    assert!(still.is_pending() && engine.store.is_memory_short(), "{still:?}");
    drop(held);
    assert_eq!(waiting.await.expect("stored").shards[0].first_sequence.get(), 2);
}

#[tokio::test]
async fn when_a_thread_panics_appends_are_refused_and_so_are_those_that_wait_and_reads_go_on() {
    let (_folder, engine, table, held) = engine_without_memory().await;
    let mut waiting = pin!(engine.append(append(&table, 10)));
    let first = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
    assert!(first.is_pending(), "{first:?}");
    let thread = background::start(&engine.store, "flush", || panic!("broken on purpose")).expect("a thread");
    thread.join().expect_err("it panics");
    let is_told =
        |error: AppendError| matches!(error, AppendError::ReadOnly(ReadOnlyReason::Panicked(name)) if name == "flush");
    assert!(is_told(tokio::time::timeout(PATIENCE, waiting).await.expect("in time").expect_err("refused")));
    assert!(is_told(engine.append(append(&table, 10)).await.expect_err("refused")));
    assert_eq!(engine.table_stats(table.id).await.expect("reads go on").event_count, 1);
    drop(held);
    engine.close().expect("closes");
}

/// A clock that the maintenance thread does not survive.
#[derive(Debug, Default)]
struct Deadly(SystemClock);

impl Clock for Deadly {
    fn wall_nanos(&self) -> i64 {
        self.0.wall_nanos()
    }

    fn monotonic_nanos(&self) -> u64 {
        assert_ne!(std::thread::current().name(), Some("annals-maintenance"), "broken on purpose");
        self.0.monotonic_nanos()
    }
}

#[tokio::test]
async fn the_engines_own_threads_are_watched() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options::in_directory(folder.path().join("store"));
    let engine = EmbeddedEngine::open(Options { clock: Arc::new(Deadly::default()), ..options }).expect("a store");
    let reason = loop {
        match engine.create_table(definition(), Vec::new()).await {
            Err(CatalogError::ReadOnly(reason)) => break reason,
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!(reason, ReadOnlyReason::Panicked("maintenance".to_owned()));
    engine.close().expect("closes");
}
