//! A table under test, whose events are also kept in a plain list.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_model::{
    BatchBuilder, CommitTime, EventTime, Moment, PartitionKey, Retention, Schema, SchemaMode, Sequence, Shard,
    ShardCount, Sharding, StoredEvent, Table, TableDefinition, TableId,
};
use annals_storage::disk::RealDisk;
use annals_storage::layout::FileNumber;
use annals_storage::segment::{Access, CacheLimits};
use annals_storage::segment::{SegmentId, Segments, merge_runs};
use uuid::Uuid;

use crate::flush::write_memtable;
use crate::memtable::ArrivedBatch;
use crate::read::arrivals::read_arrivals;
use crate::read::partitions::read_partitions;
use crate::runs::{LiveRun, Runs, SegmentHandle};
use crate::shard_state::ShardState;
use crate::sources::SourceError;
use crate::table_state::TableState;
use annals_engine::{ArrivalRead, HeadBoard, PartitionRead, PartitionSelection, PartitionStats, ScanOrder};

/// A table whose events are also kept in a list.
pub(super) struct Harness {
    _folder: tempfile::TempDir,
    segments: Arc<Segments>,
    pub(super) table: TableState,
    pub(super) events: Vec<StoredEvent>,
    pub(super) floor: Moment,
    next_segment: SegmentId,
    pub(super) commit_time: i64,
}

