//! Kill -9 of the real binary under load, again and again: no acknowledged event is lost, none is doubled, order is kept.
//!
//! Each cycle starts the server on the same folder, checks all that is stored, loads it from several connections and
//! kills it after a number of answers that the seed gives. `ANNALS_TEST_CASES=n` sets the number of cycles.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use annals_model::ShardCount;
use annals_testkit::ledger::Ledger;
use annals_testkit::process::{ServerProcess, serve};
use annals_testkit::{calls, seed};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::Notify;
use tokio::task::JoinSet;

const BINARY: &str = env!("CARGO_BIN_EXE_annals");
const TABLE: &str = "kill.events";
const SHARDS: u32 = 3;
const APPENDERS: u64 = 4;
/// Small files and little memory, so that the kills fall into flushes, compactions and the release of journal files too.
const SMALL: [&str; 6] = [
    "--set",
    "engine.journal_file_bytes=262144",
    "--set",
    "engine.memtable_bytes_max=65536",
    "--set",
    "engine.run_bytes_max=32768",
];
/// Every so many cycles all events are checked, and a start is killed before it is through.
const WHOLE_CHECK_EVERY: u64 = 10;

/// Loads the server until `answers` requests were answered, kills it, and adds what became of all requests.
async fn load_and_kill(server: ServerProcess, ledger: &mut Ledger, cycle: u64, answers: u64) {
    let (answered, enough) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let mut appenders = JoinSet::new();
    for appender in 0..APPENDERS {
        let channel = calls::connect(&server.uri()).await;
        let (answered, enough) = (Arc::clone(&answered), Arc::clone(&enough));
        let count = move || {
            if answered.fetch_add(1, Ordering::SeqCst) + 1 == answers {
                enough.notify_one();
            }
        };
        let seed = cycle * APPENDERS + appender;
        appenders.spawn(async move { calls::append_until_gone(&channel, TABLE, seed, usize::MAX, count).await });
    }
    tokio::select! {
        () = enough.notified() => {}
        // Before the kill none ends but by a panic, which says what was refused.
        Some(ended) = appenders.join_next() => {
            let entries = ended.expect("an appender is refused nothing");
            panic!("a server that nobody killed left an appender after {} requests", entries.len());
        }
    }
    server.kill().expect("the server is killed");
    while let Some(appender) = appenders.join_next().await {
        ledger.extend(appender.expect("an appender is refused nothing"));
    }
}

/// Kills a server that has only just begun to recover.
fn kill_a_start(data: &Path) {
    let mut child = serve(Path::new(BINARY), data, &SMALL)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server is started");
    child.kill().expect("the server is killed");
    child.wait().expect("the server is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_doubled_or_moved_by_a_hundred_kills() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("store");
    let shards = ShardCount::new(SHARDS).expect("a count of shards");
    let mut ledger = Ledger::new(shards);
    let cycles = seed::seeds(100);
    for cycle in cycles.clone() {
        let _announced = seed::announce(cycle);
        let server = ServerProcess::start(Path::new(BINARY), &data, &SMALL);
        let channel = calls::connect(&server.uri()).await;
        calls::create_table(&channel, TABLE, SHARDS).await;
        if cycle % WHOLE_CHECK_EVERY == 0 {
            ledger.check(&calls::tail_all(&channel, TABLE).await);
        }
        let answers = StdRng::seed_from_u64(cycle).random_range(1..120);
        load_and_kill(server, &mut ledger, cycle, answers).await;
        if cycle % WHOLE_CHECK_EVERY == 1 {
            kill_a_start(&data);
        }
    }
    let server = ServerProcess::start(Path::new(BINARY), &data, &SMALL);
    let channel = calls::connect(&server.uri()).await;
    let found = calls::tail_all(&channel, TABLE).await;
    ledger.check(&found);
    let scanned = calls::scan_all(&channel, TABLE).await;
    assert_eq!(scanned.len(), found.values().map(Vec::len).sum::<usize>(), "both orders hold the same events");
    eprintln!("{cycles:?}: {} events acknowledged, {} stored", ledger.acknowledged(), scanned.len());
}
