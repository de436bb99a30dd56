//! Retention by age in the embedded engine: also a table to which nothing comes any more loses its events, which no size
//! and no journal would ever move out of memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use annals_embedded::{Clock, EmbeddedEngine, Options};
use annals_engine::{Append, CommitTurn, Engine, ShardBatch, TrimMode};
use annals_model::{Retention, Shard, Table, TableDefinition};
use annals_testkit::disk::MemoryDisk;
use annals_testkit::event::{TestEvent, batch_of};
use annals_testkit::trial::definition;

/// Longer than anything here takes; a test that waits so long hangs.
const PATIENCE: Duration = Duration::from_secs(30);

const AGE_MAX: Duration = Duration::from_hours(16);

/// A clock that goes by hours, when a test says so.
#[derive(Debug, Default)]
struct Hours(AtomicI64);

impl Hours {
    fn pass(&self, hours: i64) {
        self.0.fetch_add(hours, Ordering::Relaxed);
    }

    fn nanos(&self) -> i64 {
        self.0.load(Ordering::Relaxed) * 3_600_000_000_000
    }
}

impl Clock for Hours {
    fn wall_nanos(&self) -> i64 {
        self.nanos()
    }

    fn monotonic_nanos(&self) -> u64 {
        self.nanos().unsigned_abs()
    }
}

async fn append(engine: &EmbeddedEngine, table: &Table, count: i64) {
    let events: Vec<_> = (0..count).map(|time| TestEvent::new("key", time)).collect();
    let shards = vec![ShardBatch { shard: Shard::ZERO, batch: batch_of(&events) }];
    let append = Append { table: table.id, shards, new_columns: Vec::new(), place: CommitTurn::default() };
    engine.append(append).await.expect("stored");
}

/// Events that are stored, and whether all of them lie in memory.
async fn stored(engine: &EmbeddedEngine, table: &Table) -> (u64, bool) {
    let stats = engine.table_stats(table.id).await.expect("statistics");
    (stats.event_count, stats.stored_bytes == 0)
}

/// Has the maintenance thread look again and again, until a table is as wanted.
async fn until(engine: &EmbeddedEngine, clock: &Hours, table: &Table, wanted: (u64, bool)) {
    let waiting = async {
        while stored(engine, table).await != wanted {
            // Seconds of the thread's own pass no faster than they do: a trim that removes nothing wakes it.
            engine.trim(table.id, Retention::default(), TrimMode::Apply).await.expect("nothing to be removed");
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(in_time.is_ok(), "{:?} after {} hours, not {wanted:?}", stored(engine, table).await, clock.nanos());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_of_an_idle_table_go_by_age_though_they_never_filled_anything() {
    let disk = MemoryDisk::new();
    let clock = Arc::new(Hours::default());
    let mut options = Options::on_disk(Arc::new(disk.clone()));
    options.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let engine = EmbeddedEngine::open(options).expect("the store opens");
    let retention = Retention { age_max: Some(AGE_MAX), bytes_max: None };
    let aging = TableDefinition { retention, ..definition("aging", 1) };
    let aging = engine.create_table(aging, Vec::new()).await.expect("a table");
    let kept = engine.create_table(definition("kept", 1), Vec::new()).await.expect("a table");
    append(&engine, &aging, 10).await;
    append(&engine, &kept, 10).await;
    assert_eq!(stored(&engine, &aging).await, (10, true));
    // A sixteenth of the age: what it holds is moved to a run of its own, so that later events do not keep it.
    clock.pass(1);
    until(&engine, &clock, &aging, (10, false)).await;
    clock.pass(10);
    append(&engine, &aging, 5).await;
    clock.pass(6);
    until(&engine, &clock, &aging, (5, false)).await;
    clock.pass(11);
    until(&engine, &clock, &aging, (0, true)).await;
    assert_eq!(stored(&engine, &kept).await, (10, true), "a table without an age is left alone");
    engine.close().expect("closes");
}
