//! Faults from outside, upon the real binary: it is stopped and goes on, its writes and syncs fail, its disk is full.
//!
//! What needs a privilege or a tool is skipped where it is missing, and says so.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use annals_model::ShardCount;
use annals_testkit::follower::Follower;
use annals_testkit::generator::{Generator, Shape};
use annals_testkit::ledger::{Entry, Ledger};
use annals_testkit::process::ServerProcess;
use annals_testkit::{calls, session};
use annals_wire::opaque::event_service_client::EventServiceClient;
use tempfile::TempDir;
use tokio::sync::{Notify, RwLock};
use tonic::transport::Channel;
use tonic::{Code, Status};

const BINARY: &str = env!("CARGO_BIN_EXE_annals");
const TABLE: &str = "faults.events";
const SHARDS: u32 = 2;
const SMALL: [&str; 6] = [
    "--set",
    "engine.journal_file_bytes=1048576",
    "--set",
    "engine.memtable_bytes_max=1048576",
    "--set",
    "engine.run_bytes_max=262144",
];
/// What a refusal may take on a full disk, and appends to go on once there is space. What it took is printed.
const DISK_PATIENCE: Duration = Duration::from_secs(1);
/// Held alone by tests with `DISK_PATIENCE`, and together by all others, whose load would be in what they measure.
static MACHINE: RwLock<()> = RwLock::const_new(());
/// What all disks of these tests hold, and what is put on them to be taken away.
const DISK_BYTES: u64 = 24 * 1024 * 1024;
const BALLAST_BYTES: usize = 4 * 1024 * 1024;

/// A server with one client, and what became of its appends.
struct Bench {
    server: ServerProcess,
    data: PathBuf,
    channel: Channel,
    ledger: Ledger,
    generator: Generator,
}

impl Bench {
    async fn start(data: &Path) -> Self {
        let server = ServerProcess::start(Path::new(BINARY), data, &SMALL);
        let channel = calls::connect(&server.uri()).await;
        calls::create_table(&channel, TABLE, SHARDS).await;
        let ledger = Ledger::new(ShardCount::new(SHARDS).expect("a count of shards"));
        let shape = Shape { payload_bytes_max: 2_000, ..Shape::default() };
        Self { server, data: data.to_owned(), channel, ledger, generator: Generator::new(3, shape) }
    }

    /// Appends once. What was refused is not in the ledger, so that the check finds it if it is stored.
    async fn append(&mut self, events: usize) -> Result<(), Status> {
        let events = self.generator.events(events);
        let request = calls::append_request(TABLE, &events);
        match EventServiceClient::new(self.channel.clone()).append(request).await {
            Ok(answer) => {
                self.ledger.extend([Entry { events, answer: Some(answer.into_inner()) }]);
                Ok(())
            }
            Err(status) => {
                if status.code() == Code::Unknown {
                    self.ledger.extend([Entry { events, answer: None }]);
                }
                Err(status)
            }
        }
    }

    /// Checks the events that tails and scans show.
    async fn check_reads(&self) {
        let found = calls::tail_all(&self.channel, TABLE).await;
        self.ledger.check(&found);
        let scanned = calls::scan_all(&self.channel, TABLE).await;
        assert_eq!(scanned.len(), found.values().map(Vec::len).sum::<usize>(), "both orders hold the same events");
    }

