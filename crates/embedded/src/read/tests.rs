//! Reads against a plain list of all events, over memtables, runs and both.

mod chooser;
mod harness;

use std::collections::BTreeSet;
use std::sync::Arc;

use annals_model::{CommitTime, HashSlices, PartitionKey, Sequence, Shard, Sharding, StoredEvent, TimeRange, Token};
use annals_storage::segment::Access;
use rand::Rng;
use rand::seq::IndexedRandom;

use super::arrivals::read_arrivals;
use super::count::count;
use super::list::list_partitions;
use super::partitions::read_partitions;
use super::stats::{find_commit_time, partition_stats};
use crate::sources::SourceError;
use annals_engine::{
    ArrivalRead, ArrivalScope, CountedScan, PageBounds, PartitionList, PartitionRead, PartitionSelection,
    PartitionStats, ReadError, ScanOrder,
};
use chooser::Chooser;
use harness::Harness;

fn check_scan(harness: &Harness, chooser: &mut Chooser) {
    let read = chooser.scan(&harness.moment(), &harness.floor);
    let expected = harness.expected_scan(&read);
    assert_eq!(harness.scan(&read).expect("reads"), expected, "{read:?}");
    let counted = CountedScan {
        events: expected.len() as u64,
        partitions: expected.iter().map(StoredEvent::key).collect::<BTreeSet<_>>().len() as u64,
    };
    assert_eq!(count(&harness.table, &read, Access::Read).expect("counts"), counted, "{read:?}");
}

/// A moment that was taken reads as it did then, or not at all; it does where nothing of it was removed since.
fn check_taken(harness: &Harness, taken: &[(Vec<StoredEvent>, PartitionRead)]) {
    for (expected, read) in taken {
        let is_whole = read.moment.first_shard_lost(&read.floor, &harness.floor).is_none();
        match harness.scan(read) {
            Ok(events) => assert_eq!(events, *expected, "{read:?}"),
            Err(SourceError::Failed(ReadError::ScanExpired { .. })) => assert!(!is_whole, "{read:?}"),
            Err(error) => panic!("{error:?}: {read:?}"),
        }
        match count(&harness.table, read, Access::Read) {
            Ok(counted) => assert_eq!(counted.events, expected.len() as u64, "{read:?}"),
            Err(SourceError::Failed(ReadError::ScanExpired { .. })) => assert!(!is_whole, "{read:?}"),
            Err(error) => panic!("{error:?}: {read:?}"),
        }
    }
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
        let mut taken = Vec::new();
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
                    let read = chooser.scan(&harness.moment(), &harness.floor);
                    taken.push((harness.expected_scan(&read), read));
                    check_taken(&harness, &taken);
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
        floor: harness.floor.clone(),
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
    assert!(matches!(
        count(&harness.table, &read, Access::Read),
        Err(SourceError::Failed(ReadError::ScanExpired { .. }))
    ));
    let now = whole_scan(&harness);
    assert_eq!(harness.scan(&now).expect("a scan that begins now").len(), 10);

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
fn a_page_of_arrivals_ends_where_another_run_would_have_to_be_decoded() {
    let mut harness = Harness::new(1, Sharding::Hash);
    for _ in 0..2 {
        let rows: Vec<_> = (0..10).map(|time| (b"key".to_vec(), time)).collect();
        harness.append(Shard::ZERO, &rows);
        harness.flush(&[Shard::ZERO]);
    }
    let lengths = |from: u64| {
        let page = read_arrivals(&harness.table, &arrivals_from(&harness, from), Access::Read).expect("reads");
        (page.events.len(), page.next)
    };
    assert_eq!(lengths(1), (10, Sequence::new(11)));
    assert_eq!(lengths(11), (10, Sequence::new(21)));
    assert_eq!(lengths(1), (20, Sequence::new(21)), "both lie in memory by now");
}

#[test]
fn a_partition_that_fills_a_page_holds_back_the_others() {
    let mut keys = [b"a".to_vec(), b"b".to_vec()];
    keys.sort_by_key(|key| Token::of(key));
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
