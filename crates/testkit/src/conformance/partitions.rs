//! Time order: partitions by token and key, their events by time, then by arrival, as of one moment.

use std::sync::Arc;

use annals_engine::{Engine, PageBounds, PartitionRead, PartitionSelection, ReadError, ScanOrder};
use annals_model::{EventTime, HashSlices, Moment, Shard, Sharding, TableDefinition, TimeRange, Token};
use rand::Rng;

use crate::event::TestEvent;
use crate::generator::{Generator, Shape, key_of};
use crate::subject::Subject;
use crate::trial::{NARROW, Tracked, Trial, WIDE, definition, key, scan};

fn keys(numbers: &[u32]) -> PartitionSelection {
    PartitionSelection::Keys(numbers.iter().map(|&number| key(key_of(number))).collect::<Arc<[_]>>())
}

fn between(start: i64, end: i64) -> TimeRange {
    let time = EventTime::from_unix_nanos;
    TimeRange::new(Some(time(start)), Some(time(end))).expect("in order")
}

/// Events that come late are in their place, among those of segments and among those just taken in.
pub async fn late_events_are_in_their_place<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("late", 1)).await;
    for time in [50, 10, 40, 20, 30] {
        tracked.append(&**trial.engine(), &[TestEvent::new("key", time)]).await.expect("an append");
        tracked.check(&**trial.engine()).await;
    }
    trial.settle().await;
    for time in [5, 25, 60, 25] {
        tracked.append(&**trial.engine(), &[TestEvent::new("key", time)]).await.expect("an append");
        tracked.check(&**trial.engine()).await;
    }
    let times: Vec<_> =
        scan(&**trial.engine(), tracked.read_all()).await.iter().map(|event| event.time.unix_nanos()).collect();
    assert_eq!(times, [5, 10, 20, 25, 25, 30, 40, 50, 60]);
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// Events of one time come in the order of their arrival, in both directions.
pub async fn events_of_one_time_keep_their_arrival_order<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("ties", 1)).await;
    for _ in 0..5 {
        let ties: Vec<_> = (0..6).map(|index| TestEvent::new("key", index % 2)).collect();
        tracked.append(&**trial.engine(), &ties).await.expect("an append");
        trial.settle().await;
    }
    trial.check_everywhere(&tracked).await;
    for start in 0..3 {
        let read = PartitionRead { times: between(start, start + 1), bounds: NARROW, ..tracked.read_all() };
        tracked.check_scan(&**trial.engine(), read).await;
    }
    trial.finish().await;
}

/// The first and the last nanosecond of time are times like others.
pub async fn the_ends_of_time_can_be_scanned<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("ends", 1)).await;
    let ends = [i64::MIN, i64::MAX, 0, i64::MIN + 1, i64::MAX - 1, -1];
    let events: Vec<_> = ends.iter().map(|&time| TestEvent::new("key", time)).collect();
    tracked.append(&**trial.engine(), &events).await.expect("an append");
    let time = EventTime::from_unix_nanos;
    let ranges = [
        TimeRange::new(Some(EventTime::MIN), Some(EventTime::MAX)),
        TimeRange::new(Some(EventTime::MAX), None),
        TimeRange::new(None, Some(time(i64::MIN + 1))),
        TimeRange::new(Some(time(0)), Some(time(0))),
        TimeRange::new(Some(time(-1)), Some(time(1))),
    ];
    for _ in 0..2 {
        for times in ranges {
            for order in [ScanOrder::Ascending, ScanOrder::Descending] {
                let read =
                    PartitionRead { times: times.expect("in order"), order, bounds: NARROW, ..tracked.read_all() };
                tracked.check_scan(&**trial.engine(), read).await;
            }
        }
        trial.check_everywhere(&tracked).await;
    }
    trial.finish().await;
}

/// Keys of one token, found by running its hash backwards. Whoever may choose keys can make as many as they like.
const OF_ONE_TOKEN: [&[u8]; 3] = [
    b"\x1d\x41\x26\x1c\x5f\x7f\xc5\x91\xd3\x6c\xe7\x8c\x26\xa0\x95\x14",
    b"\x85\x16\x6e\x5d\xb3\xb1\x8e\x83\x88\x0a\xea\x8e\xc7\xfa\xd7\x67",
    b"\x04\xae\x07\x0b\xe6\xa9\x17\x94\x5d\x95\x2e\x45\x3f\xef\x72\x57",
];

/// As `OF_ONE_TOKEN`, of another token, longer, and with the same beginning.
const LONG_OF_ONE_TOKEN: [&[u8]; 2] = [
    b"two keys, one to\xb3\x7c\xdc\x12\x06\xe1\x1c\x75\x0c\xd4\x62\xf0\x1f\xd3\xf5\x17",
    b"two keys, one to\x2f\x6c\x5f\xc1\xac\x1e\x5c\x28\x86\xd7\x3c\xd4\x89\x65\x1d\xa5",
];

