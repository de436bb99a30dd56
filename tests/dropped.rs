//! What dropped tables leave behind, over restarts: in the end nothing, and never anything that an opening cannot tell
//! from damage.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_embedded::{EmbeddedEngine, Options};
use annals_engine::{Append, AppendError, Appended, CommitTurn, Engine, ShardBatch};
use annals_model::{Sequence, Shard, Table};
use annals_storage::disk::Disk;
use annals_storage::journal::JournalOptions;
use annals_storage::manifest::ManifestOptions;
use annals_storage::store::open_read_only;
use annals_testkit::disk::{Fault, MemoryDisk};
use annals_testkit::event::{TestEvent, batch_of};
use annals_testkit::seed::{announce, seeds};
use annals_testkit::trial::definition;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn open(disk: &MemoryDisk) -> EmbeddedEngine {
    let mut options = Options::on_disk(Arc::new(disk.clone()) as Arc<dyn Disk>);
    options.journal = JournalOptions { file_bytes: 64 * 1024, short_file_bytes: 64 * 1024, spare_files_max: 1 };
    options.manifest = ManifestOptions { file_bytes: 64 * 1024 };
    (options.memtable_bytes_max, options.run_bytes_max) = (64 * 1024, 16 * 1024);
    EmbeddedEngine::open(options).expect("the store opens")
}

async fn try_append(engine: &EmbeddedEngine, table: &Table, count: i64) -> Result<Appended, AppendError> {
    let events: Vec<_> = (0..count).map(|time| TestEvent::new("key", time)).collect();
    let shards = vec![ShardBatch { shard: Shard::ZERO, batch: batch_of(&events) }];
    engine.append(Append { table: table.id, shards, new_columns: Vec::new(), place: CommitTurn::default() }).await
}

async fn append(engine: &EmbeddedEngine, table: &Table, count: i64) {
    try_append(engine, table, count).await.expect("stored");
}

/// How many dropped tables the state of a closed store remembers.
fn remembered(disk: &MemoryDisk) -> usize {
    open_read_only(disk, &mut ()).expect("a sound store").state.dropped().len()
}

/// Opens and closes the store until it remembers no dropped table; a few times are enough.
async fn assert_all_are_forgotten(disk: &MemoryDisk) {
    for _ in 0..20 {
        if remembered(disk) == 0 {
            return;
        }
        let engine = open(disk);
        engine.settle().await.expect("it settles");
        engine.close().expect("it closes");
    }
    panic!("{} dropped tables are remembered for ever", remembered(disk));
}

#[tokio::test]
async fn a_store_that_runs_on_forgets_the_tables_that_it_dropped() {
    let disk = MemoryDisk::new();
    let engine = open(&disk);
    for number in 0..300 {
        let table = engine.create_table(definition(&format!("t{number}"), 1), Vec::new()).await.expect("a table");
        append(&engine, &table, 20).await;
        engine.drop_table(table.id).await.expect("dropped");
        if number % 100 == 99 {
            engine.settle().await.expect("it settles");
        }
    }
    engine.close().expect("it closes");
    let left = remembered(&disk);
    assert!(left < 200, "{left} of 300 dropped tables are remembered, though the journal was used again many times");
    assert_all_are_forgotten(&disk).await;
}

#[test]
fn a_dropped_table_is_forgotten_after_restarts_and_power_cuts() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    for seed in seeds(20) {
        let _announced = announce(seed);
        runtime.block_on(live_and_drop(seed));
    }
}

async fn live_and_drop(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let disk = MemoryDisk::new();
    let mut tables: BTreeMap<u32, (Table, i64)> = BTreeMap::new();
    let mut made = 0;
    for _ in 0..8 {
        let engine = open(&disk);
        for (table, count) in tables.values() {
            let head = engine.head(table.id).expect("it was not dropped").of(Shard::ZERO);
            assert_eq!(head, Sequence::new(count.unsigned_abs()));
        }
        for _ in 0..rng.random_range(1..30) {
            match rng.random_range(0..10) {
                0..3 => {
                    let name = definition(&format!("t{made}"), 1);
                    tables.insert(made, (engine.create_table(name, Vec::new()).await.expect("a table"), 0));
                    made += 1;
                }
                3..5 => {
                    if let Some((table, _)) = tables.pop_first().map(|(_, present)| present) {
                        engine.drop_table(table.id).await.expect("dropped");
                    }
                }
                5 => engine.settle().await.expect("it settles"),
                _ => {
                    for (table, count) in tables.values_mut() {
                        let more = rng.random_range(1..60);
                        append(&engine, table, more).await;
                        *count += more;
                    }
                }
            }
        }
        if rng.random_bool(0.5) {
            engine.close().expect("it closes");
        } else {
            drop(engine);
            disk.power_cut(|_| false);
        }
    }
    assert_all_are_forgotten(&disk).await;
}

#[test]
fn a_store_opens_whenever_the_power_goes_while_tables_are_dropped_and_forgotten() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let calls = runtime.block_on(drop_many(None));
    for seed in seeds(200) {
        let _announced = announce(seed);
        let call = StdRng::seed_from_u64(seed).random_range(0..calls);
        runtime.block_on(drop_many(Some(call)));
    }
}

/// Drops tables until the power goes at a call to the disk, and opens the store again; tells how many calls there were.
async fn drop_many(power_goes_at: Option<u64>) -> u64 {
    let disk = MemoryDisk::new();
    let engine = open(&disk);
    disk.set_fault(power_goes_at.map(|call| Fault::PowerOff { call }));
    for number in 0..30 {
        let Ok(table) = engine.create_table(definition(&format!("t{number}"), 1), Vec::new()).await else { break };
        if try_append(&engine, &table, 100).await.is_err() || engine.drop_table(table.id).await.is_err() {
            break;
        }
        if number % 5 == 4 && engine.settle().await.is_err() {
            break;
        }
    }
    drop(engine);
    let calls = disk.calls().all();
    disk.power_cut(|_| false);
    drop(open(&disk));
    calls
}
