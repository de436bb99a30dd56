//! The store's own work, end to end: memory that moves to segments on a full disk, many files that become one, a disk
//! that fails a read, damage in what is to be compacted. Readers get all that there is, or are told why not.

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use annals_embedded::EmbeddedEngine;
use annals_engine::{AppendError, Engine, ReadError};
use annals_model::Shard;
use annals_testkit::calls;
use annals_testkit::disk::{Failure, Fault, MemoryDisk, Operation};
use annals_testkit::generator::{Generator, Shape};
use annals_testkit::oracle::Oracle;
use annals_testkit::server::TestServer;
use annals_testkit::subject::Subject;
use annals_testkit::tiny_store::{End, TinyStore, options};
use annals_testkit::trial::{Tracked, definition};
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::v1::ScanRequest;
use tonic::Code;

/// Longer than anything here takes; a test that waits so long hangs.
const PATIENCE: Duration = Duration::from_mins(1);

fn open(disk: &MemoryDisk) -> EmbeddedEngine {
    EmbeddedEngine::open(options(disk)).expect("the store opens")
}

async fn table(engine: &EmbeddedEngine, name: &str) -> Tracked {
    let table = engine.create_table(definition(name, 1), Vec::new()).await.expect("a new table");
    Tracked { oracle: Oracle::new(table.definition.shard_count), table }
}

fn segments(disk: &MemoryDisk) -> Vec<PathBuf> {
    let is_one = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "segment");
    disk.files().into_iter().map(|(path, _)| path).filter(is_one).collect()
}

/// Lets others go on until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it never comes to it: {what}");
        tokio::task::yield_now().await;
    }
}

fn is_pending(future: std::pin::Pin<&mut impl Future>) -> bool {
    matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
}

#[tokio::test]
async fn many_small_files_become_few_and_nothing_is_lost_or_moved() {
    let disk = MemoryDisk::new();
    let engine = open(&disk);
    let mut generator = Generator::new(5, Shape::default());
    let (mut tables, mut most) = (Vec::new(), 0);
    // A table each, so that no two runs can be merged: what makes the files fewer is that they are joined.
    for nth in 0..70 {
        let mut tracked = table(&engine, &format!("t{nth}")).await;
        tracked.append(&engine, &generator.events(3)).await.expect("an append");
        engine.settle().await.expect("memory is flushed");
        tables.push(tracked);
        most = most.max(segments(&disk).len());
    }
    assert!(most >= 63, "{most} files at most");
    assert!(segments(&disk).len() < 20, "{} files are left", segments(&disk).len());
    for tracked in &tables {
        tracked.check(&engine).await;
    }
    engine.close().expect("closed");
    let engine = open(&disk);
    for tracked in &tables {
        tracked.check(&engine).await;
    }
}

#[tokio::test]
async fn memory_that_cannot_be_flushed_for_want_of_space_is_served_and_flushed_once_there_is_some() {
    let disk = MemoryDisk::new();
    let engine = open(&disk);
    let mut tracked = table(&engine, "full").await;
    let mut generator = Generator::new(6, Shape::default());
    tracked.append(&engine, &generator.events(20)).await.expect("an append");
    disk.set_capacity(Some(disk.used()));
    let made = disk.calls().of(Operation::Create);
    let mut settled = pin!(engine.settle());
    assert!(is_pending(settled.as_mut()), "there is something to flush");
    until("a try to write a segment", || disk.calls().of(Operation::Create) > made + 1).await;
    tracked.check(&engine).await;
    let refused = loop {
        match tracked.append(&engine, &generator.events(20)).await {
            Ok(_) => {}
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, AppendError::DiskFull(_)), "{refused}");
    tracked.check(&engine).await;
    assert!(is_pending(settled.as_mut()) && segments(&disk).is_empty(), "nothing was flushed");
    disk.set_capacity(None);
    settled.await.expect("memory is flushed");
    assert!(!segments(&disk).is_empty(), "it lies in a segment");
    tracked.append(&engine, &generator.events(20)).await.expect("appends go on without a restart");
    tracked.check(&engine).await;
    engine.close().expect("closed");
    tracked.check(&open(&disk)).await;
}

