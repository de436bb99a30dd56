//! A memtable against a plain list of events.

use std::ops::Bound;
use std::sync::Arc;

use annals_model::{BatchBuilder, CommitTime, EventTime, Sequence, Shard, StoredEvent, TimeRange, Token};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use annals_engine::{PageBounds, ScanOrder};

/// Tells which seed a test failed with.
struct Announced(u64);

impl Drop for Announced {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}", self.0);
        }
    }
}

const BOUNDLESS: PageBounds = PageBounds { events_max: usize::MAX, bytes_max: usize::MAX };

/// A memtable from sequence `first` on and a list of all its events in arrival order.
fn filled(first: u64, batches: u64, random: &mut StdRng) -> (Memtable, Vec<StoredEvent>) {
    let memtable = Memtable::new(Shard::ZERO, Sequence::new(first), Arc::default());
    let mut all = Vec::new();
    // Where few or no events come late, the orders of time and of arrival are one for long.
    let late_percent = [0, 1, 100][random.random_range(0..3)];
    let mut now = 0;
    for number in 0..batches {
        let mut builder = BatchBuilder::default();
        for _ in 0..random.random_range(1..40) {
            let key = format!("key{}", random.random_range(0..20));
            now += random.random_range(0..2);
            let is_late = random.random_range(0..100) < late_percent;
            let time = EventTime::from_unix_nanos(if is_late { random.random_range(0..300) } else { now });
            builder.push(&[b"..", key.as_bytes(), b"payload"], 2..2 + key.len(), time);
        }
        let arrived = Arc::new(ArrivedBatch {
            shard: Shard::ZERO,
            first_sequence: memtable.next_sequence(),
            commit_time: CommitTime::from_unix_nanos(i64::try_from(number / 2).expect("small")),
            batch: builder.finish(),
        });
        all.extend((0..arrived.batch.len()).map(|row| arrived.stored_event(row)));
        memtable.add(&arrived, FileNumber::new(7 + u32::try_from(number).expect("small")).expect("not zero"));
    }
    (memtable, all)
}

/// The events of `key` in time order.
fn timeline<'all>(all: &'all [StoredEvent], key: &[u8]) -> Vec<&'all StoredEvent> {
    let mut events: Vec<_> = all.iter().filter(|event| event.key() == key).collect();
    events.sort_by_key(|event| (event.time, event.sequence));
    events
}

#[test]
fn a_partition_is_read_page_by_page_in_either_direction_as_of_a_moment() {
    for seed in 0..40 {
        let _announced = Announced(seed);
        let random = &mut StdRng::seed_from_u64(seed);
        let (memtable, all) = filled(1 + seed * 1_000, 40, random);
        let key = format!("key{}", random.random_range(0..20)).into_bytes();
        let through = all[random.random_range(0..all.len())].sequence;
        let start = random.random_range(0..300);
        let end = EventTime::from_unix_nanos(random.random_range(start..=300));
        let times = TimeRange::new(Some(EventTime::from_unix_nanos(start)), Some(end)).expect("in order");
        let mut expected = timeline(&all, &key);
        expected.retain(|event| event.sequence <= through && times.contains(event.time));
        assert_eq!(memtable.count_events(Token::of(&key), &key, times, through), expected.len() as u64);
        for order in [ScanOrder::Ascending, ScanOrder::Descending] {
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let bounds = PageBounds { events_max: random.random_range(1..5), bytes_max: 40 };
                let read = TimelineRead { times, through, order, after, bounds };
                let page = memtable.partition_events(Token::of(&key), &key, &read);
                assert!(page.events.len() <= bounds.events_max);
                found.extend(page.events);
                after = found.last().map(|event| (event.time, event.sequence));
                if !page.is_cut {
                    break;
                }
            }
            assert!(found.iter().eq(expected.iter().copied()), "{order:?}");
            expected.reverse();
        }
    }
}

#[test]
fn arrivals_come_in_order_and_not_past_what_was_asked_for() {
    for seed in 0..40 {
        let _announced = Announced(seed);
        let random = &mut StdRng::seed_from_u64(seed);
        let (memtable, all) = filled(100, 20, random);
        let from = random.random_range(0..all.len());
        let through = random.random_range(from..all.len());
        let (first, last) = (all[from].sequence, all[through].sequence);
        let found: Vec<_> = memtable
            .arrivals(first, last, usize::MAX)
            .iter()
            .flat_map(|batch| batch.rows_between(first, last).map(|row| batch.stored_event(row)))
            .collect();
        assert_eq!(found, all[from..=through]);
        let expected: Vec<_> = all[from..=through].iter().filter(|event| event.key() == b"key3").cloned().collect();
        let found = memtable.partition_arrivals((Token::of(b"key3"), b"key3"), (first, last), BOUNDLESS);
        assert_eq!(found.events, expected);
    }
}

#[test]
fn a_small_bound_brings_one_batch_at_least() {
    let (memtable, all) = filled(1, 20, &mut StdRng::seed_from_u64(1));
    assert_eq!(memtable.arrivals(Sequence::FIRST, Sequence::MAX, 1).len(), 1);
    assert!(memtable.arrivals(all[all.len() - 1].sequence.next(), Sequence::MAX, 1).is_empty());
}

