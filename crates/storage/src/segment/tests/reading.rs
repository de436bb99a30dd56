//! Runs are read as they were written: by partition, in full order, by sequence, by commit time.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use annals_model::{CommitTime, EventTime, Sequence, TimeRange, Token, TokenRange};
use bytes::Bytes;
use proptest::prelude::*;

use super::support::{SHARD, TestEvent, TestStore, events, sorted};
use crate::segment::read::cache::Access;
use crate::segment::{Cursor, Direction, ReadError, RowPosition, RowSpan, Run, SegmentSummary};

fn between(start: i64, end: i64) -> TimeRange {
    let at = |nanos| Some(EventTime::from_unix_nanos(nanos));
    TimeRange::new(at(start), at(end)).expect("in order")
}

/// The sequences from where the cursor stands on; checks that rows and events agree.
fn sequences(mut cursor: Cursor) -> Vec<u64> {
    let mut sequences = Vec::new();
    while let Some(row) = cursor.row() {
        let event = cursor.event().expect("there is a row");
        assert_eq!((row.event, row.sequence, row.key()), (&event.bytes[..], event.sequence, event.key()));
        assert_eq!(event.shard, SHARD);
        sequences.push(row.sequence.get());
        cursor.advance(Access::Read).expect("reads on");
    }
    sequences
}

/// As `sequences`, by stretches of at most so many rows; checks that a stretch is of one partition.
fn sequences_by_stretches(mut cursor: Cursor, rows_max: usize) -> Vec<u64> {
    let mut sequences = Vec::new();
    while let Some(first) = cursor.row() {
        let (key, start) = (first.key().to_vec(), sequences.len());
        let visited = cursor.visit_here(Access::Read, |row| {
            if sequences.len() - start == rows_max {
                return ControlFlow::Break(());
            }
            let event = row.event();
            assert_eq!((row.time(), row.sequence(), &key[..]), (event.time, event.sequence, event.key()));
            sequences.push(row.sequence().get());
            ControlFlow::Continue(())
        });
        visited.expect("reads on");
        assert!(sequences.len() > start, "the row that the cursor stands at is shown");
    }
    sequences
}

fn only_run(store: &TestStore, summary: &SegmentSummary) -> Run {
    let [run] = &store.cold().runs(summary)[..] else { panic!("one run") };
    run.clone()
}

#[test]
fn a_run_gives_its_rows_in_order_in_both_directions() {
    let store = TestStore::new();
    let written = events(1..=5_000, 40, 90);
    let summary = store.write(1, std::slice::from_ref(&written));
    let run = only_run(&store, &summary);
    let mut expected: Vec<u64> = sorted(&written).iter().map(|event| event.sequence).collect();
    let cursor = |direction| run.cursor(RowSpan::all(), direction, Access::Read).expect("opens");
    assert_eq!(sequences(cursor(Direction::Ascending)), expected);
    expected.reverse();
    assert_eq!(sequences(cursor(Direction::Descending)), expected);
}

#[test]
fn a_partition_is_found_with_its_times_and_another_is_not() {
    let store = TestStore::new();
    let written = events(1..=5_000, 40, 90);
    let summary = store.write(1, std::slice::from_ref(&written));
    let run = only_run(&store, &summary);
    for number in 0..45 {
        let key = Bytes::from(format!("key-{number}"));
        let token = Token::of(&key);
        for times in [TimeRange::ALL, between(10_000, 20_000), between(-5, 0), between(10, 10)] {
            let expected: Vec<u64> = sorted(&written)
                .iter()
                .filter(|event| event.key.as_bytes() == key && times.contains(EventTime::from_unix_nanos(event.time)))
                .map(|event| event.sequence)
                .collect();
            let cursor = run.partition(token, &key, times, Direction::Ascending, Access::Read).expect("reads");
            assert_eq!(cursor.map(sequences).unwrap_or_default(), expected, "{key:?} in {times:?}");
        }
    }
}

