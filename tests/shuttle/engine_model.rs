//! The whole engine with all its threads, on a disk in memory: what is answered is there, whoever waits is told, and
//! closing comes to an end, whatever else is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use annals_embedded_on_shuttle::{Clock, EmbeddedEngine, Options};
use annals_engine_on_shuttle::{
    Append, AppendError, ArrivalRead, ArrivalScope, CatalogError, CommitTurn, Engine, HeadWatch, PageBounds, ReadError,
    ShardBatch, WatchScope,
};
use annals_model::{
    BatchBuilder, EventTime, Retention, SchemaMode, Sequence, Shard, ShardCount, Sharding, TableDefinition, TableId,
};
use annals_storage_on_shuttle::journal::JournalOptions;
use annals_storage_on_shuttle::manifest::ManifestOptions;
use annals_testkit_on_shuttle::disk::{Failure, Fault, MemoryDisk, Operation};
use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use crate::model::model;

/// A clock that goes on by a nanosecond whenever it is looked at.
#[derive(Debug, Default)]
struct Counting(AtomicI64);

impl Clock for Counting {
    fn wall_nanos(&self) -> i64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn monotonic_nanos(&self) -> u64 {
        self.wall_nanos().unsigned_abs()
    }
}

/// Opens a store with files of a few blocks.
fn open(disk: &MemoryDisk, adjust: impl Fn(&mut Options)) -> EmbeddedEngine {
    let mut options = Options::on_disk(Arc::new(disk.clone()));
    options.clock = Arc::new(Counting::default());
    options.journal = JournalOptions { file_bytes: 12 * 1024, short_file_bytes: 12 * 1024, spare_files_max: 1 };
    options.manifest = ManifestOptions { file_bytes: 16 * 1024 };
    // The thread that syncs takes part.
    options.sync_here_bytes_max = 0;
    adjust(&mut options);
    EmbeddedEngine::open(options).expect("the store opens")
}

/// An engine with one table of one shard, shared by the threads of a model.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) engine: Arc<EmbeddedEngine>,
    pub(crate) table: TableId,
}

impl Stage {
    pub(crate) fn new(disk: &MemoryDisk, adjust: impl Fn(&mut Options)) -> Self {
        let engine = Arc::new(open(disk, adjust));
        let definition = TableDefinition {
            name: "tests.shuttle".parse().expect("a name"),
            shard_count: ShardCount::ONE,
            sharding: Sharding::Hash,
            schema_mode: SchemaMode::Open,
            retention: Retention::default(),
            deletion_protection: false,
            lateness_max: None,
        };
        let table = block_on(engine.create_table(definition, Vec::new())).expect("a new table").id;
        Self { engine, table }
    }

    /// Appends one event of so many bytes; gives its sequence.
    pub(crate) fn append(&self, bytes: usize) -> Result<u64, AppendError> {
        let mut builder = BatchBuilder::default();
        builder.push(&[b"key", &payload(bytes)], 0..3, EventTime::from_unix_nanos(1));
        let shards = vec![ShardBatch { shard: Shard::ZERO, batch: builder.finish() }];
        let append = Append { table: self.table, shards, new_columns: Vec::new(), place: CommitTurn::default() };
        block_on(self.engine.append(append)).map(|appended| appended.shards[0].first_sequence.get())
    }

