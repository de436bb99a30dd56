//! Reads against a plain list of all events, over memtables, runs and both.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_model::{
    BatchBuilder, CommitTime, EventTime, HashSlices, Moment, PartitionKey, Retention, Schema, SchemaMode, Sequence,
    Shard, ShardCount, Sharding, StoredEvent, Table, TableDefinition, TableId, TimeRange,
};
use annals_storage::cache::{Access, CacheLimits};
use annals_storage::disk::RealDisk;
use annals_storage::layout::FileNumber;
use annals_storage::segment::{SegmentId, Segments, merge_runs};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::arrivals::read_arrivals;
use super::count::count;
use super::list::list_partitions;
use super::partitions::read_partitions;
use super::stats::{find_commit_time, partition_stats};
use crate::contract::{
    ArrivalRead, ArrivalScope, CountedScan, HeadBoard, PageBounds, PartitionList, PartitionRead, PartitionSelection,
    PartitionStats, ReadError, ScanOrder,
};
use crate::embedded::flush::write_memtable;
use crate::embedded::memtable::ArrivedBatch;
use crate::embedded::runs::{Run, Runs, SegmentHandle};
use crate::embedded::shard_state::ShardState;
use crate::embedded::sources::SourceError;
use crate::embedded::table_state::TableState;

/// A table whose events are also kept in a list.
struct Harness {
    _folder: tempfile::TempDir,
    segments: Arc<Segments>,
    table: TableState,
    events: Vec<StoredEvent>,
    floor: Moment,
    next_segment: SegmentId,
    commit_time: i64,
}