impl Harness {
    pub(super) fn new(shards: u32, sharding: Sharding) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("segments")).expect("a folder");
        let disk = Arc::new(RealDisk::new(folder.path()));
        let segments = Segments::new(disk, "segments", Uuid::from_u128(1), CacheLimits::default());
        let shard_count = ShardCount::new(shards).expect("a count");
        let table = Table {
            id: TableId::from_bytes([7; 16]),
            definition: TableDefinition {
                name: "tests.reads".parse().expect("a name"),
                shard_count,
                sharding,
                schema_mode: SchemaMode::Open,
                retention: Retention::default(),
                deletion_protection: false,
                lateness_max: None,
            },
            schema: Arc::new(Schema::default()),
            created: CommitTime::from_unix_nanos(0),
            revision: 1,
        };
        let states = shard_count
            .shards()
            .map(|shard| ShardState::new(shard, Runs::default(), Sequence::FIRST, Sequence::FIRST, Arc::default()))
            .collect();
        Self {
            _folder: folder,
            segments,
            table: TableState::new(Arc::new(table), states, HeadBoard::empty(shard_count)),
            events: Vec::new(),
            floor: Moment::start(shard_count),
            next_segment: SegmentId::new(1),
            commit_time: 0,
        }
    }

    /// Appends events, given as key and time, to a shard.
    pub(super) fn append(&mut self, shard: Shard, rows: &[(Vec<u8>, i64)]) {
        let mut builder = BatchBuilder::default();
        for (key, time) in rows {
            // Events of many sizes, so that pages end for want of bytes as well.
            let padding = vec![b'.'; usize::try_from(time % 7 * 10).expect("small")];
            let body = [b"<".as_slice(), key, b">", &padding].concat();
            builder.push(&[&body], 1..1 + key.len(), EventTime::from_unix_nanos(*time));
        }
        self.commit_time += 10;
        let memtable = Arc::clone(&self.table.shards()[shard.index()].view().active);
        let arrived = Arc::new(ArrivedBatch {
            shard,
            first_sequence: memtable.next_sequence(),
            commit_time: CommitTime::from_unix_nanos(self.commit_time),
            batch: builder.finish(),
        });
        memtable.add(&arrived, FileNumber::FIRST);
        self.table.board().publish(shard, arrived.next_sequence().previous());
        self.events.extend((0..rows.len()).map(|row| arrived.stored_event(row)));
    }

    /// Freezes the shards' memtables and, of each, writes all frozen ones to one segment.
    pub(super) fn flush(&mut self, shards: &[Shard]) {
        let id = self.next_segment;
        let mut writer = self.segments.create(id).expect("a segment");
        let mut counts = Vec::new();
        for shard in shards.iter().map(|shard| &self.table.shards()[shard.index()]) {
            shard.freeze();
            let mut runs = 0;
            for memtable in &shard.view().frozen {
                runs += write_memtable(&mut writer, self.table.id(), memtable).expect("writes");
            }
            counts.push((shard, runs));
        }
        if counts.iter().all(|(_, runs)| *runs == 0) {
            writer.abandon().expect("removes");
            return;
        }
        let summary = writer.finish().expect("seals");
        let handle = SegmentHandle::new(id);
        let mut stored = self.segments.runs(&summary).into_iter();
        for (shard, count) in counts {
            let new: Vec<_> = stored.by_ref().take(count).map(|run| LiveRun::new(Arc::clone(&handle), run)).collect();
            shard.change(|view| {
                view.runs = Runs::new(view.runs.iter().cloned().chain(new).collect());
                view.frozen.clear();
            });
        }
        self.next_segment = id.next();
    }

    /// Puts one run in the place of all runs of a shard, as compaction does.
    pub(super) fn compact(&mut self, shard: Shard) {
        let state = &self.table.shards()[shard.index()];
        let runs: Vec<_> = state.view().runs.iter().cloned().collect();
        if runs.is_empty() {
            return;
        }
        let id = self.next_segment;
        let mut writer = self.segments.create(id).expect("a segment");
        let sources: Vec<_> = runs.iter().map(|run| run.stored().clone()).collect();
        merge_runs(&sources, &mut writer).expect("merges");
        let summary = writer.finish().expect("seals");
        let handle = SegmentHandle::new(id);
        let new: Vec<_> =
            self.segments.runs(&summary).into_iter().map(|run| LiveRun::new(Arc::clone(&handle), run)).collect();
        state.change(|view| view.runs = view.runs.replaced(&runs, &new));
        self.next_segment = id.next();
    }

    /// Removes the oldest run of a shard, as retention does.
    pub(super) fn trim(&mut self, shard: Shard) {
        let state = &self.table.shards()[shard.index()];
        let Some(oldest) = state.view().runs.iter().next().cloned() else { return };
        let last = oldest.summary().last;
        state.change(|view| {
            view.first_retained = last.next();
            view.runs = Runs::new(view.runs.iter().skip(1).cloned().collect());
        });
        self.floor.set(shard, last);
        self.events.retain(|event| event.shard != shard || event.sequence > last);
    }

    pub(super) fn moment(&self) -> Moment {
        self.table.board().moment()
    }

    /// What a scan must return.
    pub(super) fn expected_scan(&self, read: &PartitionRead) -> Vec<StoredEvent> {
        let visible =
            |event: &&StoredEvent| event.sequence <= read.moment.of(event.shard) && read.times.contains(event.time);
        let mut partitions: BTreeMap<_, Vec<StoredEvent>> = BTreeMap::new();
        for event in self.events.iter().filter(visible) {
            partitions.entry((event.token, event.key().to_vec())).or_default().push(event.clone());
        }
        for events in partitions.values_mut() {
            events.sort_by_key(|event| (event.time, event.sequence, event.shard));
            if read.order == ScanOrder::Descending {
                events.reverse();
            }
            events.truncate(usize::try_from(read.limit_per_partition.unwrap_or(u64::MAX)).unwrap_or(usize::MAX));
        }
        match &read.selection {
            PartitionSelection::Keys(keys) => keys
                .iter()
                .flat_map(|key| partitions.get(&(key.token(), key.as_bytes().to_vec())).cloned().unwrap_or_default())
                .collect(),
            PartitionSelection::Slices(slices) => {
                partitions.into_iter().filter(|((token, _), _)| slices.contains(*token)).flat_map(|(_, e)| e).collect()
            }
        }
    }

    /// All pages of a scan.
    pub(super) fn scan(&self, read: &PartitionRead) -> Result<Vec<StoredEvent>, SourceError> {
        let mut read = read.clone();
        let mut events = Vec::new();
        loop {
            let page = read_partitions(&self.table, &read, Access::Read)?;
            assert!(page.events.len() <= read.bounds.events_max);
            events.extend(page.events);
            match page.next {
                Some(next) => read.after = Some(next),
                None => return Ok(events),
            }
        }
    }

    /// All pages of an arrival read.
    pub(super) fn arrivals(&self, read: &ArrivalRead) -> Result<Vec<StoredEvent>, SourceError> {
        let mut read = read.clone();
        let mut events = Vec::new();
        let end = read.through.min(self.table.board().head(read.shard));
        while read.from <= end {
            let page = read_arrivals(&self.table, &read, Access::Read)?;
            assert!(page.next > read.from, "a page goes on");
            assert!(page.events.len() <= read.bounds.events_max);
            events.extend(page.events);
            read.from = page.next;
        }
        Ok(events)
    }

    /// What a list must return.
    pub(super) fn expected_partitions(&self) -> Vec<PartitionStats> {
        let mut partitions: BTreeMap<Vec<u8>, Vec<&StoredEvent>> = BTreeMap::new();
        for event in &self.events {
            partitions.entry(event.key().to_vec()).or_default().push(event);
        }
        partitions
            .into_iter()
            .map(|(key, events)| {
                let key = PartitionKey::new(key).expect("a key");
                PartitionStats {
                    token: key.token(),
                    key,
                    event_count: events.len() as u64,
                    min_time: events.iter().map(|event| event.time).min().expect("an event"),
                    max_time: events.iter().map(|event| event.time).max().expect("an event"),
                    last_sequence: events.iter().map(|event| event.sequence).max().expect("an event"),
                }
            })
            .collect()
    }
}
