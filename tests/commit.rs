//! What the embedded engine does when the disk or the clock fails it: nothing acknowledged is lost, nothing refused is
//! there, and the caller is told which.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use annals_embedded::{Clock, EmbeddedEngine, OpenError, OpenMode, Options};
use annals_engine::{
    Append, AppendError, Appended, ArrivalRead, ArrivalScope, CatalogError, CommitTurn, Engine, NewColumn, PageBounds,
    ReadOnlyReason, ShardBatch,
};
use annals_model::{Column, ColumnType, CommitTime, Sequence, Shard, StoredEvent, Table};
use annals_storage::disk::Disk;
use annals_storage::journal::JournalOptions;
use annals_storage::manifest::ManifestOptions;
use annals_testkit::disk::{Failure, Fault, MemoryDisk, Operation};
use annals_testkit::event::{Cell, TestEvent, batch_of};
use annals_testkit::trial::definition;

/// Longer than anything here takes; a test that waits so long hangs.
const PATIENCE: Duration = Duration::from_secs(30);

const BOUNDLESS: PageBounds = PageBounds { events_max: usize::MAX, bytes_max: usize::MAX };

fn options(disk: &MemoryDisk) -> Options {
    let mut options = Options::on_disk(Arc::new(disk.clone()) as Arc<dyn Disk>);
    options.journal = JournalOptions { file_bytes: 256 * 1024, short_file_bytes: 256 * 1024, spare_files_max: 1 };
    options.manifest = ManifestOptions { file_bytes: 64 * 1024 };
    options
}

fn open(disk: &MemoryDisk) -> EmbeddedEngine {
    EmbeddedEngine::open(options(disk)).expect("the store opens")
}

/// Waits until the journal's next file is made ahead: from then on the engine leaves an idle store's disk alone.
async fn until_idle(disk: &MemoryDisk) {
    while !disk
        .files()
        .iter()
        .any(|(path, _)| path.starts_with("journal") && path.extension() == Some("spare".as_ref()))
    {
        tokio::task::yield_now().await;
    }
}

async fn append(engine: &EmbeddedEngine, table: &Table, times: std::ops::Range<i64>) -> Result<Appended, AppendError> {
    let events: Vec<_> = times.map(|time| TestEvent::new("key", time)).collect();
    let shards = vec![ShardBatch { shard: Shard::ZERO, batch: batch_of(&events) }];
    engine.append(Append { table: table.id, shards, new_columns: Vec::new(), place: CommitTurn::default() }).await
}

async fn arrivals(engine: &EmbeddedEngine, table: &Table) -> Vec<StoredEvent> {
    let read = ArrivalRead {
        table: table.id,
        shard: Shard::ZERO,
        from: Sequence::FIRST,
        through: Sequence::MAX,
        scope: ArrivalScope::All,
        bounds: BOUNDLESS,
    };
    engine.read_arrivals(read).await.expect("a page").events
}

async fn times(engine: &EmbeddedEngine, table: &Table) -> Vec<i64> {
    arrivals(engine, table).await.iter().map(|event| event.time.unix_nanos()).collect()
}

/// The future's output, if it is there after one look.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn a_full_disk_refuses_appends_until_there_is_space_and_forgets_what_it_refused() {
    let disk = MemoryDisk::new();
    let engine = open(&disk);
    let table = engine.create_table(definition("full", 1), Vec::new()).await.expect("a table");
    disk.set_capacity(Some(disk.used()));
    let (mut stored, mut refused) = (0, 0);
    while refused < 3 {
        match append(&engine, &table, stored..stored + 500).await {
            Ok(_) => stored += 500,
            Err(AppendError::DiskFull(_)) => refused += 1,
            Err(error) => panic!("neither stored nor refused for want of space: {error}"),
        }
        assert!(stored < 100_000, "the disk is never full");
    }
    assert!(times(&engine, &table).await.into_iter().eq(0..stored), "reads go on");
    assert_eq!(engine.head(table.id).expect("a head").of(Shard::ZERO), Sequence::new(stored.unsigned_abs()));
    disk.set_capacity(None);
    let appended = append(&engine, &table, stored..stored + 1).await.expect("appends go on without a restart");
    assert_eq!(appended.shards[0].first_sequence, Sequence::new(stored.unsigned_abs() + 1), "no sequence was used up");
    drop(engine);
    let engine = open(&disk);
    assert!(times(&engine, &table).await.into_iter().eq(0..=stored));
}