    /// Kills the server, starts it again, and checks all that it holds.
    async fn check_after_a_kill(self) -> ServerProcess {
        let Self { server, data, ledger, .. } = self;
        server.kill().expect("the server is killed");
        let server = ServerProcess::start(Path::new(BINARY), &data, &SMALL);
        let channel = calls::connect(&server.uri()).await;
        ledger.check(&calls::tail_all(&channel, TABLE).await);
        server
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_and_goes_on_loses_and_moves_nothing() {
    let _shared = MACHINE.read().await;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("store");
    let mut bench = Bench::start(&data).await;
    let (answered, progress) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let mut appenders = Vec::new();
    for seed in 0..3 {
        let channel = calls::connect(&bench.server.uri()).await;
        let (answered, progress) = (Arc::clone(&answered), Arc::clone(&progress));
        appenders.push(tokio::spawn(async move {
            let count = || {
                answered.fetch_add(1, Ordering::SeqCst);
                progress.notify_one();
            };
            session::append_until_gone(&channel, TABLE, seed, count).await
        }));
    }
    let readers = calls::connect(&bench.server.uri()).await;
    let following = tokio::spawn(async move {
        let mut follower = Follower::new(TABLE);
        drop(follower.follow(&readers, false).await);
        follower
    });
    for pause in 1..=10 {
        while answered.load(Ordering::SeqCst) < pause * 30 {
            progress.notified().await;
        }
        bench.server.signal("STOP");
        let before = settled(&answered).await;
        bench.server.signal("CONT");
        while answered.load(Ordering::SeqCst) == before {
            progress.notified().await;
        }
    }
    bench.server.signal("KILL");
    for appender in appenders {
        bench.ledger.extend(appender.await.expect("a session is refused nothing"));
    }
    let mut follower = following.await.expect("a tail gets each event once, in order");
    let ledger = std::mem::replace(&mut bench.ledger, Ledger::new(ShardCount::ONE));
    let server = ServerProcess::start(Path::new(BINARY), &data, &SMALL);
    let channel = calls::connect(&server.uri()).await;
    let found = calls::tail_all(&channel, TABLE).await;
    ledger.check(&found);
    assert!(follower.follow(&channel, true).await.is_none(), "the tail ends at the head");
    assert_eq!(follower.found(), &found, "the tail got all, in order");
}

/// The count of answers once no more come: all that were on their way have arrived.
async fn settled(answered: &AtomicU64) -> u64 {
    let mut interval = tokio::time::interval(Duration::from_millis(20));
    let mut last = answered.load(Ordering::SeqCst);
    let mut unchanged = 0;
    while unchanged < 5 {
        interval.tick().await;
        let now = answered.load(Ordering::SeqCst);
        unchanged = if now == last { unchanged + 1 } else { 0 };
        last = now;
    }
    last
}

/// Has system calls of a process fail, until it is dropped.
struct Injection(Child);

impl Injection {
    /// Attaches to a process; none where that is not possible here.
    fn new(process: u32, inject: &str) -> Option<Self> {
        let tracing = Command::new("strace")
            .args(["-f", "-p", &process.to_string(), "-e", &format!("inject={inject}")])
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match tracing {
            Ok(child) => child,
            Err(error) => {
                eprintln!("skipped: strace can't be started ({error})");
                return None;
            }
        };
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped"));
        lines.read_line(&mut said).expect("strace says something");
        if !said.contains("attached") {
            eprintln!("skipped: strace can't attach ({})", said.trim());
            child.wait().expect("strace has ended");
            return None;
        }
        // What it says must be read, or it waits.
        std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(drop));
        Some(Self(child))
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        // SIGKILL would leave what it traces stopped; after SIGTERM it detaches.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_or_write_ends_appends_and_leaves_reads_and_all_that_was_acknowledged() {
    let _shared = MACHINE.read().await;
    for inject in ["fdatasync:error=EIO:when=1", "fdatasync:error=EIO:when=3", "pwrite64:error=EIO:when=1"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut bench = Bench::start(&folder.path().join("store")).await;
        for _ in 0..20 {
            bench.append(5).await.expect("nothing fails yet");
        }
        let Some(injection) = Injection::new(bench.server.id(), inject) else { return };
        let mut refused = Vec::new();
        for _ in 0..1_000 {
            if let Err(status) = bench.append(5).await {
                refused.push(status.code());
                if refused.len() == 3 {
                    break;
                }
            }
        }
        drop(injection);
        if inject.starts_with("fdatasync") {
            assert_eq!(refused[1..], [Code::FailedPrecondition; 2], "{inject}: a failed sync is final: {refused:?}");
            let late = bench.append(1).await.expect_err("also once syncs would succeed");
            assert_eq!(late.code(), Code::FailedPrecondition, "{inject}: {late:?}");
        }
        bench.check_reads().await;
        let server = bench.check_after_a_kill().await;
        let channel = calls::connect(&server.uri()).await;
        let request = calls::append_request(TABLE, &Generator::new(9, Shape::default()).events(3));
        EventServiceClient::new(channel).append(request).await.expect("after a restart appends go on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_find_no_space_are_refused_and_appends_go_on_by_themselves() {
    let _shared = MACHINE.read().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::start(&folder.path().join("store")).await;
    bench.append(5).await.expect("nothing fails yet");
    let Some(injection) = Injection::new(bench.server.id(), "pwrite64:error=ENOSPC:when=1+") else { return };
    for _ in 0..3 {
        let refused = bench.append(5).await.expect_err("nothing can be written");
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
    }
    bench.check_reads().await;
    drop(injection);
    bench.append(5).await.expect("appends go on without a restart");
    bench.check_reads().await;
    drop(bench.check_after_a_kill().await);
}

/// A small file system of its own, which goes with this.
struct Mount {
    folder: TempDir,
}

impl Mount {
    /// Mounts one; none where that is not possible here.
    fn new(arguments: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().to_str().expect("a path of text");
        match Command::new("mount").args(arguments).arg(target).output() {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                eprintln!("skipped: {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                eprintln!("skipped: mount can't be started ({error})");
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

/// Fills the disk until appends are refused, makes space, and has them go on.
async fn fill_and_make_space(mount: &Mount) {
    let _alone = MACHINE.write().await;
    let ballast = mount.folder.path().join("ballast");
    fs::write(&ballast, vec![1; BALLAST_BYTES]).expect("the ballast fits");
    let mut bench = Bench::start(&mount.folder.path().join("store")).await;
    let refused = loop {
        let asked = Instant::now();
        if let Err(status) = bench.append(100).await {
            assert!(asked.elapsed() <= DISK_PATIENCE, "refused after {:?}", asked.elapsed());
            eprintln!("refused after {:?}", asked.elapsed());
            break status;
        }
    };
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
    bench.check_reads().await;
    let mut follower = Follower::new(TABLE);
    assert!(follower.follow(&bench.channel, true).await.is_none(), "tails go on");
    fs::remove_file(&ballast).expect("the ballast is there");
    let freed = Instant::now();
    while let Err(status) = bench.append(1).await {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert!(freed.elapsed() <= DISK_PATIENCE, "no append for {:?} after there was space", freed.elapsed());
        tokio::task::yield_now().await;
    }
    eprintln!("appends went on {:?} after there was space", freed.elapsed());
    bench.check_reads().await;
    assert!(follower.follow(&bench.channel, true).await.is_none(), "the tail goes on from its token");
    drop(bench.check_after_a_kill().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_tmpfs_refuses_appends_at_once_and_takes_them_again_once_there_is_space() {
    if let Some(mount) = Mount::new(&["-t", "tmpfs", "-o", &format!("size={DISK_BYTES}"), "none"]) {
        fill_and_make_space(&mount).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_file_system_on_a_loop_device_refuses_appends_and_takes_them_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let image = folder.path().join("image");
    fs::File::create(&image).and_then(|file| file.set_len(DISK_BYTES)).expect("an image");
    match Command::new("mkfs.ext4").arg("-q").arg(&image).output() {
        Ok(made) if made.status.success() => {}
        other => return eprintln!("skipped: no ext4 can be made: {other:?}"),
    }
    if let Some(mount) = Mount::new(&["-o", "loop", image.to_str().expect("a path of text")]) {
        fill_and_make_space(&mount).await;
    }
}
