//! Events, runs and segments for tests.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use annals_model::{CommitTime, EventTime, Sequence, Shard, TableId, Token};
use bytes::Bytes;
use tempfile::TempDir;
use uuid::Uuid;

use crate::disk::{Disk, RealDisk};
use crate::segment::read::cache::CacheLimits;
use crate::segment::{Batch, Row, RowOrder, RunSpec, SegmentId, SegmentSummary, Segments, WriteError};

pub(super) const TABLE: TableId = TableId::from_bytes([0x11; 16]);
pub(super) const SHARD: Shard = Shard::new(2);

/// An event of a test: its bytes begin with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TestEvent {
    pub key: String,
    pub time: i64,
    pub sequence: u64,
    pub bytes: Bytes,
}

impl TestEvent {
    pub(super) fn new(key: &str, time: i64, sequence: u64, filler: usize) -> Self {
        let mut bytes = format!("?{key}={time}#{sequence}:").into_bytes();
        // Differs from event to event, so that a swap of two would show.
        let [low, ..] = sequence.to_le_bytes();
        bytes.extend((0..=u8::MAX).cycle().take(filler).map(|at| at.wrapping_mul(7) ^ low));
        Self { key: key.to_owned(), time, sequence, bytes: bytes.into() }
    }

    pub(super) fn row(&self) -> Row<'_> {
        Row {
            token: self.token(),
            time: EventTime::from_unix_nanos(self.time),
            sequence: Sequence::new(self.sequence),
            key_offset: 1,
            key_length: u16::try_from(self.key.len()).expect("a short key"),
            event: &self.bytes,
        }
    }

    pub(super) fn token(&self) -> Token {
        Token::of(self.key.as_bytes())
    }

    pub(super) fn key_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.key.as_bytes())
    }

    pub(super) fn order(&self) -> RowOrder<'_> {
        self.row().order()
    }
}

/// The events in the order in which runs hold them.
pub(super) fn sorted(events: &[TestEvent]) -> Vec<TestEvent> {
    let mut sorted = events.to_vec();
    sorted.sort_by(|one, other| one.order().cmp(&other.order()));
    sorted
}

/// Events with these sequences, of so many partitions, with times that mostly ascend.
pub(super) fn events(sequences: RangeInclusive<u64>, partitions: u64, filler: usize) -> Vec<TestEvent> {
    sequences
        .map(|sequence| {
            let scattered = sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            let late = if scattered.is_multiple_of(5) { 40 } else { 0 };
            let time = i64::try_from(sequence).expect("small") * 10 - late;
            TestEvent::new(&format!("key-{}", scattered % partitions), time, sequence, filler)
        })
        .collect()
}

/// Batches of `size` events over the sequences of `events`, one nanosecond of commit time apart.
pub(super) fn batches(events: &[TestEvent], size: usize) -> Vec<Batch> {
    let sequences = events.iter().map(|event| event.sequence).step_by(size);
    let commit = |sequence: u64| CommitTime::from_unix_nanos(1_000_000 + sequence.cast_signed());
    sequences.map(|sequence| Batch { first: Sequence::new(sequence), commit_time: commit(sequence) }).collect()
}

/// A directory with the segments of a store.
pub(super) struct TestStore {
    pub directory: TempDir,
    pub disk: Arc<dyn Disk>,
    pub segments: Arc<Segments>,
}

pub(super) fn store_id() -> Uuid {
    Uuid::from_bytes([0x22; 16])
}

impl TestStore {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(directory.path()));
        disk.create_directory(Path::new("segments")).expect("makes a directory");
        let segments = Segments::new(Arc::clone(&disk), "segments", store_id(), CacheLimits::default());
        Self { directory, disk, segments }
    }

    /// The same files, with nothing kept in memory.
    pub(super) fn cold(&self) -> Arc<Segments> {
        Segments::new(Arc::clone(&self.disk), "segments", store_id(), CacheLimits::default())
    }

    /// Writes a segment with one run for each list of events; each list has dense ascending sequences.
    pub(super) fn write(&self, id: u64, runs: &[Vec<TestEvent>]) -> SegmentSummary {
        self.try_write(id, runs).expect("runs that can be written")
    }

    pub(super) fn try_write(&self, id: u64, runs: &[Vec<TestEvent>]) -> Result<SegmentSummary, WriteError> {
        let mut writer = self.segments.create(SegmentId::new(id))?;
        for events in runs {
            let (first, last) = (events[0].sequence, events[events.len() - 1].sequence);
            let batches = batches(events, 7);
            let (first, last) = (Sequence::new(first), Sequence::new(last));
            let spec = RunSpec { table: TABLE, shard: SHARD, first, last, batches: &batches };
            let sorted = sorted(events);
            writer.write_run(&spec, sorted.iter().map(TestEvent::row))?;
        }
        writer.finish()
    }

    /// The bytes of a segment's file.
    pub(super) fn file(&self, id: u64) -> Vec<u8> {
        std::fs::read(self.file_path(id)).expect("the segment's file")
    }

    pub(super) fn replace_file(&self, id: u64, bytes: &[u8]) {
        std::fs::write(self.file_path(id), bytes).expect("writes the file");
    }

    pub(super) fn file_path(&self, id: u64) -> std::path::PathBuf {
        self.directory.path().join("segments").join(SegmentId::new(id).file_name())
    }
}
