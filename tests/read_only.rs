//! A damaged store that is opened for reading only: it is served as far as it is sound, whoever reads to where that ends
//! is told, and nothing is written. For writing it stays closed, and both ways out are named.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals_embedded::{EmbeddedEngine, OpenError, OpenMode, Options};
use annals_engine::{ArrivalRead, Engine, PartitionRead, ReadError, TrimMode, WatchScope};
use annals_model::{CommitTime, Moment, Retention, Sequence, Shard};
use annals_testkit::calls;
use annals_testkit::disk::MemoryDisk;
use annals_testkit::generator::{Generator, Shape};
use annals_testkit::server::TestServer;
use annals_testkit::subject::Subject;
use annals_testkit::tiny_store::{Answers, End, TinyStore, open_read_only, options};
use annals_testkit::trial::definition;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::tail_response::Body;
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{ScanRequest, StartPosition, TailRequest};
use tonic::Code;

const BLOCK: usize = 4096;

/// Every file with its bytes.
fn contents(disk: &MemoryDisk) -> Vec<(PathBuf, Vec<u8>)> {
    disk.files().into_iter().map(|(path, _)| (path.clone(), disk.bytes(path))).collect()
}

fn files_of(disk: &MemoryDisk, extension: &str) -> Vec<PathBuf> {
    let is_one = |path: &PathBuf| path.extension().is_some_and(|of| of == extension);
    disk.files().into_iter().map(|(path, _)| path).filter(is_one).collect()
}

/// The blocks of a framed file at which its frames begin.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let is_first = |block: &[u8]| block[..4] == *b"AFrm";
    (0..bytes.len() / BLOCK).map(|block| block * BLOCK).filter(|at| is_first(&bytes[*at..])).collect()
}

/// The journal file with the newest frames, and where these begin.
fn newest_frames(disk: &MemoryDisk) -> (PathBuf, Vec<usize>) {
    let files = files_of(disk, "journal").into_iter().rev();
    let with_frames = files.map(|path| (path.clone(), frames(&disk.bytes(path))));
    with_frames.into_iter().find(|(_, frames)| !frames.is_empty()).expect("a file with frames")
}

/// Opens for reading only, and checks what is answered and that nothing was written.
async fn answers(store: &TinyStore) -> (EmbeddedEngine, Answers) {
    let before = contents(&store.disk);
    let engine = open_read_only(&store.disk).expect("opened for reading only");
    let answers = Answers::of(&engine, &store.tracked).await;
    answers.check(&store.tracked).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(contents(&store.disk) == before, "reading only wrote to the store");
    (engine, answers)
}

/// Checks that the store is refused for writing, that the message names the file, and whether it offers to read only.
fn assert_refused(disk: &MemoryDisk, path: &Path, offers_reading: bool) {
    let before = contents(disk);
    let error = EmbeddedEngine::open(options(disk)).expect_err("a damaged store is not opened for writing");
    assert!(matches!(&error, OpenError::Damaged(damage) if damage.path == path), "{error}");
    let text = error.to_string();
    assert!(text.contains("`annals verify"), "{text}");
    assert_eq!(text.contains("`annals serve --read-only"), offers_reading, "{text}");
    assert!(contents(disk) == before, "a refused opening wrote to the store");
}

fn assert_names(error: Option<&ReadError>, path: &Path) {
    let Some(ReadError::Damaged(text)) = error else { panic!("damage was to be told: {error:?}") };
    assert!(text.contains(&*path.to_string_lossy()) && text.contains("at byte "), "{text}");
}