/// Partitions whose keys have the same token are as far apart as others: in every read, and for each that is named.
pub async fn keys_of_one_token_are_partitions_of_their_own<S: Subject>(mut trial: Trial<S>) {
    for colliding in [&OF_ONE_TOKEN[..], &LONG_OF_ONE_TOKEN] {
        assert!(colliding.windows(2).all(|pair| Token::of(pair[0]) == Token::of(pair[1])));
    }
    let mut tracked = trial.create(definition("collisions", 2)).await;
    let all = [&OF_ONE_TOKEN[..], &LONG_OF_ONE_TOKEN].concat();
    for round in 0..6 {
        let events: Vec<_> = (0..300)
            .map(|index: usize| {
                let time = i64::try_from((index * 31 + round) % 100).expect("small");
                TestEvent { key: all[(index * 7 + round) % all.len()].to_vec(), ..TestEvent::new("", time) }
            })
            .collect();
        tracked.append(&**trial.engine(), &events).await.expect("an append");
        if round == 2 || round == 4 {
            trial.settle().await;
        }
        for &one in &all {
            let selection = PartitionSelection::Keys(Arc::from([key(one)]));
            let read = PartitionRead { selection, times: between(20, 80), ..tracked.read_all() };
            tracked.check_scan(&**trial.engine(), read).await;
        }
    }
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

async fn filled<S: Subject>(trial: &Trial<S>, name: &str, shards: u32, seed: u64) -> Tracked {
    let mut tracked = trial.create(definition(name, shards)).await;
    let mut generator = Generator::new(seed, Shape::default());
    for batch in 0..12 {
        let events = generator.events(25);
        tracked.append(&**trial.engine(), &events).await.expect("an append");
        if batch == 3 || batch == 7 {
            trial.settle().await;
        }
    }
    tracked
}

/// A limit for each partition holds over pages, in both directions.
pub async fn limits_hold_for_each_partition<S: Subject>(trial: Trial<S>) {
    let tracked = filled(&trial, "limits", 2, 21).await;
    for limit in [1, 2, 5, 1_000] {
        for order in [ScanOrder::Ascending, ScanOrder::Descending] {
            for bounds in [WIDE, NARROW] {
                let limit_per_partition = Some(limit);
                let all = PartitionRead { limit_per_partition, order, bounds, ..tracked.read_all() };
                tracked.check_scan(&**trial.engine(), all.clone()).await;
                let some = PartitionRead { selection: keys(&[3, 1, 2]), ..all };
                tracked.check_scan(&**trial.engine(), some).await;
            }
        }
    }
    trial.finish().await;
}

/// Named partitions come in the order in which they were named; one that holds nothing is left out.
pub async fn keys_come_in_the_order_asked_for<S: Subject>(mut trial: Trial<S>) {
    let tracked = filled(&trial, "named", 3, 22).await;
    for _ in 0..2 {
        for numbers in [&[0][..], &[5, 0, 3], &[900], &[2, 900, 1], &[1, 0, 2, 3, 4, 5, 6, 7]] {
            for bounds in [WIDE, NARROW] {
                let read = PartitionRead { selection: keys(numbers), bounds, ..tracked.read_all() };
                tracked.check_scan(&**trial.engine(), read).await;
            }
        }
        trial.settle().await;
        trial.reopen().await;
    }
    trial.finish().await;
}

/// A scan as of a moment brings what was stored then, whatever came since.
pub async fn a_moment_leaves_out_what_came_later<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = filled(&trial, "moments", 2, 23).await;
    let then = tracked.read_all();
    let mut generator = Generator::new(24, Shape::default());
    for round in 0..3 {
        let events = generator.events(40);
        tracked.append(&**trial.engine(), &events).await.expect("an append");
        for bounds in [WIDE, NARROW] {
            for order in [ScanOrder::Ascending, ScanOrder::Descending] {
                tracked.check_scan(&**trial.engine(), PartitionRead { bounds, order, ..then.clone() }).await;
            }
        }
        if round == 1 {
            trial.settle().await;
            trial.reopen().await;
        }
    }
    let nothing = Moment::start(tracked.table.definition.shard_count);
    tracked.check_scan(&**trial.engine(), PartitionRead { moment: nothing, ..then }).await;
    trial.finish().await;
}

/// A moment that the store has not come to is an error that names both.
pub async fn a_moment_that_lies_ahead_is_refused<S: Subject>(trial: Trial<S>) {
    let tracked = filled(&trial, "ahead", 1, 25).await;
    let head = tracked.oracle.moment().of(Shard::ZERO);
    let read = PartitionRead { moment: Moment::new(vec![head.next()]), ..tracked.read_all() };
    let refused = trial.engine().read_partitions(read.clone()).await.expect_err("a moment ahead");
    let named =
        matches!(refused, ReadError::MomentAhead { asked, head: found, .. } if asked == head.next() && found == head);
    assert!(named, "{refused}");
    let refused = trial.engine().count(read).await.expect_err("a moment ahead");
    assert!(matches!(refused, ReadError::MomentAhead { .. }), "{refused}");
    trial.finish().await;
}