    /// Appends so often, or until a refusal, which must be one of those that are `expected`; gives the sequences.
    pub(crate) fn appending(
        &self,
        count: usize,
        bytes: usize,
        expected: fn(&AppendError) -> bool,
    ) -> JoinHandle<Vec<u64>> {
        let stage = self.clone();
        thread::spawn(move || {
            let mut stored = Vec::new();
            for _ in 0..count {
                match stage.append(bytes) {
                    Ok(sequence) => stored.push(sequence),
                    Err(error) if expected(&error) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            stored
        })
    }

    fn settling(&self) -> JoinHandle<()> {
        let engine = Arc::clone(&self.engine);
        thread::spawn(move || match block_on(engine.settle()) {
            Ok(()) | Err(ReadError::Closed) => {}
            Err(error) => panic!("{error}"),
        })
    }

    pub(crate) fn closing(&self) -> JoinHandle<()> {
        let engine = Arc::clone(&self.engine);
        thread::spawn(move || engine.close().expect("closes"))
    }

    pub(crate) fn head(&self) -> u64 {
        self.engine.head(self.table).expect("the table is there").sequences()[0].get()
    }

    /// Follows the table through so many sequences, or until the store closes; gives the last that it saw.
    fn following(&self, through: u64) -> JoinHandle<u64> {
        let stage = self.clone();
        thread::spawn(move || {
            let mut watch = stage.watch();
            let mut seen = 0;
            while seen < through {
                let head = watch.head(Shard::ZERO);
                if head.get() > seen {
                    match stage.read(seen + 1, head) {
                        Ok(sequences) => {
                            assert!(sequences.iter().copied().eq(seen + 1..=seen + sequences.len() as u64));
                            seen += sequences.len() as u64;
                        }
                        Err(ReadError::Closed) => return seen,
                        Err(error) => panic!("{error}"),
                    }
                } else if block_on(watch.changed()).is_err() {
                    return seen;
                }
            }
            seen
        })
    }

    pub(crate) fn watch(&self) -> HeadWatch {
        self.engine.watch(self.table, WatchScope::Shards(vec![Shard::ZERO])).expect("the table is there")
    }

    pub(crate) fn read(&self, from: u64, through: Sequence) -> Result<Vec<u64>, ReadError> {
        let read = ArrivalRead {
            table: self.table,
            shard: Shard::ZERO,
            from: Sequence::new(from),
            through,
            scope: ArrivalScope::All,
            bounds: PageBounds { events_max: 2, bytes_max: usize::MAX },
        };
        let page = block_on(self.engine.read_arrivals(read))?;
        Ok(page.events.iter().map(|event| event.sequence.get()).collect())
    }
}

/// Bytes that hardly compress.
fn payload(bytes: usize) -> Vec<u8> {
    (0_u32..).take(bytes).map(|place| place.wrapping_mul(0x9e37_79b1).to_be_bytes()[0]).collect()
}

pub(crate) fn is_closed(error: &AppendError) -> bool {
    matches!(error, AppendError::Closed)
}

/// Joins threads that append; gives the sequences that they were answered, in order.
pub(crate) fn answered<const COUNT: usize>(appending: [JoinHandle<Vec<u64>>; COUNT]) -> Vec<u64> {
    let mut sequences: Vec<_> = appending.into_iter().flat_map(|thread| thread.join().expect("is told")).collect();
    sequences.sort_unstable();
    sequences
}

/// Opens the store again, and gives the head of its table.
pub(crate) fn head_found_again(disk: &MemoryDisk) -> u64 {
    let engine = open(disk, |_| {});
    let table = engine.tables()[0].id;
    let head = engine.head(table).expect("the table is there").sequences()[0].get();
    engine.close().expect("closes");
    head
}

#[test]
fn what_is_answered_is_there_and_the_end_is_told_to_all_who_append_or_follow() {
    model(4, || {
        let disk = MemoryDisk::new();
        let stage = Stage::new(&disk, |_| {});
        let appending = [2, 2].map(|count| stage.appending(count, 10, is_closed));
        let following = stage.following(u64::MAX);
        let closing = stage.closing();
        let answered = answered(appending);
        let seen = following.join().expect("is told");
        closing.join().expect("comes to its end");
        let head = stage.head();
        assert!(answered.iter().copied().eq(1..=head), "{answered:?} answered, the head is at {head}");
        assert!(seen <= head);
        drop(stage);
        assert_eq!(head_found_again(&disk), head, "what was answered is there");
    });
}

#[test]
fn whoever_follows_hears_of_each_append_while_the_store_stays_open() {
    model(4, || {
        let stage = Stage::new(&MemoryDisk::new(), |_| {});
        let following = [1, 4].map(|through| (through, stage.following(through)));
        let appending = [2, 2].map(|count| stage.appending(count, 10, is_closed));
        for (through, following) in following {
            assert!(following.join().expect("hears of it") >= through);
        }
        assert_eq!(answered(appending), [1, 2, 3, 4]);
        stage.engine.close().expect("closes");
    });
}

#[test]
fn appends_go_on_past_full_memory_and_neither_that_nor_the_end_keeps_anybody_waiting() {
    model(4, || {
        let disk = MemoryDisk::new();
        let stage = Stage::new(&disk, |options| {
            (options.memtable_bytes_max, options.run_bytes_max) = (8 * 1024, 4 * 1024);
        });
        let appending = [3, 3].map(|count| stage.appending(count, 5 * 1024, is_closed));
        let (following, settling) = (stage.following(u64::MAX), stage.settling());
        let closing = thread_rng().gen_bool(0.5).then(|| stage.closing());
        let is_open = closing.is_none();
        let answered = answered(appending);
        settling.join().expect("comes to its end");
        closing.unwrap_or_else(|| stage.closing()).join().expect("comes to its end");
        following.join().expect("is told");
        let head = stage.head();
        assert!(answered.iter().copied().eq(1..=head), "{answered:?} answered, the head is at {head}");
        assert!(!is_open || head == 6, "all were stored");
        drop(stage);
        assert_eq!(head_found_again(&disk), head, "what was answered is there");
    });
}

#[test]
fn a_failed_sync_is_told_to_all_and_nothing_that_was_answered_is_lost() {
    model(4, || {
        let disk = MemoryDisk::new();
        let stage = Stage::new(&disk, |options| {
            (options.memtable_bytes_max, options.run_bytes_max) = (8 * 1024, 4 * 1024);
        });
        let nth = thread_rng().gen_range(0..12);
        disk.set_fault(Some(Fault::Nth { operation: Operation::Sync, nth, failure: Failure::Io }));
        let is_told = |error: &AppendError| {
            matches!(error, AppendError::Unknown(_) | AppendError::ReadOnly(_) | AppendError::Closed)
        };
        let appending = [3, 3].map(|count| stage.appending(count, 5 * 1024, is_told));
        let following = stage.following(u64::MAX);
        let answered = answered(appending);
        // Closing fails where its own sync is the one that does.
        drop(stage.engine.close());
        following.join().expect("is told");
        let head = stage.head();
        assert!(answered.iter().all(|sequence| *sequence <= head), "{answered:?} answered, the head is at {head}");
        drop(stage);
        disk.power_cut(|_| false);
        let found = head_found_again(&disk);
        assert!(found >= head, "the head was at {head} and is at {found}");
    });
}

#[test]
fn a_table_that_is_dropped_while_it_is_written_and_flushed_leaves_nobody_waiting() {
    model(4, || {
        let disk = MemoryDisk::new();
        let stage = Stage::new(&disk, |options| {
            (options.memtable_bytes_max, options.run_bytes_max) = (8 * 1024, 4 * 1024);
        });
        let is_told = |error: &AppendError| matches!(error, AppendError::UnknownTable(_) | AppendError::Closed);
        let appending = stage.appending(3, 5 * 1024, is_told);
        let settling = stage.settling();
        let dropping = thread::spawn({
            let stage = stage.clone();
            move || match block_on(stage.engine.drop_table(stage.table)) {
                Ok(()) | Err(CatalogError::Closed) => {}
                Err(error) => panic!("{error}"),
            }
        });
        let closing = thread_rng().gen_bool(0.5).then(|| stage.closing());
        appending.join().expect("is told");
        dropping.join().expect("is told");
        settling.join().expect("comes to its end");
        closing.unwrap_or_else(|| stage.closing()).join().expect("comes to its end");
    });
}