#[tokio::test]
async fn a_damaged_journal_is_served_up_to_the_damage_and_every_reader_who_comes_there_is_told() {
    for end in [End::Closed, End::Killed] {
        let store = TinyStore::new(4, end).await;
        let (path, frames) = newest_frames(&store.disk);
        let whole = store.tracked.oracle.len();
        let mut served_before = 0;
        for (nth, frame) in frames.iter().enumerate() {
            let damaged = store.copy();
            damaged.disk.damage(&path, |bytes| bytes[frame + 700] ^= 1);
            assert_refused(&damaged.disk, &path, true);
            let (engine, answers) = answers(&damaged).await;
            for (_, error) in answers.shards.iter().chain([&answers.scan]) {
                assert_names(error.as_ref(), &path);
            }
            let served = answers.scan.0.len() as u64;
            assert!(nth == 0 || served >= served_before, "more is sound, more is served");
            assert!(served < whole || nth + 1 == frames.len() && end == End::Closed, "{served} of {whole}");
            served_before = served;
            assert_tells_at_heads(&engine, &damaged).await;
        }
    }
}

/// What does not read events tells of the heads as well.
async fn assert_tells_at_heads(engine: &EmbeddedEngine, store: &TinyStore) {
    let table = store.tracked.id();
    let head = engine.head(table).expect("the table is there");
    let read = store.tracked.read_all();
    assert!(matches!(
        engine.count(PartitionRead { moment: head.clone(), ..read.clone() }).await,
        Err(ReadError::Damaged(_))
    ));
    let ahead = Moment::new(head.sequences().iter().map(|of| of.next()).collect::<Vec<_>>());
    let past = engine.read_partitions(PartitionRead { moment: ahead, ..read.clone() }).await;
    assert!(matches!(past, Err(ReadError::Damaged(_))), "{past:?}");
    let time = engine.find_commit_time(table, Shard::ZERO, CommitTime::from_unix_nanos(i64::MAX)).await;
    assert!(matches!(time, Err(ReadError::Damaged(_))), "{time:?}");
    let mut watch = engine.watch(table, WatchScope::Shards(vec![Shard::ZERO])).expect("a watch");
    watch.changed().await.expect_err("nothing more will come");
    // A read that needs nothing of what is lost is as good as ever.
    let before = Moment::new(head.sequences().iter().map(|of| of.previous()).collect::<Vec<_>>());
    let sound = PartitionRead { moment: before, ..read };
    store.tracked.check_scan(engine, sound).await;
    let listed = engine.table_stats(table).await.expect("statistics");
    assert_eq!(listed.event_count, head.sequences().iter().map(|of| of.get()).sum::<u64>());
}

#[tokio::test]
async fn a_missing_journal_file_ends_what_is_served_before_it() {
    let store = TinyStore::new(8, End::Closed).await;
    let files = files_of(&store.disk, "journal");
    assert!(files.len() > 1, "{files:?}");
    for path in &files {
        let damaged = store.copy();
        damaged.disk.lose(path);
        assert_refused(&damaged.disk, path, true);
        let (_, answers) = answers(&damaged).await;
        assert_names(answers.error(), path);
        assert!(!answers.scan.0.is_empty(), "what lies in segments is served");
    }
}

/// A closed store with its newest journal file, which has space behind the last frame. How many frames fit into a file is
/// the journal's to say, so some numbers are tried.
async fn closed_with_space_behind_the_end() -> (TinyStore, PathBuf) {
    for journaled in 1..4 {
        let store = TinyStore::new(journaled, End::Closed).await;
        let path = files_of(&store.disk, "journal").pop().expect("a journal file");
        if store.disk.bytes(&path).ends_with(&[0; BLOCK]) {
            return (store, path);
        }
    }
    panic!("the newest journal file was full each time");
}

#[tokio::test]
async fn damage_behind_the_end_of_a_closed_store_takes_nothing_away() {
    let (store, path) = closed_with_space_behind_the_end().await;
    let damaged = store.copy();
    damaged.disk.damage(&path, |bytes| *bytes.last_mut().expect("a byte") ^= 1);
    assert_refused(&damaged.disk, &path, true);
    let (engine, answers) = answers(&damaged).await;
    assert!(answers.error().is_none(), "{:?}", answers.error());
    store.tracked.check(&engine).await;
}

