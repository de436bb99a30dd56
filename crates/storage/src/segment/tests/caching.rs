//! What the caches promise: what several ask for is read once, limits hold, and large runs do not stop arrivals.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use annals_model::{Sequence, TimeRange, Token};
use bytes::Bytes;

use super::support::{TestStore, events, store_id};
use crate::disk::{Disk, File, Lock};
use crate::segment::read::cache::{Access, CacheLimits};
use crate::segment::{DecodedRun, Direction, Run, Segments};

/// A disk that counts reads.
#[derive(Debug)]
struct CountingDisk {
    disk: Arc<dyn Disk>,
    reads: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct CountingFile {
    file: Arc<dyn File>,
    reads: Arc<AtomicUsize>,
}

impl Disk for CountingDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(CountingFile { file: self.disk.open(path)?, reads: Arc::clone(&self.reads) }))
    }

    fn open_writable(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.disk.open_writable(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.disk.create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        self.disk.list(directory)
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        self.disk.create_directory(directory)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.disk.sync_directory(directory)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        self.disk.lock(path)
    }

    fn lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.lock_shared(path)
    }
}

impl File for CountingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

/// Segments over the store's files, with a count of the reads that reach the disk.
fn counted(store: &TestStore, limits: CacheLimits) -> (Arc<Segments>, Arc<AtomicUsize>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let disk = CountingDisk { disk: Arc::clone(&store.disk), reads: Arc::clone(&reads) };
    (Segments::new(Arc::new(disk), "segments", store_id(), limits), reads)
}

fn scan(run: &Run, key: &str) -> usize {
    let key = Bytes::copy_from_slice(key.as_bytes());
    let cursor = run.partition(Token::of(&key), &key, TimeRange::ALL, Direction::Ascending, Access::Read);
    let Some(mut cursor) = cursor.expect("reads") else { return 0 };
    let mut rows = 0;
    while cursor.row().is_some() {
        rows += 1;
        cursor.advance(Access::Read).expect("reads on");
    }
    rows
}

#[test]
fn a_cold_lookup_reads_the_tail_and_the_block_and_an_absent_key_the_tail_alone() {
    let store = TestStore::new();
    let summary = store.write(1, &[events(1..=3_000, 500, 90)]);
    let (segments, reads) = counted(&store, CacheLimits::default());
    let run = &segments.runs(&summary)[0];
    assert_eq!((scan(run, "absent"), reads.load(Ordering::Relaxed)), (0, 1));
    assert!(scan(run, "key-7") > 0);
    assert_eq!(reads.load(Ordering::Relaxed), 2);
    assert!(scan(run, "key-7") > 0);
    assert_eq!(reads.load(Ordering::Relaxed), 2, "the second time from memory");
}

#[test]
fn what_many_ask_for_at_once_is_read_once() {
    let store = TestStore::new();
    let summary = store.write(1, &[events(1..=3_000, 500, 90)]);
    let (segments, reads) = counted(&store, CacheLimits::default());
    let run = &segments.runs(&summary)[0];
    run.arrivals(Access::Read).expect("decodes");
    let reads_of_one = reads.swap(0, Ordering::Relaxed);
    let (segments, reads) = counted(&store, CacheLimits::default());
    let run = &segments.runs(&summary)[0];
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                let arrivals = run.arrivals(Access::Read).expect("decodes");
                assert_eq!(arrivals.events_from(Sequence::ZERO).count(), 3_000);
            });
        }
    });
    assert_eq!(reads.load(Ordering::Relaxed), reads_of_one);
}

#[test]
fn a_run_that_is_being_decoded_is_waited_for() {
    let store = TestStore::new();
    let summary = store.write(1, &[events(1..=500, 5, 40)]);
    let segments = store.cold();
    let run = &segments.runs(&summary)[0];
    let get = |decode: &mut dyn FnMut()| {
        segments.decoded_runs.get((summary.id, 0), Access::Read, 1, || {
            decode();
            DecodedRun::decode(run)
        })
    };
    let (began, second_decoding) = mpsc::channel();
    std::thread::scope(|scope| {
        let first = get(&mut || {
            let began = began.clone();
            scope.spawn(move || get(&mut || began.send(()).expect("the test waits")).expect("decodes"));
            // If the second were let, it would begin well within this time.
            assert!(second_decoding.recv_timeout(Duration::from_millis(300)).is_err(), "decoded twice at once");
        });
        first.expect("decodes");
    });
    assert!(second_decoding.try_recv().is_err(), "the second found what the first had decoded");
}

#[test]
fn a_run_counts_while_it_is_decoded_as_it_does_then() {
    let store = TestStore::new();
    let summary = store.write(1, &[events(1..=500, 5, 40)]);
    let segments = store.cold();
    let run = &segments.runs(&summary)[0];
    let estimate = DecodedRun::estimate_bytes(run.summary());
    let decode = || {
        assert_eq!(segments.decoded_runs.bytes(), estimate);
        DecodedRun::decode(run)
    };
    segments.decoded_runs.get((summary.id, 0), Access::Read, estimate, decode).expect("decodes");
    let kept = segments.decoded_runs.bytes();
    assert!(estimate <= kept && kept < estimate + estimate / 4, "with its batches from then on: {kept} bytes");
}