/// However the hash space is cut, the slices together bring every event once.
pub async fn slices_share_out_every_event_once<S: Subject>(trial: Trial<S>) {
    let tracked = filled(&trial, "slices", 3, 26).await;
    for count in [1, 2, 3, 7, 64] {
        let mut together = 0;
        for index in 0..count {
            let slices = HashSlices::new(count, vec![index]).expect("a slice");
            let read = PartitionRead {
                selection: PartitionSelection::Slices(slices),
                bounds: if index % 2 == 0 { NARROW } else { WIDE },
                ..tracked.read_all()
            };
            tracked.check_scan(&**trial.engine(), read.clone()).await;
            together += trial.engine().count(read).await.expect("a count").events;
        }
        assert_eq!(together, tracked.oracle.len(), "{count} slices");
    }
    trial.finish().await;
}

/// With explicit sharding a key lies where the appender put it; a scan merges its shards by time.
pub async fn a_key_may_lie_in_several_explicit_shards<S: Subject>(mut trial: Trial<S>) {
    let explicit = TableDefinition { sharding: Sharding::Explicit, ..definition("explicit", 3) };
    let mut tracked = trial.create(explicit).await;
    let mut generator = Generator::new(27, Shape { partitions: 4, times: 20, ..Shape::default() });
    for round in 0..12 {
        let shard = Shard::new(round % 3);
        let events = generator.events(10);
        let append = tracked.append_of_shard(&**trial.engine(), shard, &events);
        tracked.commit(&**trial.engine(), append).await.expect("an append");
        if round == 6 {
            trial.settle().await;
        }
    }
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// Scans of random selections, ranges, orders, limits and bounds bring what the oracle brings.
pub async fn random_scans_and_counts_agree_with_the_oracle<S: Subject>(mut trial: Trial<S>) {
    let tracked = filled(&trial, "random", 4, 28).await;
    let mut generator = Generator::new(29, Shape::default());
    for round in 0..120 {
        let read = random_read(&tracked, &mut generator);
        tracked.check_scan(&**trial.engine(), read).await;
        if round == 60 {
            trial.settle().await;
            trial.reopen().await;
        }
    }
    trial.finish().await;
}

/// A random read of a table that a generator of the default shape filled.
pub fn random_read(tracked: &Tracked, generator: &mut Generator) -> PartitionRead {
    let random = generator.random();
    let selection = if random.random_bool(0.5) {
        let mut numbers: Vec<u32> = (0..random.random_range(1..6)).map(|_| random.random_range(0..24)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if random.random_bool(0.5) {
            numbers.reverse();
        }
        keys(&numbers)
    } else {
        let count = random.random_range(1..9);
        let indexes = (0..random.random_range(1..=count)).map(|_| random.random_range(0..count)).collect();
        PartitionSelection::Slices(HashSlices::new(count, indexes).expect("slices"))
    };
    let start = random.random_range(-10..500);
    let moment = tracked.oracle.moment();
    let earlier =
        moment.sequences().iter().map(|head| annals_model::Sequence::new(random.random_range(0..=head.get())));
    let earlier = Moment::new(earlier.collect::<Vec<_>>());
    PartitionRead {
        table: tracked.id(),
        moment: if random.random_bool(0.3) { earlier } else { moment },
        floor: tracked.floor(),
        selection,
        times: if random.random_bool(0.5) {
            TimeRange::ALL
        } else {
            between(start, start + random.random_range(0..300))
        },
        order: if random.random_bool(0.5) { ScanOrder::Ascending } else { ScanOrder::Descending },
        limit_per_partition: random.random_bool(0.3).then(|| random.random_range(1..10)),
        after: None,
        bounds: PageBounds { events_max: random.random_range(1..50), bytes_max: random.random_range(1..10_000) },
    }
}

/// An estimate of everything is of the size of everything, and one of a small part is smaller.
pub async fn an_estimate_is_of_the_right_size<S: Subject>(mut trial: Trial<S>) {
    let tracked = filled(&trial, "estimate", 2, 30).await;
    let (events, all) = (tracked.oracle.len(), HashSlices::all());
    for _ in 0..2 {
        let whole = trial.engine().estimate(tracked.id(), &all, TimeRange::ALL).await.expect("an estimate");
        assert!((events / 2..=events * 2).contains(&whole.events), "{} events, estimated {}", events, whole.events);
        let sixteenth = HashSlices::new(16, vec![3]).expect("a slice");
        let part = trial.engine().estimate(tracked.id(), &sixteenth, TimeRange::ALL).await.expect("an estimate");
        assert!(part.events <= whole.events && part.bytes <= whole.bytes, "a part is no larger than the whole");
        trial.settle().await;
        trial.reopen().await;
    }
    trial.finish().await;
}