#[tokio::test]
async fn a_damaged_or_missing_segment_fails_the_reads_that_need_it_and_no_others() {
    let store = TinyStore::new(2, End::Closed).await;
    let files = files_of(&store.disk, "segment");
    assert!(files.len() > 1, "{files:?}");
    for path in &files {
        for is_missing in [true, false] {
            let damaged = store.copy();
            if is_missing {
                damaged.disk.lose(path);
            } else {
                // The header, 64 bytes, is not what a reader needs; the rows come right after it.
                damaged.disk.damage(path, |bytes| bytes[110] ^= 1);
            }
            let (engine, answers) = answers(&damaged).await;
            assert_names(answers.error(), path);
            // The newest segment lies behind the other: what is in the other, and in the journal, is served.
            let shard = Shard::ZERO;
            let head = engine.head(store.tracked.id()).expect("the table is there").of(shard);
            let last = ArrivalRead { from: head, ..store.tracked.read_shard(shard) };
            store.tracked.check_arrivals(&engine, last).await;
        }
    }
}

#[tokio::test]
async fn what_was_made_behind_the_damage_is_not_there_and_what_was_removed_stays_removed() {
    let store = TinyStore::new(0, End::Closed).await;
    // One journal file for all of it, so that none is given up.
    let mut roomy = options(&store.disk);
    (roomy.journal.file_bytes, roomy.journal.short_file_bytes) = (256 * 1024, 256 * 1024);
    let engine = EmbeddedEngine::open(roomy).expect("opened");
    let mut tracked = store.tracked.clone();
    let mut generator = Generator::new(3, Shape::default());
    tracked.append(&engine, &generator.events(2)).await.expect("an append");
    // Behind it: another table with a segment, and the removal of all that lies in the first table's.
    let late = engine.create_table(definition("late", 1), Vec::new()).await.expect("a new table");
    let mut late = annals_testkit::trial::Tracked {
        oracle: annals_testkit::oracle::Oracle::new(late.definition.shard_count),
        table: late,
    };
    late.append(&engine, &generator.events(2)).await.expect("an append");
    engine.settle().await.expect("memory is flushed");
    tracked.append(&engine, &generator.events(2)).await.expect("an append");
    let everything = Retention { age_max: None, bytes_max: Some(1) };
    engine.trim(tracked.id(), everything, TrimMode::Apply).await.expect("trimmed");
    engine.settle().await.expect("the files are removed");
    drop(engine);
    let (path, frames) = newest_frames(&store.disk);
    store.disk.damage(&path, |bytes| bytes[frames[1] + 700] ^= 1);
    assert_refused(&store.disk, &path, true);
    let engine = open_read_only(&store.disk).expect("opened for reading only");
    assert!(engine.table(&late.table.definition.name).is_none(), "its making lies behind the damage");
    let lost = engine.head(late.id());
    assert!(matches!(lost, Err(ReadError::Damaged(_))), "nobody is told that it never was: {lost:?}");
    for shard in tracked.oracle.shards() {
        let read = ArrivalRead { from: Sequence::FIRST, ..tracked.read_shard(shard) };
        let first = engine.read_arrivals(read).await;
        assert!(matches!(first, Err(ReadError::Trimmed { .. } | ReadError::Damaged(_))), "{first:?}");
    }
}

#[tokio::test]
async fn without_manifest_state_or_identity_nothing_says_what_the_store_is() {
    let store = TinyStore::new(2, End::Killed).await;
    for (path, length) in store.disk.files() {
        if !["manifest", "state", "STORE"].iter().any(|of| path.starts_with(of))
            || path.extension().is_some_and(|of| of == "spare")
        {
            continue;
        }
        let damaged = store.copy();
        damaged.disk.damage(&path, |bytes| bytes[length.min(BLOCK + 100) - 50] ^= 1);
        assert_refused(&damaged.disk, &path, false);
        let error = open_read_only(&damaged.disk).expect_err("nothing says what it is");
        assert!(error.to_string().contains("back from a copy"), "{error}");
    }
}