#[test]
fn all_events_are_shown_in_the_order_of_a_run() {
    let (memtable, mut all) = filled(1, 60, &mut StdRng::seed_from_u64(3));
    let mut found = Vec::new();
    memtable
        .visit_sorted(Sequence::FIRST..=Sequence::MAX, |row| {
            let key_start = row.key_offset as usize;
            assert_eq!(&row.event[key_start..key_start + row.key.len()], row.key);
            found.push((row.token, row.key.to_vec(), row.time, row.sequence));
            Ok::<(), ()>(())
        })
        .expect("the visit does not fail");
    all.sort_by_key(|event| (event.token, event.key().to_vec(), event.time, event.sequence));
    let expected: Vec<_> = all.iter().map(|e| (e.token, e.key().to_vec(), e.time, e.sequence)).collect();
    assert_eq!(found, expected);
}

#[test]
fn partitions_that_appear_later_take_their_place_in_the_token_order() {
    let memtable = Memtable::new(Shard::ZERO, Sequence::FIRST, Arc::default());
    let mut expected = Vec::new();
    for number in 0..50_u8 {
        let mut builder = BatchBuilder::default();
        builder.push(&[&[number]], 0..1, EventTime::from_unix_nanos(0));
        let (first_sequence, batch) = (memtable.next_sequence(), builder.finish());
        let commit_time = CommitTime::from_unix_nanos(0);
        memtable
            .add(&Arc::new(ArrivedBatch { shard: Shard::ZERO, first_sequence, commit_time, batch }), FileNumber::FIRST);
        expected.push((Token::of(&[number]), vec![number]));
        expected.sort();
        let found = memtable.partitions_from(Bound::Unbounded, Token::MAX, usize::MAX);
        assert!(found.iter().map(|place| (place.token, place.key.to_vec())).eq(expected.iter().cloned()));
    }
    let (token, key) = &expected[20];
    let found = memtable.partitions_from(Bound::Excluded((*token, key)), expected[29].0, usize::MAX);
    assert!(found.iter().map(|place| place.token).eq(expected[21..30].iter().map(|(token, _)| *token)));
    assert_eq!(memtable.partitions_from(Bound::Included((*token, key)), Token::MAX, 2).len(), 2);
}

#[test]
fn a_summary_leaves_out_what_is_not_durable_yet() {
    let (memtable, all) = filled(1, 30, &mut StdRng::seed_from_u64(9));
    for through in [0, 1, 5, all.len() / 2, all.len()] {
        let through = Sequence::new(through as u64);
        let mut seen = 0;
        memtable.visit_partitions(through, |summary| {
            let mut events = timeline(&all, &summary.place.key);
            events.retain(|event| event.sequence <= through);
            assert_eq!(summary.event_count, events.len() as u64);
            assert_eq!((summary.min_time, summary.max_time), (events[0].time, events[events.len() - 1].time));
            assert_eq!(Some(summary.last_sequence), events.iter().map(|event| event.sequence).max());
            assert_eq!(memtable.partition_summary(summary.place.token, &summary.place.key, through), Some(summary));
            seen += events.len() as u64;
        });
        assert_eq!(seen, through.get());
    }
}

#[test]
fn a_commit_time_is_found_at_the_first_batch_that_has_it() {
    let (memtable, all) = filled(1, 10, &mut StdRng::seed_from_u64(4));
    for nanos in -1..6 {
        let time = CommitTime::from_unix_nanos(nanos);
        let expected = all.iter().find(|event| event.commit_time >= time).map(|event| event.sequence);
        assert_eq!(memtable.find_commit_time(time, Sequence::MAX), expected);
    }
    assert_eq!(memtable.find_commit_time(CommitTime::from_unix_nanos(4), Sequence::FIRST), None);
}

#[test]
fn the_oldest_journal_file_is_kept_in_mind() {
    let (memtable, all) = filled(1, 3, &mut StdRng::seed_from_u64(4));
    assert_eq!(memtable.journal_file(), FileNumber::new(7));
    assert_eq!(Memtable::new(Shard::ZERO, Sequence::FIRST, Arc::default()).journal_file(), None);
    assert_eq!(memtable.event_bytes(), all.iter().map(|event| event.bytes.len() as u64).sum::<u64>());
}

#[test]
fn memory_is_counted_while_a_memtable_is_held() {
    let gauge = Arc::new(MemoryGauge::default());
    let memtable = Memtable::new(Shard::ZERO, Sequence::FIRST, Arc::clone(&gauge));
    let (_, all) = filled(1, 1, &mut StdRng::seed_from_u64(1));
    let mut builder = BatchBuilder::default();
    builder.push(&[&all[0].bytes], 2..6, all[0].time);
    let (first_sequence, batch) = (Sequence::FIRST, builder.finish());
    let commit_time = CommitTime::from_unix_nanos(0);
    memtable.add(&Arc::new(ArrivedBatch { shard: Shard::ZERO, first_sequence, commit_time, batch }), FileNumber::FIRST);
    assert!(gauge.bytes() > all[0].bytes.len() as u64);
    assert_eq!(gauge.bytes(), memtable.memory_bytes());
    drop(memtable);
    assert_eq!(gauge.bytes(), 0);
}
