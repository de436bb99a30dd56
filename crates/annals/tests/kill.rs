//! Kill -9 of the real binary under load, again and again: no acknowledged event is lost, none is doubled, order is kept.
//!
//! Each cycle starts the server, loads it with appends, a session and scans, follows it with a tail that goes on from
//! its token, and kills it after a number of answers that the seed gives. After each hundred cycles all is compared and
//! a new folder begun, so that a cycle takes as long as the one before. `ANNALS_TEST_CASES=n` sets the number of cycles.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use annals_model::ShardCount;
use annals_testkit::follower::Follower;
use annals_testkit::ledger::{Entry, Ledger};
use annals_testkit::process::{ServerProcess, serve};
use annals_testkit::{calls, seed, session};
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::v1::ScanRequest;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tonic::transport::Channel;

const BINARY: &str = env!("CARGO_BIN_EXE_annals");
const TABLE: &str = "kill.events";
const SHARDS: u32 = 3;
const APPENDERS: u64 = 3;
/// Small files and little memory, so that the kills fall into flushes, compactions and the release of journal files too.
const SMALL: [&str; 6] = [
    "--set",
    "engine.journal_file_bytes=262144",
    "--set",
    "engine.memtable_bytes_max=65536",
    "--set",
    "engine.run_bytes_max=32768",
];
/// Every so many cycles all events are compared, and a start is killed before it is through.
const WHOLE_CHECK_EVERY: u64 = 20;
/// Cycles on one folder.
const CYCLES_A_STORE: u64 = 100;

/// A store that is killed, and what is known of it.
struct Killed {
    _folder: TempDir,
    data: PathBuf,
    ledger: Ledger,
    follower: Follower,
}

impl Killed {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("store");
        let ledger = Ledger::new(ShardCount::new(SHARDS).expect("a count of shards"));
        Self { _folder: folder, data, ledger, follower: Follower::new(TABLE) }
    }

    async fn start(&self) -> (ServerProcess, Channel) {
        let server = ServerProcess::start(Path::new(BINARY), &self.data, &SMALL);
        let channel = calls::connect(&server.uri()).await;
        calls::create_table(&channel, TABLE, SHARDS).await;
        (server, channel)
    }

    async fn cycle(&mut self, cycle: u64) {
        let (server, channel) = self.start().await;
        if cycle.is_multiple_of(WHOLE_CHECK_EVERY) {
            self.ledger.check(&calls::tail_all(&channel, TABLE).await);
        }
        let answers = StdRng::seed_from_u64(cycle).random_range(1..80);
        let scanner = tokio::spawn(scan_until_gone(channel));
        let mut follower = self.follower.clone();
        let readers = calls::connect(&server.uri()).await;
        let following = tokio::spawn(async move {
            let gone = follower.follow(&readers, false).await;
            assert!(gone.is_some(), "a tail does not end by itself");
            follower
        });
        self.load_and_kill(server, cycle, answers).await;
        scanner.await.expect("a scan is refused nothing");
        self.follower = following.await.expect("a tail gets each event once, in order");
        if cycle % WHOLE_CHECK_EVERY == 1 {
            kill_a_start(&self.data);
        }
    }

    /// Loads the server until `answers` requests were answered, kills it, and adds what became of all requests.
    async fn load_and_kill(&mut self, server: ServerProcess, cycle: u64, answers: u64) {
        let (answered, enough) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let mut appenders: JoinSet<Vec<Entry>> = JoinSet::new();
        for appender in 0..=APPENDERS {
            let channel = calls::connect(&server.uri()).await;
            let (answered, enough) = (Arc::clone(&answered), Arc::clone(&enough));
            let count = move || {
                if answered.fetch_add(1, Ordering::SeqCst) + 1 == answers {
                    enough.notify_one();
                }
            };
            let seed = cycle * (APPENDERS + 1) + appender;
            if appender == APPENDERS {
                appenders.spawn(async move { session::append_until_gone(&channel, TABLE, seed, count).await });
            } else {
                appenders
                    .spawn(async move { calls::append_until_gone(&channel, TABLE, seed, usize::MAX, count).await });
            }
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
            self.ledger.extend(appender.expect("an appender is refused nothing"));
        }
    }

    /// Compares everything; gives how many events were acknowledged.
    async fn finish(mut self) -> usize {
        let (_server, channel) = self.start().await;
        let found = calls::tail_all(&channel, TABLE).await;
        self.ledger.check(&found);
        let scanned = calls::scan_all(&channel, TABLE).await;
        assert_eq!(scanned.len(), found.values().map(Vec::len).sum::<usize>(), "both orders hold the same events");
        if let Some(status) = self.follower.follow(&channel, true).await {
            panic!("the tail ends at the head: {status:?}");
        }
        assert_eq!(self.follower.found(), &found, "the tail over all kills got what one tail gets now");
        self.ledger.acknowledged()
    }
}

/// Scans one partition until the server is gone. Events that a scan has shown stay.
async fn scan_until_gone(channel: Channel) {
    let mut client = EventServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    let mut shown = 0;
    loop {
        let keys = vec![annals_testkit::generator::key_of(0).into()];
        let request = ScanRequest { table: TABLE.to_owned(), partition_keys: keys, ..ScanRequest::default() };
        let Ok(stream) = client.scan(request).await else { return };
        let mut stream = stream.into_inner();
        let mut found = 0;
        loop {
            match stream.message().await {
                Ok(Some(response)) => found += response.events.len(),
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(found >= shown, "a scan shows {found} events of a partition that held {shown}");
        shown = found;
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
async fn nothing_acknowledged_is_lost_doubled_or_moved_by_three_hundred_kills() {
    let cycles = seed::seeds(300);
    let (mut first, mut acknowledged) = (cycles.start, 0);
    while first < cycles.end {
        let end = cycles.end.min(first + CYCLES_A_STORE);
        let mut killed = Killed::new();
        for cycle in first..end {
            let _announced = seed::announce(cycle);
            killed.cycle(cycle).await;
        }
        acknowledged += killed.finish().await;
        eprintln!("cycles {} to {end}: {acknowledged} events acknowledged", cycles.start);
        first = end;
    }
}