#[tokio::test]
async fn a_refused_change_of_the_catalog_leaves_the_name_free() {
    let disk = MemoryDisk::new();
    let engine = open(&disk);
    let table = engine.create_table(definition("other", 1), Vec::new()).await.expect("a table");
    until_idle(&disk).await;
    disk.set_fault(Some(Fault::Once { call: 0, kind: std::io::ErrorKind::StorageFull }));
    let refused = engine.create_table(definition("name", 1), Vec::new()).await.expect_err("no space");
    assert!(matches!(refused, CatalogError::DiskFull(_)), "{refused}");
    engine.create_table(definition("name", 1), Vec::new()).await.expect("the name is free");
    // A mark or maintenance may take the fault instead of the drop, which then succeeds: another table, another try.
    let mut table = table;
    for attempt in 0.. {
        disk.set_fault(Some(Fault::Once { call: 0, kind: std::io::ErrorKind::StorageFull }));
        match engine.drop_table(table.id).await {
            Err(CatalogError::DiskFull(_)) => break,
            other => assert!(other.is_ok() && attempt < 100, "{other:?}"),
        }
        table = engine.create_table(definition(&format!("other{attempt}"), 1), Vec::new()).await.expect("a table");
    }
    append(&engine, &table, 0..1).await.expect("the table is still there");
}

#[tokio::test]
async fn a_failed_sync_ends_appends_for_good_and_loses_nothing_that_was_acknowledged() {
    for synced_by_the_commit_thread in [false, true] {
        fail_a_sync(if synced_by_the_commit_thread { usize::MAX } else { 0 }).await;
    }
}

async fn fail_a_sync(sync_here_bytes_max: usize) {
    let disk = MemoryDisk::new();
    let engine = EmbeddedEngine::open(Options { sync_here_bytes_max, ..options(&disk) }).expect("the store opens");
    let table = engine.create_table(definition("sync", 1), Vec::new()).await.expect("a table");
    append(&engine, &table, 0..10).await.expect("stored");
    until_idle(&disk).await;
    disk.set_fault(Some(Fault::Nth { operation: Operation::Sync, nth: 0, failure: Failure::Io }));
    let failed = append(&engine, &table, 10..20).await.expect_err("the sync fails");
    assert!(matches!(failed, AppendError::Unknown(_)), "{failed}");
    let failed = append(&engine, &table, 20..30).await.expect_err("later syncs mean nothing");
    assert!(matches!(failed, AppendError::ReadOnly(ReadOnlyReason::SyncFailed(_))), "{failed}");
    assert!(matches!(engine.drop_table(table.id).await, Err(CatalogError::ReadOnly(_))));
    assert!(times(&engine, &table).await.into_iter().eq(0..10), "what is not known to be durable is not shown");
    engine.close().expect("nothing is left to be noted");
    disk.power_cut(|_| false);
    let engine = open(&disk);
    assert!(times(&engine, &table).await.into_iter().eq(0..10));
    append(&engine, &table, 10..20).await.expect("the store was opened again");
}

#[tokio::test]
async fn dropped_without_a_close_the_store_has_all_that_was_acknowledged() {
    let disk = MemoryDisk::new();
    let mut expected = Vec::new();
    let mut table = None;
    for round in 0..4 {
        let engine = open(&disk);
        if table.is_none() {
            table = Some(engine.create_table(definition("crash", 1), Vec::new()).await.expect("a table"));
        }
        let table = table.as_ref().expect("made in the first round");
        append(&engine, table, round * 10..round * 10 + 10).await.expect("stored");
        expected.extend(round * 10..round * 10 + 10);
        assert_eq!(times(&engine, table).await, expected);
        drop(engine);
        disk.power_cut(|_| false);
    }
}