/// A tiny store that is served over gRPC.
struct Served(TinyStore);

impl Subject for Served {
    type Engine = EmbeddedEngine;

    async fn open(&self) -> Arc<EmbeddedEngine> {
        Arc::new(open(&self.0.disk))
    }

    async fn close(&self, engine: Arc<EmbeddedEngine>) {
        engine.close().expect("closed");
    }

    async fn settle(&self, engine: &EmbeddedEngine) {
        engine.settle().await.expect("settled");
    }
}

#[tokio::test]
async fn a_read_that_the_disk_fails_says_so_and_the_next_one_is_as_good_as_ever() {
    let store = TinyStore::new(2, End::Closed).await;
    let (disk, tracked) = (store.disk.clone(), store.tracked.clone());
    let server = TestServer::start(Served(store)).await;
    let engine = server.engine();
    // Every read that a scan of a store makes fails once, in both ways.
    let read_fault = |nth, failure| Some(Fault::Nth { operation: Operation::Read, nth, failure });
    let mut failed = 0;
    for failure in [Failure::Io, Failure::Short] {
        disk.set_fault(read_fault(0, failure));
        let shard = Shard::ZERO;
        match engine.read_arrivals(tracked.read_shard(shard)).await {
            Err(ReadError::Io(text)) => {
                assert!(text.contains("segments/") && text.contains("this call was to fail"), "{text}");
                failed += 1;
            }
            // What the first read left in memory needs the disk no more.
            Ok(page) => assert!(!page.events.is_empty()),
            Err(other) => panic!("{other}"),
        }
        disk.set_fault(None);
    }
    assert!(failed > 0, "a run is read from the disk");
    disk.set_fault(read_fault(0, Failure::Io));
    let mut events = EventServiceClient::new(calls::connect(&server.uri()).await);
    let scan = ScanRequest { table: tracked.table.definition.name.to_string(), ..ScanRequest::default() };
    let mut pages = events.scan(scan.clone()).await.expect("a scan").into_inner();
    let status = pages.message().await.expect_err("the disk fails the first read");
    assert!(status.code() == Code::Internal && status.message().contains("segments/"), "{status}");
    let mut pages = events.scan(scan).await.expect("a scan").into_inner();
    let mut found = 0;
    while let Some(page) = pages.message().await.expect("the disk is well again") {
        found += page.events.len() as u64;
    }
    assert_eq!(found, tracked.oracle.len());
    tracked.check(&**engine).await;
    server.stop().await;
}

#[tokio::test]
async fn damage_in_what_is_to_be_compacted_holds_up_nothing_else() {
    let disk = MemoryDisk::new();
    let engine = open(&disk);
    let mut generator = Generator::new(7, Shape::default());
    let mut damaged = table(&engine, "damaged").await;
    damaged.append(&engine, &generator.events(3)).await.expect("an append");
    engine.settle().await.expect("flushed");
    let path = segments(&disk).pop().expect("a segment");
    disk.damage(&path, |bytes| bytes[110] ^= 1);
    let mut other = table(&engine, "other").await;
    other.append(&engine, &generator.events(3)).await.expect("an append");
    engine.settle().await.expect("flushed");
    let others = segments(&disk).pop().expect("a segment");
    // Enough runs of the damaged table that they are worth a merge, which only those behind the damaged one can have.
    for _ in 0..10 {
        damaged.append(&engine, &generator.events(3)).await.expect("an append");
        engine.settle().await.expect("the store settles all the same");
    }
    let files = segments(&disk);
    assert!(files.contains(&path) && files.len() <= 5, "all but the damaged run are merged: {files:?}");
    engine.drop_table(other.id()).await.expect("dropped");
    until("the dropped table's file is removed", || !disk.holds(&others)).await;
    let read = engine.read_arrivals(damaged.read_shard(Shard::ZERO)).await.expect_err("its oldest run is damaged");
    assert!(matches!(&read, ReadError::Damaged(text) if text.contains(&*path.to_string_lossy())), "{read}");
}