impl Harness {
    fn new(shards: u32, sharding: Sharding) -> Self {
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
    fn append(&mut self, shard: Shard, rows: &[(Vec<u8>, i64)]) {
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
    fn flush(&mut self, shards: &[Shard]) {
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
            let new: Vec<_> = stored.by_ref().take(count).map(|run| Run::new(Arc::clone(&handle), run)).collect();
            shard.change(|view| {
                view.runs = Runs::new(view.runs.iter().cloned().chain(new).collect());
                view.frozen.clear();
            });
        }
        self.next_segment = id.next();
    }

    /// Puts one run in the place of all runs of a shard, as compaction does.
    fn compact(&mut self, shard: Shard) {
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
            self.segments.runs(&summary).into_iter().map(|run| Run::new(Arc::clone(&handle), run)).collect();
        state.change(|view| view.runs = view.runs.replaced(&runs, &new));
        self.next_segment = id.next();
    }

    /// Removes the oldest run of a shard, as retention does.
    fn trim(&mut self, shard: Shard) {
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

    fn moment(&self) -> Moment {
        self.table.board().moment()
    }

    /// What a scan must return.
    fn expected_scan(&self, read: &PartitionRead) -> Vec<StoredEvent> {
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
    fn scan(&self, read: &PartitionRead) -> Result<Vec<StoredEvent>, SourceError> {
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
    fn arrivals(&self, read: &ArrivalRead) -> Result<Vec<StoredEvent>, SourceError> {
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
    fn expected_partitions(&self) -> Vec<PartitionStats> {
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

/// Chooses reads and what is read.
struct Chooser {
    random: StdRng,
    keys: Vec<Vec<u8>>,
    shards: u32,
    sharding: Sharding,
}

impl Chooser {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let keys = (0..random.random_range(1..40_u32)).map(|n| format!("{}/{n}", n % 5).into_bytes()).collect();
        let shards = *[1, 3, 8].choose(&mut random).expect("one of them");
        let sharding = if random.random_bool(0.5) { Sharding::Hash } else { Sharding::Explicit };
        Self { random, keys, shards, sharding }
    }

    fn key(&mut self) -> Vec<u8> {
        self.keys.choose(&mut self.random).expect("a key").clone()
    }

    fn batch(&mut self) -> (Shard, Vec<(Vec<u8>, i64)>) {
        let shard = Shard::new(self.random.random_range(0..self.shards));
        let count = self.random.random_range(1..20);
        let rows = (0..count).map(|_| (self.key(), self.random.random_range(0..50))).collect::<Vec<_>>();
        match self.sharding {
            Sharding::Explicit => (shard, rows),
            Sharding::Hash => {
                let shards = ShardCount::new(self.shards).expect("a count");
                let shard_of = |key: &[u8]| shards.shard_of(annals_model::Token::of(key));
                let shard = shard_of(&rows[0].0);
                (shard, rows.into_iter().filter(|(key, _)| shard_of(key) == shard).collect())
            }
        }
    }

    fn slices(&mut self) -> HashSlices {
        let count = self.random.random_range(1..9);
        let indexes = (0..self.random.random_range(1..4)).map(|_| self.random.random_range(0..count)).collect();
        HashSlices::new(count, indexes).expect("slices")
    }

    fn some_keys(&mut self) -> Arc<[PartitionKey]> {
        let mut keys: Vec<_> = self.keys.clone();
        keys.push(b"absent".to_vec());
        let count = self.random.random_range(1..4);
        let chosen: Vec<_> = keys.choose_multiple(&mut self.random, count).cloned().collect();
        chosen.into_iter().map(|key| PartitionKey::new(key).expect("a key")).collect()
    }

    fn bounds(&mut self) -> PageBounds {
        PageBounds {
            events_max: *[1, 2, 7, 1_000].choose(&mut self.random).expect("one of them"),
            bytes_max: *[1, 150, 100_000].choose(&mut self.random).expect("one of them"),
        }
    }

    fn scan(&mut self, head: &Moment) -> PartitionRead {
        let start = self.random.random_range(0..50);
        let end = start + self.random.random_range(0..30);
        let times = TimeRange::new(
            self.random.random_bool(0.5).then_some(EventTime::from_unix_nanos(start)),
            self.random.random_bool(0.5).then_some(EventTime::from_unix_nanos(end)),
        );
        let moment = head
            .iter()
            .map(|(_, sequence)| {
                if self.random.random_bool(0.7) {
                    sequence
                } else {
                    Sequence::new(self.random.random_range(0..=sequence.get()))
                }
            })
            .collect::<Box<[Sequence]>>();
        PartitionRead {
            table: TableId::from_bytes([7; 16]),
            moment: Moment::new(moment),
            selection: if self.random.random_bool(0.5) {
                PartitionSelection::Keys(self.some_keys())
            } else {
                PartitionSelection::Slices(self.slices())
            },
            times: times.expect("in order"),
            order: if self.random.random_bool(0.5) { ScanOrder::Ascending } else { ScanOrder::Descending },
            limit_per_partition: self.random.random_bool(0.3).then(|| self.random.random_range(1..5)),
            after: None,
            bounds: self.bounds(),
        }
    }
}

fn check_scan(harness: &Harness, chooser: &mut Chooser) {
    let read = chooser.scan(&harness.moment());
    let expected = harness.expected_scan(&read);
    assert_eq!(harness.scan(&read).expect("reads"), expected, "{read:?}");
    let counted = CountedScan {
        events: expected.len() as u64,
        partitions: expected.iter().map(StoredEvent::key).collect::<std::collections::BTreeSet<_>>().len() as u64,
    };
    assert_eq!(count(&harness.table, &read, Access::Read).expect("counts"), counted, "{read:?}");
}

fn check_arrivals(harness: &Harness, chooser: &mut Chooser) {
    let shard = Shard::new(chooser.random.random_range(0..chooser.shards));
    let (first, head) = (harness.floor.of(shard).next(), harness.table.board().head(shard));
    let from = Sequence::new(chooser.random.random_range(first.get()..=head.get() + 1));
    let through = Sequence::new(chooser.random.random_range(0..=head.get() + 3));
    let scope = match chooser.random.random_range(0..3) {
        0 => ArrivalScope::All,
        1 => ArrivalScope::Slices(chooser.slices()),
        _ => ArrivalScope::Partitions(chooser.some_keys()),
    };
    let is_wanted = |event: &&StoredEvent| {
        event.shard == shard
            && from <= event.sequence
            && event.sequence <= through
            && match &scope {
                ArrivalScope::All => true,
                ArrivalScope::Slices(slices) => slices.contains(event.token),
                ArrivalScope::Partitions(keys) => keys.iter().any(|key| key.as_bytes() == event.key()),
            }
    };
    let expected: Vec<_> = harness.events.iter().filter(is_wanted).cloned().collect();
    let read =
        ArrivalRead { table: harness.table.id(), shard, from, through, scope: scope.clone(), bounds: chooser.bounds() };
    assert_eq!(harness.arrivals(&read).expect("reads"), expected, "{read:?}");
}

fn check_figures(harness: &Harness, chooser: &mut Chooser) {
    let partitions = harness.expected_partitions();
    let list = PartitionList {
        table: harness.table.id(),
        key_prefix: format!("{}", chooser.random.random_range(0..6)).into_bytes(),
        after: chooser.random.random_bool(0.5).then(|| PartitionKey::new(chooser.key()).expect("a key")),
        partitions_max: chooser.random.random_range(1..20),
    };
    let is_listed = |stats: &&PartitionStats| {
        stats.key.as_bytes().starts_with(&list.key_prefix) && list.after.as_ref().is_none_or(|after| stats.key > *after)
    };
    let expected: Vec<_> = partitions.iter().filter(is_listed).take(list.partitions_max).cloned().collect();
    let Ok(listed) = list_partitions(&harness.table, &list, None, Access::Read) else { panic!("lists") };
    assert_eq!(listed, expected, "{list:?}");
    let key = PartitionKey::new(chooser.key()).expect("a key");
    let expected = partitions.iter().find(|stats| stats.key == key).cloned();
    assert_eq!(partition_stats(&harness.table, &key, Access::Read).expect("reads"), expected);
    let shard = Shard::new(chooser.random.random_range(0..chooser.shards));
    if harness.floor.of(shard) == Sequence::ZERO {
        let time = CommitTime::from_unix_nanos(chooser.random.random_range(0..=harness.commit_time + 5));
        let found = harness.events.iter().find(|event| event.shard == shard && event.commit_time >= time);
        let expected = found.map_or(harness.table.board().head(shard).next(), |event| event.sequence);
        let now = CommitTime::from_unix_nanos(harness.commit_time);
        assert_eq!(find_commit_time(&harness.table, shard, time, now, Access::Read).expect("reads"), expected);
    }
}

#[test]
fn every_read_gives_what_a_plain_list_of_all_events_gives() {
    let seed: u64 = rand::rng().random();
    eprintln!("seed {seed}");
    for round in 0..30 {
        let mut chooser = Chooser::new(seed.wrapping_add(round));
        let mut harness = Harness::new(chooser.shards, chooser.sharding);
        for _ in 0..60 {
            match chooser.random.random_range(0..10) {
                0..5 => {
                    let (shard, rows) = chooser.batch();
                    harness.append(shard, &rows);
                }
                5 => {
                    let shards: Vec<_> = (0..chooser.shards).map(Shard::new).collect();
                    let count = chooser.random.random_range(1..=shards.len());
                    let chosen: Vec<_> = shards.choose_multiple(&mut chooser.random, count).copied().collect();
                    harness.flush(&chosen);
                }
                6 => {
                    let shard = Shard::new(chooser.random.random_range(0..chooser.shards));
                    if chooser.random.random_bool(0.3) { harness.trim(shard) } else { harness.compact(shard) }
                }
                _ => {
                    check_scan(&harness, &mut chooser);
                    check_arrivals(&harness, &mut chooser);
                    check_figures(&harness, &mut chooser);
                }
            }
        }
    }
}

/// A table of one shard with a run of ten events and a memtable of ten more.
fn run_and_memtable() -> Harness {
    let mut harness = Harness::new(1, Sharding::Hash);
    let rows: Vec<_> = (0..10).map(|n| (format!("key-{}", n % 3).into_bytes(), n)).collect();
    harness.append(Shard::ZERO, &rows);
    harness.flush(&[Shard::ZERO]);
    harness.append(Shard::ZERO, &rows);
    harness
}

fn whole_scan(harness: &Harness) -> PartitionRead {
    PartitionRead {
        table: harness.table.id(),
        moment: harness.moment(),
        selection: PartitionSelection::Slices(HashSlices::all()),
        times: TimeRange::ALL,
        order: ScanOrder::Ascending,
        limit_per_partition: None,
        after: None,
        bounds: PageBounds { events_max: 4, bytes_max: usize::MAX },
    }
}

fn arrivals_from(harness: &Harness, from: u64) -> ArrivalRead {
    ArrivalRead {
        table: harness.table.id(),
        shard: Shard::ZERO,
        from: Sequence::new(from),
        through: Sequence::MAX,
        scope: ArrivalScope::All,
        bounds: PageBounds { events_max: 100, bytes_max: usize::MAX },
    }
}

#[test]
fn what_retention_removed_is_an_error_and_not_a_hole() {
    let mut harness = run_and_memtable();
    let read = whole_scan(&harness);
    let first = read_partitions(&harness.table, &read, Access::Read).expect("reads");
    harness.trim(Shard::ZERO);
    let second = PartitionRead { after: first.next, ..read.clone() };
    let expired = read_partitions(&harness.table, &second, Access::Read);
    assert!(matches!(expired, Err(SourceError::Failed(ReadError::ScanExpired { shard: Shard::ZERO }))));
    assert_eq!(harness.scan(&read).expect("a scan that begins now").len(), 10);

    let trimmed = read_arrivals(&harness.table, &arrivals_from(&harness, 10), Access::Read);
    let Err(SourceError::Failed(ReadError::Trimmed { first_retained, .. })) = trimmed else { panic!("trimmed") };
    assert_eq!(first_retained, Sequence::new(11));
    assert_eq!(
        read_arrivals(&harness.table, &arrivals_from(&harness, 11), Access::Read).expect("reads").events.len(),
        10
    );

    let find = |time| {
        let now = CommitTime::from_unix_nanos(100);
        find_commit_time(&harness.table, Shard::ZERO, CommitTime::from_unix_nanos(time), now, Access::Read)
    };
    assert!(matches!(find(20), Err(SourceError::Failed(ReadError::Trimmed { .. }))));
    assert_eq!(find(21).expect("after all events"), Sequence::new(21));
}

#[test]
fn what_lies_past_the_head_is_not_there() {
    let harness = run_and_memtable();
    let mut read = whole_scan(&harness);
    read.moment.set(Shard::ZERO, Sequence::new(21));
    let ahead = read_partitions(&harness.table, &read, Access::Read);
    assert!(matches!(ahead, Err(SourceError::Failed(ReadError::MomentAhead { .. }))));
    let at_head = read_arrivals(&harness.table, &arrivals_from(&harness, 21), Access::Read).expect("reads");
    assert_eq!((at_head.events.len(), at_head.next), (0, Sequence::new(21)));
    let ahead = read_arrivals(&harness.table, &arrivals_from(&harness, 22), Access::Read);
    assert!(matches!(ahead, Err(SourceError::Failed(ReadError::MomentAhead { .. }))));
}

#[test]
fn a_read_that_may_not_wait_says_that_it_must() {
    let harness = run_and_memtable();
    let read = whole_scan(&harness);
    let not_cached = read_partitions(&harness.table, &read, Access::CacheOnly);
    assert!(matches!(not_cached, Err(SourceError::NotCached)));
    assert_eq!(harness.scan(&read).expect("reads").len(), 20);
    assert_eq!(read_partitions(&harness.table, &read, Access::CacheOnly).expect("is cached").events.len(), 4);
    let live = read_arrivals(&harness.table, &arrivals_from(&harness, 11), Access::CacheOnly);
    assert_eq!(live.expect("lies in a memtable").events.len(), 10);
}

#[test]
fn a_partition_that_fills_a_page_holds_back_the_others() {
    let mut keys = [b"a".to_vec(), b"b".to_vec()];
    keys.sort_by_key(|key| annals_model::Token::of(key));
    let [first, second] = keys;
    let mut harness = Harness::new(1, Sharding::Hash);
    // The second key's large event does not fit the page; the first key's small one behind it would.
    harness.append(Shard::ZERO, &[(second.clone(), 1), (second.clone(), 6), (first.clone(), 0)]);
    let keys = [first, second].map(|key| PartitionKey::new(key).expect("a key"));
    let read = ArrivalRead {
        scope: ArrivalScope::Partitions(Arc::from(keys)),
        bounds: PageBounds { events_max: 100, bytes_max: 20 },
        ..arrivals_from(&harness, 1)
    };
    assert_eq!(harness.arrivals(&read).expect("reads"), harness.events);
}