#[test]
fn arrivals_are_in_the_order_of_sequences_and_carry_their_batchs_commit_time() {
    let store = TestStore::new();
    let written = events(101..=2_100, 33, 90);
    let summary = store.write(1, std::slice::from_ref(&written));
    let run = only_run(&store, &summary);
    let arrivals = run.arrivals(Access::Read).expect("decodes");
    let given: Vec<_> = arrivals.events_from(Sequence::new(600)).collect();
    assert_eq!(given.len(), 1_501);
    for (event, written) in given.iter().zip(&written[499..]) {
        assert_eq!((event.sequence.get(), &event.bytes), (written.sequence, &written.bytes));
        // Batches have seven events, and a commit time that tells their first.
        let batch_first = written.sequence - (written.sequence - 101) % 7;
        assert_eq!(event.commit_time.unix_nanos(), 1_000_000 + i64::try_from(batch_first).expect("small"));
        assert_eq!(&run.event(event.sequence, Access::Read).expect("reads"), event);
    }
    assert!(arrivals.event(Sequence::new(100)).is_none() && arrivals.event(Sequence::new(2_101)).is_none());
    let since = |nanos: i64| {
        let time = CommitTime::from_unix_nanos(1_000_000 + nanos);
        run.find_commit_time(time, Access::Read).expect("reads").map(Sequence::get)
    };
    assert_eq!((since(0), since(102), since(108), since(9_999)), (Some(101), Some(108), Some(108), None));
}

#[test]
fn partitions_are_listed_with_their_bounds() {
    let store = TestStore::new();
    let written = events(1..=9_000, 4_000, 5);
    let summary = store.write(1, std::slice::from_ref(&written));
    let run = only_run(&store, &summary);
    let mut expected: BTreeMap<(Token, Bytes), (u32, i64, i64, u64)> = BTreeMap::new();
    for event in &written {
        let entry = expected.entry((event.token(), event.key_bytes())).or_insert((0, i64::MAX, i64::MIN, 0));
        *entry = (entry.0 + 1, entry.1.min(event.time), entry.2.max(event.time), entry.3.max(event.sequence));
    }
    assert_eq!(run.summary().partition_count as usize, expected.len());
    let mut cursor = run.partitions(Access::Read).expect("opens");
    for ((token, key), &(count, min, max, last)) in &expected {
        let partition = cursor.partition().expect("one more").clone();
        assert_eq!((partition.token, &partition.key), (*token, key));
        let times = (partition.min_time.unix_nanos(), partition.max_time.unix_nanos());
        assert_eq!((partition.event_count, times, partition.last_sequence.get()), (count, (min, max), last));
        assert_eq!(run.partition_stats(*token, key, Access::Read).expect("reads"), Some(partition));
        cursor.advance(Access::Read).expect("reads on");
    }
    assert!(cursor.partition().is_none());
    assert_eq!(run.partition_stats(Token::of(b"absent"), b"absent", Access::Read).expect("reads"), None);
}