#[tokio::test]
async fn of_two_conflicting_requests_the_first_wins_and_the_second_names_what_set_the_type() {
    let disk = MemoryDisk::new();
    let engine = open(&disk);
    let table = engine.create_table(definition("columns", 1), Vec::new()).await.expect("a table");
    let request = |cell: Cell, column_type| {
        let events = [TestEvent::new("key", 1), TestEvent::new("key", 2).with("speed", cell)];
        Append {
            table: table.id,
            shards: vec![ShardBatch { shard: Shard::ZERO, batch: batch_of(&events) }],
            new_columns: vec![NewColumn {
                column: Column { name: "speed".into(), column_type },
                shard: Shard::ZERO,
                row: 1,
                event_index: 1,
            }],
            place: CommitTurn::default(),
        }
    };
    let (first, second) = tokio::join!(
        engine.append(request(Cell::Double(1.5), ColumnType::Double)),
        engine.append(request(Cell::Int(1), ColumnType::Int64)),
    );
    first.expect("the first sets the type");
    let refused = second.expect_err("the second disagrees");
    assert!(matches!(refused, AppendError::ColumnConflict { event_index: 1, .. }), "{refused}");
    assert!(refused.to_string().contains("set by the event with sequence 2 of shard 0"), "{refused}");
    assert_eq!(arrivals(&engine, &table).await.len(), 2, "nothing of the refused request is stored");
}

#[tokio::test]
async fn a_flooded_table_is_refused_and_told_when_to_try_again() {
    let disk = MemoryDisk::new();
    let mut options = options(&disk);
    (options.admission_table_bytes_max, options.admission_waiting_max) = (1, 0);
    let engine = EmbeddedEngine::open(options).expect("the store opens");
    let table = engine.create_table(definition("flood", 1), Vec::new()).await.expect("a table");
    let other = engine.create_table(definition("calm", 1), Vec::new()).await.expect("a table");
    let held = disk.hold_syncs();
    let mut first = Box::pin(append(&engine, &table, 0..1));
    assert!(poll_once(first.as_mut()).await.is_none(), "the first finds room, and nothing is durable yet");
    let second = append(&engine, &table, 1..2).await;
    assert!(matches!(second, Err(AppendError::Overloaded { .. })), "{second:?}");
    let mut calm = Box::pin(append(&engine, &other, 0..1));
    assert!(poll_once(calm.as_mut()).await.is_none(), "another table has room of its own");
    drop(held);
    first.await.expect("stored");
    calm.await.expect("stored");
}

#[tokio::test]
async fn appends_that_wait_for_room_are_committed_in_the_order_in_which_they_came() {
    let disk = MemoryDisk::new();
    let mut options = options(&disk);
    // Room for two at once.
    (options.admission_table_bytes_max, options.admission_wait_max) = (4 * 1024, Duration::from_hours(1));
    let engine = EmbeddedEngine::open(options).expect("the store opens");
    let table = engine.create_table(definition("order", 1), Vec::new()).await.expect("a table");
    let held = disk.hold_syncs();
    let mut appends: Vec<_> = (0..100).map(|time| Box::pin(append(&engine, &table, time..time + 1))).collect();
    for append in &mut appends {
        assert!(poll_once(append.as_mut()).await.is_none(), "nothing is durable yet");
    }
    drop(held);
    // The last to come are looked at first, and those before them not at all until then.
    for append in appends.iter_mut().rev() {
        tokio::time::timeout(PATIENCE, append).await.expect("it waits for nobody's look").expect("stored");
    }
    assert!(times(&engine, &table).await.into_iter().eq(0..100));
}

#[tokio::test]
async fn an_append_that_is_given_up_while_it_waits_for_room_is_not_stored() {
    let disk = MemoryDisk::new();
    let mut options = options(&disk);
    (options.admission_table_bytes_max, options.admission_wait_max) = (1, Duration::from_hours(1));
    let engine = EmbeddedEngine::open(options).expect("the store opens");
    let table = engine.create_table(definition("given_up", 1), Vec::new()).await.expect("a table");
    let held = disk.hold_syncs();
    let mut appends: Vec<_> = (0..4).map(|time| Box::pin(append(&engine, &table, time..time + 1))).collect();
    for append in &mut appends {
        assert!(poll_once(append.as_mut()).await.is_none(), "nothing is durable yet");
    }
    // The first is let in and is committed all the same; the third still waits.
    drop((appends.remove(2), appends.remove(0)));
    drop(held);
    for append in appends {
        append.await.expect("stored");
    }
    assert_eq!(times(&engine, &table).await, [0, 1, 3]);
}

