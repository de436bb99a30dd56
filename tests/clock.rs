//! The wall clock steps by an hour or a day, back or forth, or stands still: sequences stay dense, commit times never go
//! back, over restarts and crashes too, and while the store is open they neither rush nor freeze.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use annals_embedded::{Clock, EmbeddedEngine, Options};
use annals_engine::{Append, ArrivalRead, ArrivalScope, CommitTurn, Engine, ShardBatch};
use annals_model::{CommitTime, Sequence, Shard, StoredEvent, Table};
use annals_storage::disk::Disk;
use annals_storage::journal::JournalOptions;
use annals_storage::manifest::ManifestOptions;
use annals_testkit::disk::MemoryDisk;
use annals_testkit::event::{TestEvent, batch_of};
use annals_testkit::seed::{announce, seeds};
use annals_testkit::trial::{WIDE, arrivals, definition};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// Where the wall clock begins: in 2026.
const BEGIN: i64 = 1_790_000_000 * SECOND;
const STEPS: usize = 60;

/// Clocks that a test sets.
#[derive(Debug)]
struct SetClock {
    wall: AtomicI64,
    monotonic: AtomicU64,
}

impl Clock for SetClock {
    fn wall_nanos(&self) -> i64 {
        self.wall.load(Ordering::SeqCst)
    }

    fn monotonic_nanos(&self) -> u64 {
        self.monotonic.load(Ordering::SeqCst)
    }
}

fn open(disk: &MemoryDisk, clock: &Arc<SetClock>) -> EmbeddedEngine {
    let mut options = Options::on_disk(Arc::new(disk.clone()) as Arc<dyn Disk>);
    options.journal = JournalOptions { file_bytes: 32 * 1024, short_file_bytes: 32 * 1024, spare_files_max: 1 };
    options.manifest = ManifestOptions { file_bytes: 32 * 1024 };
    options.run_bytes_max = 1_000;
    options.clock = Arc::clone(clock) as Arc<dyn Clock>;
    EmbeddedEngine::open(options).expect("the store opens")
}

/// Appends one event; gives its sequence and commit time.
async fn append(engine: &EmbeddedEngine, table: &Table, time: i64) -> (Sequence, CommitTime) {
    let shards = vec![ShardBatch { shard: Shard::ZERO, batch: batch_of(&[TestEvent::new("key", time)]) }];
    let appended = engine
        .append(Append { table: table.id, shards, new_columns: Vec::new(), place: CommitTurn::default() })
        .await
        .expect("stored");
    (appended.shards[0].first_sequence, appended.shards[0].commit_time)
}

async fn all(engine: &EmbeddedEngine, table: &Table) -> Vec<StoredEvent> {
    let (from, through) = (Sequence::FIRST, Sequence::MAX);
    let read =
        ArrivalRead { table: table.id, shard: Shard::ZERO, from, through, scope: ArrivalScope::All, bounds: WIDE };
    arrivals(engine, read, engine.head(table.id).expect("the table is there").of(Shard::ZERO)).await
}

/// What is committed at or after a commit time is found by it, whatever the clocks did.
async fn check_search(engine: &EmbeddedEngine, table: &Table, events: &[StoredEvent]) {
    for event in events {
        let first = events.iter().find(|other| other.commit_time >= event.commit_time).expect("the event itself");
        let found = engine.find_commit_time(table.id, Shard::ZERO, event.commit_time).await.expect("found");
        assert_eq!(found, first.sequence, "the first event at or after {}", event.commit_time);
    }
}

#[tokio::test]
async fn steps_of_the_wall_clock_move_no_sequence_and_turn_no_commit_time_back() {
    for seed in seeds(30) {
        let _announced = announce(seed);
        let mut random = StdRng::seed_from_u64(seed);
        let disk = MemoryDisk::new();
        let clock = Arc::new(SetClock { wall: AtomicI64::new(BEGIN), monotonic: AtomicU64::new(0) });
        let mut engine = open(&disk, &clock);
        let table = engine.create_table(definition("clock", 1), Vec::new()).await.expect("a table");
        let mut answered: Vec<(Sequence, CommitTime)> = Vec::new();
        let mut last = None;
        for time in 0..STEPS {
            let elapsed = random.random_range(0..SECOND);
            let step = [elapsed, elapsed, elapsed, 0, HOUR, -HOUR, DAY, -DAY][random.random_range(0..8)];
            clock.wall.fetch_add(step, Ordering::SeqCst);
            clock.monotonic.fetch_add(elapsed.unsigned_abs(), Ordering::SeqCst);
            let (sequence, commit_time) = append(&engine, &table, i64::try_from(time).expect("small")).await;
            if let Some(before) = last {
                let moved = commit_time.unix_nanos() - CommitTime::unix_nanos(before);
                assert!(moved <= elapsed + elapsed / 20 + 1, "{moved} ns of commit time in {elapsed} ns");
                assert!(moved >= elapsed - elapsed / 20 - 1, "{moved} ns of commit time in {elapsed} ns");
            }
            last = Some(commit_time);
            answered.push((sequence, commit_time));
            match random.random_range(0..12) {
                0 => engine.close().expect("closed"),
                1 => {}
                2 => {
                    engine.settle().await.expect("flushed");
                    continue;
                }
                _ => continue,
            }
            drop(engine);
            disk.power_cut(|_| false);
            engine = open(&disk, &clock);
            last = None;
        }
        assert!(answered.iter().map(|(sequence, _)| sequence.get()).eq(1..=STEPS as u64), "sequences are dense");
        assert!(answered.is_sorted_by_key(|(_, commit_time)| *commit_time), "commit times never go back");
        let events = all(&engine, &table).await;
        let stored: Vec<_> = events.iter().map(|event| (event.sequence, event.commit_time)).collect();
        assert_eq!(stored, answered, "what is stored is what was answered");
        check_search(&engine, &table, &events).await;
    }
}

#[tokio::test]
async fn with_both_clocks_frozen_appends_go_on_in_order() {
    let disk = MemoryDisk::new();
    let clock = Arc::new(SetClock { wall: AtomicI64::new(BEGIN), monotonic: AtomicU64::new(7) });
    let mut table = None;
    for round in 0..4_u64 {
        let engine = open(&disk, &clock);
        if table.is_none() {
            table = Some(engine.create_table(definition("frozen", 1), Vec::new()).await.expect("a table"));
        }
        let table = table.as_ref().expect("made in the first round");
        for event in 1..=20 {
            let (sequence, commit_time) = append(&engine, table, 0).await;
            // Each opening goes on after what the one before gave out.
            let expected = (round * 20 + event, BEGIN + i64::try_from(round).expect("small"));
            assert_eq!((sequence.get(), commit_time.unix_nanos()), expected);
        }
        engine.settle().await.expect("flushed");
        check_search(&engine, table, &all(&engine, table).await).await;
    }
}