/// A damaged store that is served over gRPC.
struct Damaged(TinyStore);

impl Subject for Damaged {
    type Engine = EmbeddedEngine;

    async fn open(&self) -> Arc<EmbeddedEngine> {
        let options = Options { mode: OpenMode::ReadOnly, ..options(&self.0.disk) };
        Arc::new(EmbeddedEngine::open(options).expect("opened for reading only"))
    }

    async fn close(&self, engine: Arc<EmbeddedEngine>) {
        engine.close().expect("there is nothing to close");
    }

    async fn settle(&self, _: &EmbeddedEngine) {}
}

#[tokio::test]
async fn scans_and_tails_over_grpc_bring_what_is_sound_and_end_in_data_loss() {
    let store = TinyStore::new(4, End::Killed).await;
    let (path, frames) = newest_frames(&store.disk);
    store.disk.damage(&path, |bytes| bytes[frames[frames.len() - 1] + 700] ^= 1);
    let (_, expected) = answers(&store).await;
    let expected = expected.scan.0.len();
    let name = store.tracked.table.definition.name.to_string();
    let server = TestServer::start(Damaged(store)).await;
    let mut events = EventServiceClient::new(calls::connect(&server.uri()).await);

    let scan = ScanRequest { table: name.clone(), ..ScanRequest::default() };
    let mut pages = events.scan(scan).await.expect("a scan").into_inner();
    let mut found = 0;
    let status = loop {
        match pages.message().await {
            Ok(Some(page)) => found += page.events.len(),
            Ok(None) => panic!("a scan left out {found} of {expected} in silence"),
            Err(status) => break status,
        }
    };
    assert_eq!(found, expected);
    assert!(status.code() == Code::DataLoss && status.message().contains(&*path.to_string_lossy()), "{status}");

    for stop_at_head in [true, false] {
        let start = Some(Start::Position(StartPosition::Earliest.into()));
        let tail = TailRequest { table: name.clone(), start, stop_at_head, ..TailRequest::default() };
        let mut responses = events.tail(tail).await.expect("a tail").into_inner();
        let mut found = 0;
        let status = loop {
            match responses.message().await {
                Ok(Some(response)) => {
                    if let Some(Body::Events(page)) = response.body {
                        found += page.events.len();
                    }
                }
                Ok(None) => panic!("a tail ended in silence"),
                Err(status) => break status,
            }
        };
        assert_eq!(found, expected);
        assert!(status.code() == Code::DataLoss && status.message().contains(&*path.to_string_lossy()), "{status}");
    }
    let other = ScanRequest { table: "test.other".to_owned(), ..ScanRequest::default() };
    let status = events.scan(other).await.expect_err("it may have been made behind the damage");
    assert!(status.code() == Code::DataLoss && status.message().contains("tables"), "{status}");
    server.stop().await;
}

#[tokio::test]
async fn a_store_that_is_open_for_writing_is_not_taken_for_a_damaged_one() {
    let store = TinyStore::new(2, End::Closed).await;
    let writer = EmbeddedEngine::open(options(&store.disk)).expect("opened");
    assert!(matches!(open_read_only(&store.disk), Err(OpenError::InUse)), "its files change all the time");
    writer.close().expect("closed");
    let (one, two) = (open_read_only(&store.disk).expect("opened"), open_read_only(&store.disk).expect("opened twice"));
    assert!(matches!(EmbeddedEngine::open(options(&store.disk)), Err(OpenError::InUse)), "readers keep writers out");
    one.close().expect("closed");
    store.tracked.check(&two).await;
    two.close().expect("closed");
    EmbeddedEngine::open(options(&store.disk)).expect("opened for writing once nobody reads");
}