#[test]
fn what_is_not_in_memory_is_a_miss_and_not_a_read() {
    let store = TestStore::new();
    let written = events(1..=3_000, 10, 90);
    let summary = store.write(1, std::slice::from_ref(&written));
    let run = only_run(&store, &summary);
    let open = |access| run.cursor(RowSpan::all(), Direction::Ascending, access);
    assert!(matches!(open(Access::CacheOnly), Err(ReadError::Miss)));
    assert!(matches!(run.arrivals(Access::CacheOnly), Err(ReadError::Miss)));
    let mut cursor = open(Access::Read).expect("opens");
    // The first block is in memory, the second is not: the cursor stays, and goes on once it may read.
    let mut in_memory = 1;
    let miss = loop {
        match cursor.advance(Access::CacheOnly) {
            Ok(()) => in_memory += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(miss, ReadError::Miss));
    assert!(cursor.row().is_some() && (10..3_000).contains(&in_memory), "{in_memory} rows in the first block");
    cursor.advance(Access::Read).expect("reads on");
    assert_eq!(in_memory + sequences(cursor).len(), 3_000);
    assert_eq!(sequences(open(Access::CacheOnly).expect("the first block is kept")).len(), 3_000);
}

#[test]
fn a_seek_goes_on_and_never_back() {
    let store = TestStore::new();
    let written = events(1..=3_000, 10, 90);
    let summary = store.write(1, std::slice::from_ref(&written));
    let run = only_run(&store, &summary);
    let sorted = sorted(&written);
    let position = |event: &TestEvent| RowPosition {
        token: event.token(),
        key: event.key_bytes(),
        time: EventTime::from_unix_nanos(event.time),
        sequence: Sequence::new(event.sequence),
    };
    let mut cursor = run.cursor(RowSpan::all(), Direction::Ascending, Access::Read).expect("opens");
    for target in [0, 1, 700, 701, 699, 2_999] {
        cursor.seek(position(&sorted[target]), Access::Read).expect("seeks");
        assert_eq!(
            cursor.row().map(|row| row.sequence.get()),
            Some(sorted[target.max(if target == 699 { 701 } else { 0 })].sequence)
        );
    }
    let mut cursor = run.cursor(RowSpan::all(), Direction::Descending, Access::Read).expect("opens");
    for target in [2_999, 2_000, 2_001, 1] {
        cursor.seek(position(&sorted[target]), Access::Read).expect("seeks");
        let expected = if target == 2_001 { 1_999 } else { target - 1 };
        assert_eq!(cursor.row().map(|row| row.sequence.get()), Some(sorted[expected].sequence));
    }
}

#[test]
fn an_event_as_large_as_any_is_a_block_of_its_own() {
    let store = TestStore::new();
    let large = annals_model::limits::EVENT_BYTES_MAX;
    let written = vec![
        TestEvent::new("a", 1, 1, 10),
        TestEvent::new("a", 2, 2, large),
        TestEvent::new("b", 3, 3, large),
        TestEvent::new("c", 3, 4, 0),
    ];
    let summary = store.write(1, std::slice::from_ref(&written));
    let arrivals = only_run(&store, &summary).arrivals(Access::Read).expect("decodes");
    let given: Vec<_> = arrivals.events_from(Sequence::FIRST).map(|event| event.bytes).collect();
    assert_eq!(given, written.iter().map(|event| event.bytes.clone()).collect::<Vec<_>>());
}

fn any_events() -> impl Strategy<Value = Vec<TestEvent>> {
    let event = ("[a-e]{1,3}", -20_i64..20, 0_usize..3_000);
    (1_u64..1_000_000, prop::collection::vec(event, 1..250)).prop_map(|(first, events)| {
        let place = |(sequence, (key, hours, filler)): (u64, (String, i64, usize))| {
            TestEvent::new(&key, hours * 1_800_000_000_000, sequence, filler)
        };
        (first..).zip(events).map(place).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_run_gives_exactly_the_rows_of_any_span(
        written in any_events(),
        (low, high) in (any::<i64>(), any::<i64>()),
        (start, end) in (-21_i64..21, -21_i64..21),
        descending: bool,
        rows_max in 1_usize..20,
    ) {
        let store = TestStore::new();
        let summary = store.write(9, std::slice::from_ref(&written));
        let run = only_run(&store, &summary);
        let tokens = TokenRange { first: Token::new(low.min(high)), last: Token::new(low.max(high)) };
        let times = between(start.min(end) * 1_800_000_000_000, start.max(end) * 1_800_000_000_000);
        let mut expected: Vec<u64> = sorted(&written)
            .iter()
            .filter(|event| tokens.contains(event.token()) && times.contains(EventTime::from_unix_nanos(event.time)))
            .map(|event| event.sequence)
            .collect();
        let direction = if descending { Direction::Descending } else { Direction::Ascending };
        if descending {
            expected.reverse();
        }
        let (estimated, _) = run.estimate(tokens, &times, Access::Read).expect("estimates");
        prop_assert!(estimated >= expected.len() as u64);
        let cursor = || run.cursor(RowSpan::tokens(tokens, times), direction, Access::Read).expect("opens");
        prop_assert_eq!(&sequences(cursor()), &expected);
        prop_assert_eq!(sequences_by_stretches(cursor(), rows_max), expected);
        let arrivals = run.arrivals(Access::Read).expect("decodes");
        let given: Vec<Bytes> = arrivals.events_from(Sequence::ZERO).map(|event| event.bytes).collect();
        let sent: Vec<Bytes> = written.iter().map(|event| event.bytes.clone()).collect();
        prop_assert_eq!(given, sent);
    }
}
