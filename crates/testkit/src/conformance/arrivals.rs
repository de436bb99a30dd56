//! Arrival order: pages of any bounds bring the same events, by sequence, and a scope leaves out only what it must.

use std::sync::Arc;

use annals_engine::{ArrivalRead, ArrivalScope, Engine, PageBounds, ReadError};
use annals_model::{CommitTime, HashSlices, Sequence, Shard, ShardCount, TableId};
use rand::Rng;

use crate::generator::{Generator, Shape, key_of};
use crate::subject::Subject;
use crate::trial::{NARROW, Tracked, Trial, WIDE, definition, key};

async fn filled<S: Subject>(trial: &Trial<S>, name: &str, shards: u32, seed: u64) -> Tracked {
    let mut tracked = trial.create(definition(name, shards)).await;
    let mut generator = Generator::new(seed, Shape::default());
    for batch in 0..12 {
        let events = generator.events(25);
        tracked.append(&**trial.engine(), &events).await.expect("an append");
        if batch == 5 {
            trial.settle().await;
        }
    }
    tracked
}

/// However a reader cuts its pages, it gets each event once, by sequence.
pub async fn pages_of_any_bounds_bring_the_same<S: Subject>(trial: Trial<S>) {
    let tracked = filled(&trial, "pages", 1, 11).await;
    let all = tracked.read_shard(Shard::ZERO);
    for events_max in [1, 2, 7, 25, 1_000] {
        for bytes_max in [1, 300, 5_000, 1_000_000] {
            let bounds = PageBounds { events_max, bytes_max };
            tracked.check_arrivals(&**trial.engine(), ArrivalRead { bounds, ..all.clone() }).await;
        }
    }
    trial.finish().await;
}

/// A scope of slices or of partitions brings exactly their events, settled or not.
pub async fn scopes_leave_out_what_they_do_not_want<S: Subject>(mut trial: Trial<S>) {
    let tracked = filled(&trial, "scoped", 2, 12).await;
    let slices = |count, index| ArrivalScope::Slices(HashSlices::new(count, vec![index]).expect("a slice"));
    let partitions = |numbers: &[u32]| {
        ArrivalScope::Partitions(numbers.iter().map(|&number| key(key_of(number))).collect::<Arc<[_]>>())
    };
    let scopes = [
        slices(1, 0),
        slices(4, 0),
        slices(4, 3),
        slices(65_536, 17),
        partitions(&[0]),
        partitions(&[1, 2, 3]),
        partitions(&[7, 0, 900]),
        partitions(&[900]),
    ];
    for _ in 0..2 {
        for shard in ShardCount::new(2).expect("a count").shards() {
            for scope in &scopes {
                for bounds in [WIDE, NARROW] {
                    let read = ArrivalRead { scope: scope.clone(), bounds, ..tracked.read_shard(shard) };
                    tracked.check_arrivals(&**trial.engine(), read).await;
                }
            }
        }
        trial.settle().await;
        trial.reopen().await;
    }
    trial.finish().await;
}

/// Any first and last sequence can be asked for; past the head means the head.
pub async fn a_read_goes_on_where_any_page_ended<S: Subject>(mut trial: Trial<S>) {
    let tracked = filled(&trial, "ranges", 1, 13).await;
    let head = tracked.oracle.moment().of(Shard::ZERO);
    let mut generator = Generator::new(14, Shape::default());
    for _ in 0..2 {
        for _ in 0..40 {
            let from = Sequence::new(generator.random().random_range(1..=head.get()));
            let through = Sequence::new(generator.random().random_range(from.get()..=head.get() + 5));
            let read = ArrivalRead { from, through, bounds: NARROW, ..tracked.read_shard(Shard::ZERO) };
            tracked.check_arrivals(&**trial.engine(), read).await;
        }
        let past = ArrivalRead { from: head.next(), ..tracked.read_shard(Shard::ZERO) };
        let page = trial.engine().read_arrivals(past).await.expect("an empty page");
        assert!(page.events.is_empty(), "nothing lies past the head");
        trial.settle().await;
        trial.reopen().await;
    }
    trial.finish().await;
}

/// A shard or a table that is not there is an error, never an empty answer.
pub async fn a_shard_that_is_not_there_is_an_error<S: Subject>(trial: Trial<S>) {
    let tracked = filled(&trial, "errors", 2, 15).await;
    let read = ArrivalRead { shard: Shard::new(2), ..tracked.read_shard(Shard::ZERO) };
    let refused = trial.engine().read_arrivals(read).await.expect_err("shard 2 of 2");
    assert!(matches!(refused, ReadError::UnknownShard { shard, .. } if shard == Shard::new(2)), "{refused}");
    let refused = trial.engine().first_retained(tracked.id(), Shard::new(2)).expect_err("shard 2 of 2");
    assert!(matches!(refused, ReadError::UnknownShard { shard, .. } if shard == Shard::new(2)), "{refused}");
    let nowhere = TableId::from_bytes([0xee; 16]);
    let refused = trial.engine().first_retained(nowhere, Shard::ZERO).expect_err("a table that never was");
    assert!(matches!(refused, ReadError::UnknownTable(id) if id == nowhere), "{refused}");
    let read = ArrivalRead { table: nowhere, ..tracked.read_shard(Shard::ZERO) };
    let refused = trial.engine().read_arrivals(read).await.expect_err("a table that never was");
    assert!(matches!(refused, ReadError::UnknownTable(id) if id == nowhere), "{refused}");
    trial.finish().await;
}

/// A commit time finds the first event committed at or after it.
pub async fn a_commit_time_finds_its_first_event<S: Subject>(mut trial: Trial<S>) {
    let tracked = filled(&trial, "times", 1, 16).await;
    let events = tracked.oracle.arrivals(Shard::ZERO, Sequence::FIRST, Sequence::MAX, &ArrivalScope::All);
    let head = tracked.oracle.moment().of(Shard::ZERO);
    for _ in 0..2 {
        for event in events.iter().step_by(7) {
            for nanos in [-1, 0, 1] {
                let time = CommitTime::from_unix_nanos(event.commit_time.unix_nanos() + nanos);
                let expected = events.iter().find(|event| event.commit_time >= time).map(|event| event.sequence);
                let found = trial.engine().find_commit_time(tracked.id(), Shard::ZERO, time).await.expect("a sequence");
                assert_eq!(found, expected.unwrap_or_else(|| head.next()), "{time}");
            }
        }
        trial.settle().await;
        trial.reopen().await;
    }
    trial.finish().await;
}