#[tokio::test]
async fn after_a_close_everything_is_refused_and_closing_again_does_nothing() {
    let disk = MemoryDisk::new();
    let engine = open(&disk);
    let table = engine.create_table(definition("closed", 1), Vec::new()).await.expect("a table");
    engine.close().expect("closes");
    engine.close().expect("is closed");
    assert!(matches!(append(&engine, &table, 0..1).await, Err(AppendError::Closed)));
    assert!(matches!(engine.drop_table(table.id).await, Err(CatalogError::Closed)));
}

#[tokio::test]
async fn a_store_is_taken_once_and_read_without_a_change() {
    let disk = MemoryDisk::new();
    let engine = open(&disk);
    let table = engine.create_table(definition("taken", 1), Vec::new()).await.expect("a table");
    append(&engine, &table, 0..10).await.expect("stored");
    assert!(matches!(EmbeddedEngine::open(options(&disk)), Err(OpenError::InUse)));
    drop(engine);
    let before: Vec<_> = disk.files().into_iter().map(|(path, _)| (disk.bytes(&path), path)).collect();
    let mut read_only = options(&disk);
    read_only.mode = OpenMode::ReadOnly;
    let engine = EmbeddedEngine::open(read_only).expect("the store opens for reading");
    assert!(times(&engine, &table).await.into_iter().eq(0..10));
    let refused = append(&engine, &table, 10..20).await.expect_err("nothing is written");
    assert!(matches!(refused, AppendError::ReadOnly(ReadOnlyReason::OpenedReadOnly)), "{refused}");
    drop(engine);
    let after: Vec<_> = disk.files().into_iter().map(|(path, _)| (disk.bytes(&path), path)).collect();
    assert!(before == after, "reading changed a file");
    let mut missing = options(&MemoryDisk::new());
    missing.mode = OpenMode::ReadOnly;
    assert!(matches!(EmbeddedEngine::open(missing), Err(OpenError::NoStore)));
}

/// Clocks that a test sets.
#[derive(Debug, Default)]
struct SetClock {
    wall: AtomicI64,
    monotonic: AtomicU64,
}

impl Clock for SetClock {
    fn wall_nanos(&self) -> i64 {
        self.wall.load(Ordering::Relaxed)
    }

    fn monotonic_nanos(&self) -> u64 {
        self.monotonic.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn commit_times_never_go_back_also_when_the_wall_clock_does_between_two_openings() {
    let disk = MemoryDisk::new();
    let mut newest = CommitTime::MIN;
    let mut table = None;
    for wall in [1_000_000, 400_000, 900_000, 2_000_000] {
        let clock = Arc::new(SetClock::default());
        clock.wall.store(wall, Ordering::Relaxed);
        let mut options = options(&disk);
        options.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let engine = EmbeddedEngine::open(options).expect("the store opens");
        if table.is_none() {
            table = Some(engine.create_table(definition("clock", 1), Vec::new()).await.expect("a table"));
        }
        let table = table.as_ref().expect("made in the first round");
        for step in [0, 1_000, -500_000, 10_000] {
            clock.wall.fetch_add(step, Ordering::Relaxed);
            clock.monotonic.fetch_add(1_000, Ordering::Relaxed);
            let commit_time = append(&engine, table, 0..1).await.expect("stored").shards[0].commit_time;
            assert!(newest <= commit_time, "{commit_time} after {newest}");
            newest = commit_time;
        }
        let stored: Vec<_> = arrivals(&engine, table).await.iter().map(|event| event.commit_time).collect();
        assert!(stored.is_sorted());
        assert_eq!(stored.last(), Some(&newest));
        engine.close().expect("closes");
    }
    assert!(newest >= CommitTime::from_unix_nanos(2_000_000), "in the end it is the wall clock's again");
}