#[test]
fn caches_stay_within_their_limits() {
    let store = TestStore::new();
    let lists: Vec<_> = (0..6).map(|n| events(n * 2_000 + 1..=n * 2_000 + 2_000, 50, 400)).collect();
    let summary = store.write(1, &lists);
    let limits = CacheLimits { parts_bytes: 600_000, decoded_runs_bytes: 2_800_000 };
    let (segments, reads) = counted(&store, limits);
    let runs = segments.runs(&summary);
    for run in &runs {
        (0..50).for_each(|key| assert!(scan(run, &format!("key-{key}")) > 0));
        run.arrivals(Access::Read).expect("decodes");
        let (parts, decoded) = segments.memory_bytes();
        assert!(parts <= 600_000 && decoded <= 2_800_000, "{parts} and {decoded} bytes");
    }
    // Beside one that is decoded another fits: the one before the last is still there, the first is not.
    reads.store(0, Ordering::Relaxed);
    runs[4].arrivals(Access::CacheOnly).expect("is kept");
    assert!(runs[0].arrivals(Access::CacheOnly).is_err());
    assert_eq!(reads.load(Ordering::Relaxed), 0);
}

#[test]
fn a_run_larger_than_the_budget_is_read_all_the_same() {
    let store = TestStore::new();
    let summary = store.write(1, &[events(1..=500, 5, 400), events(501..=1_000, 5, 400)]);
    let (segments, _) = counted(&store, CacheLimits { parts_bytes: 0, decoded_runs_bytes: 0 });
    let runs = segments.runs(&summary);
    std::thread::scope(|scope| {
        for run in runs.iter().cycle().take(6) {
            scope.spawn(|| {
                let arrivals = run.arrivals(Access::Read).expect("decodes");
                assert_eq!(arrivals.events_from(Sequence::ZERO).count(), 500);
            });
        }
    });
}

#[test]
fn a_run_that_cannot_be_decoded_gives_its_room_back() {
    let store = TestStore::new();
    let summary = store.write(1, &[events(1..=500, 5, 400)]);
    let mut bytes = store.file(1);
    bytes[200] ^= 1;
    store.replace_file(1, &bytes);
    let segments = store.cold();
    let run = &segments.runs(&summary)[0];
    for _ in 0..3 {
        assert!(run.arrivals(Access::Read).is_err());
        assert_eq!(segments.memory_bytes().1, 0);
    }
}

#[test]
fn a_run_is_decoded_ahead_of_its_reader_once_and_only_into_a_share_of_the_budget() {
    let store = TestStore::new();
    let lists: Vec<_> = (0..3).map(|n| events(n * 2_000 + 1..=n * 2_000 + 2_000, 50, 400)).collect();
    let summary = store.write(1, &lists);
    let (segments, reads) = counted(&store, CacheLimits { parts_bytes: 0, decoded_runs_bytes: 5_000_000 });
    let runs = segments.runs(&summary);
    assert!(runs[1].has_room_ahead());
    runs[1].decode_ahead().expect("decodes");
    let reads_of_one = reads.swap(0, Ordering::Relaxed);
    assert!(reads_of_one > 0 && !runs[1].has_room_ahead(), "it is there");
    // A second would pass a quarter of the budget.
    assert!(!runs[2].has_room_ahead());
    runs[2].decode_ahead().expect("does nothing");
    assert!(runs[2].arrivals(Access::CacheOnly).is_err());
    let arrivals = runs[1].arrivals(Access::CacheOnly).expect("its reader finds it");
    assert_eq!((arrivals.events_from(Sequence::ZERO).count(), reads.load(Ordering::Relaxed)), (2_000, 0));
    assert!(runs[2].has_room_ahead(), "what a reader has come to is no longer ahead");
}

/// The runs of which the decoded form is kept.
fn kept(runs: &[Run]) -> Vec<usize> {
    (0..runs.len()).filter(|&at| runs[at].arrivals(Access::CacheOnly).is_ok()).collect()
}

#[test]
fn runs_that_their_only_reader_has_passed_are_let_go_though_there_is_room_and_shared_ones_stay() {
    let store = TestStore::new();
    let lists: Vec<_> = (0..8).map(|n| events(n * 2_000 + 1..=n * 2_000 + 2_000, 50, 400)).collect();
    let summary = store.write(1, &lists);
    // Room for all eight; a quarter has room for two that were passed.
    let (segments, _) = counted(&store, CacheLimits { parts_bytes: 0, decoded_runs_bytes: 9_000_000 });
    let runs = segments.runs(&summary);
    let read = |at: usize| drop(runs[at].arrivals(Access::Read).expect("decodes"));
    for (at, run) in runs.iter().enumerate().take(4) {
        read(at);
        run.pass();
    }
    assert_eq!(kept(&runs), [1, 2, 3], "the oldest makes way for the one that is decoded next");
    // All three have been found by another reader now, so they stay, and so does what was asked for again.
    read(0);
    runs[0].pass();
    for (at, run) in runs.iter().enumerate().skip(4) {
        read(at);
        run.pass();
    }
    assert_eq!(kept(&runs), [0, 1, 2, 3, 5, 6, 7]);
    // Where the budget has no room for them, what was not used for longest goes, whoever has read it.
    let (segments, _) = counted(&store, CacheLimits { parts_bytes: 0, decoded_runs_bytes: 2_800_000 });
    let runs = segments.runs(&summary);
    for at in [0, 0, 1, 1, 2, 2, 3] {
        runs[at].arrivals(Access::Read).expect("decodes");
        runs[at].pass();
    }
    assert!(segments.memory_bytes().1 <= 2_800_000);
    assert!(runs[0].arrivals(Access::CacheOnly).is_err(), "shared, and used longest ago");
}
