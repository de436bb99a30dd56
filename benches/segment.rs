//! Segments: writing a sorted run, scanning a partition of it, and reading it in arrival order.

mod support;

use std::path::Path;
use std::sync::Arc;

use annals_client::Event;
use annals_model::{CommitTime, EventTime, Sequence, Shard, TableId, TimeRange, Token};
use annals_storage::disk::{Disk, RealDisk};
use annals_storage::segment::{Access, CacheLimits};
use annals_storage::segment::{Batch, Direction, Row, RowSpan, Run, RunSpec, SegmentId, SegmentSummary, Segments};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use uuid::Uuid;

const TABLE: TableId = TableId::from_bytes([7; 16]);

/// Nearly as many events as a run takes: 25 MiB.
const EVENTS: u64 = 200_000;

/// So that a partition has 200 events, as in the target for scans.
const PARTITIONS: u64 = EVENTS / 200;

/// An event with what a row says of it.
struct Stored {
    token: Token,
    time: EventTime,
    sequence: Sequence,
    key_length: u16,
    event: Bytes,
}

impl Stored {
    fn row(&self) -> Row<'_> {
        Row {
            token: self.token,
            time: self.time,
            sequence: self.sequence,
            key_offset: 2,
            key_length: self.key_length,
            event: &self.event,
        }
    }
}

/// The run's events in the order in which a run holds them.
fn sorted() -> Vec<Stored> {
    let stored = |(number, event): (usize, Bytes)| {
        let read = Event::from_encoded(event.clone());
        let view = read.view().expect("an event");
        Stored {
            token: Token::of(view.key()),
            time: view.time().expect("a time"),
            sequence: Sequence::new(number as u64 + 1),
            key_length: u16::try_from(view.key().len()).expect("short keys"),
            event,
        }
    };
    let mut all: Vec<Stored> = support::events(EVENTS, PARTITIONS).into_iter().enumerate().map(stored).collect();
    all.sort_by(|one, other| one.row().order().cmp(&other.row().order()));
    all
}

fn open(folder: &Path) -> Arc<Segments> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder));
    disk.create_directory(Path::new("segments")).expect("a directory");
    Segments::new(disk, "segments", Uuid::from_u128(1), CacheLimits::default())
}

fn write(segments: &Arc<Segments>, id: u64, rows: &[Stored]) -> SegmentSummary {
    let batch = |first| Batch { first: Sequence::new(first), commit_time: CommitTime::from_unix_nanos(1) };
    let batches: Vec<Batch> = (1..=EVENTS).step_by(1_000).map(batch).collect();
    let (first, last) = (Sequence::new(1), Sequence::new(EVENTS));
    let spec = RunSpec { table: TABLE, shard: Shard::ZERO, first, last, batches: &batches };
    let mut writer = segments.create(SegmentId::new(id)).expect("a new segment");
    writer.write_run(&spec, rows.iter().map(Stored::row)).expect("a good run");
    writer.finish().expect("sealed")
}

fn segment(criterion: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let segments = open(folder.path());
    let rows = sorted();
    let mut group = criterion.benchmark_group("segment");
    group.sample_size(10);
    group.throughput(Throughput::Elements(EVENTS));
    let mut id = 1;
    group.bench_function("write a run of 200,000 events", |bencher| {
        bencher.iter(|| {
            id += 1;
            write(&segments, id, &rows);
            segments.remove(SegmentId::new(id)).expect("removed");
        });
    });
    let summary = write(&segments, 1, &rows);
    let run = segments.runs(&summary).pop().expect("one run");
    group.bench_function("decode a run for arrival order", |bencher| {
        let read = || run.arrivals(Access::ReadOnce).expect("sound").events_from(Sequence::ZERO).count() as u64;
        bencher.iter(|| assert_eq!(read(), EVENTS));
    });
    group.finish();

    let mut group = criterion.benchmark_group("segment, scan of 200 events");
    group.throughput(Throughput::Elements(1));
    for (name, access) in [("warm", Access::Read), ("decoded anew", Access::ReadOnce)] {
        // A reader of its own, so that what was kept for the other is no help.
        let run = open(folder.path()).runs(&summary).pop().expect("one run");
        let mut partition = 0;
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    partition = (partition + 7) % PARTITIONS;
                    Bytes::from(support::key(partition))
                },
                |key| assert_eq!(scan(&run, key, access), 200),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn scan(run: &Run, key: Bytes, access: Access) -> u64 {
    let span = RowSpan::partition(Token::of(&key), key, TimeRange::ALL);
    let mut cursor = run.cursor(span, Direction::Ascending, access).expect("sound");
    let mut found = 0;
    while cursor.event().is_some() {
        found += 1;
        cursor.advance(access).expect("sound");
    }
    found
}

criterion_group!(benches, segment);
criterion_main!(benches);
