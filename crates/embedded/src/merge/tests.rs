//! Merges of sources in memory against a plain sort.

use std::convert::Infallible;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use annals_model::CommitTime;

use super::*;

/// A sorted list of events as a source.
#[derive(Debug)]
pub(crate) struct ListCursor {
    events: Vec<StoredEvent>,
    /// The partition under the cursor.
    start: usize,
    end: usize,
    window: Option<RowWindow>,
    /// The rows of the window not yet given, in the window's order, last first.
    rest: Vec<usize>,
}

impl ListCursor {
    fn new(mut events: Vec<StoredEvent>) -> Self {
        events.sort_by(|a, b| (a.token, a.key(), RowPlace::of(a)).cmp(&(b.token, b.key(), RowPlace::of(b))));
        Self { events, start: 0, end: 0, window: None, rest: Vec::new() }
    }

    fn settle(&mut self) {
        let key = self.events.get(self.start).map(|event| event.key().to_vec());
        self.end = self.start
            + self.events[self.start..].iter().take_while(|event| Some(event.key()) == key.as_deref()).count();
    }
}

impl PartitionCursor for ListCursor {
    type Error = Infallible;

    fn seek(&mut self, token: Token, key: &[u8]) -> Result<(), Infallible> {
        self.start = self.events.partition_point(|event| (event.token, event.key()) < (token, key));
        self.settle();
        Ok(())
    }

    fn partition(&self) -> Option<(Token, &[u8])> {
        self.events.get(self.start).map(|event| (event.token, event.key()))
    }

    fn leave(&mut self) -> Result<(), Infallible> {
        self.start = self.end;
        self.settle();
        Ok(())
    }
}

impl RowCursor for ListCursor {
    fn enter(&mut self, window: &RowWindow) -> Result<(), Infallible> {
        self.window = Some(*window);
        self.rest =
            (self.start..self.end).filter(|&index| window.contains(RowPlace::of(&self.events[index]))).collect();
        if window.order == ScanOrder::Ascending {
            self.rest.reverse();
        }
        Ok(())
    }

    fn row(&self) -> Option<RowPlace> {
        self.rest.last().map(|&index| RowPlace::of(&self.events[index]))
    }

    fn visit_before(
        &mut self,
        bound: Option<RowPlace>,
        visit: &mut impl FnMut(StoredEvent) -> Flow,
    ) -> Result<Flow, Infallible> {
        let window = self.window.expect("a window was entered");
        while let Some(place) = self.row()
            && bound.is_none_or(|bound| window.is_before(place, bound))
        {
            let index = self.rest.pop().expect("a row is under the cursor");
            if visit(self.events[index].clone()) == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }
}

fn event(key: u8, time: i64, sequence: u64, shard: u32) -> StoredEvent {
    let key = format!("key-{key}").into_bytes();
    StoredEvent {
        key_offset: 0,
        key_length: u16::try_from(key.len()).expect("a short key"),
        token: Token::of(&key),
        bytes: Bytes::from(key),
        time: EventTime::from_unix_nanos(time),
        shard: Shard::new(shard),
        sequence: Sequence::new(sequence),
        commit_time: CommitTime::MIN,
    }
}

fn merged(sources: &[Vec<StoredEvent>], window: &RowWindow, limit: usize) -> Vec<StoredEvent> {
    let mut merge = PartitionMerge::new(sources.iter().cloned().map(ListCursor::new).collect());
    let mut events = Vec::new();
    let Ok(()) = merge.seek(Token::MIN, b"");
    while merge.partition().is_some() {
        let mut given = 0;
        let Ok(_) = merge.visit_rows(window, |event| {
            if given == limit {
                return Flow::Stop;
            }
            given += 1;
            events.push(event);
            Flow::Continue
        });
        let Ok(()) = merge.leave();
    }
    events
}

fn sorted(sources: &[Vec<StoredEvent>], window: &RowWindow, limit: usize) -> Vec<StoredEvent> {
    let mut events: Vec<_> = sources.iter().flatten().filter(|e| window.contains(RowPlace::of(e))).cloned().collect();
    events.sort_by(|a, b| {
        let within = match window.order {
            ScanOrder::Ascending => RowPlace::of(a).cmp(&RowPlace::of(b)),
            ScanOrder::Descending => RowPlace::of(b).cmp(&RowPlace::of(a)),
        };
        (a.token, a.key()).cmp(&(b.token, b.key())).then(within)
    });
    let mut kept: Vec<StoredEvent> = Vec::new();
    for event in events {
        if kept.iter().filter(|k| k.key() == event.key()).count() < limit {
            kept.push(event);
        }
    }
    kept
}

#[test]
fn a_merge_gives_what_sorting_everything_gives() {
    let seed: u64 = rand::rng().random();
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..300 {
        let mut sequence = 0;
        let sources: Vec<Vec<StoredEvent>> = (0..random.random_range(0..6))
            .map(|shard| {
                (0..random.random_range(0..30))
                    .map(|_| {
                        sequence += 1;
                        event(random.random_range(0..8), random.random_range(-5..5), sequence, shard % 3)
                    })
                    .collect()
            })
            .collect();
        let start = random.random_range(-6..6);
        let times = TimeRange::new(
            random.random_bool(0.5).then_some(EventTime::from_unix_nanos(start)),
            random.random_bool(0.5).then_some(EventTime::from_unix_nanos(start + random.random_range(0..6))),
        )
        .expect("in order");
        let order = if random.random_bool(0.5) { ScanOrder::Ascending } else { ScanOrder::Descending };
        let after = random.random_bool(0.3).then(|| RowPlace {
            time: EventTime::from_unix_nanos(random.random_range(-5..5)),
            sequence: Sequence::new(random.random_range(0..90)),
            shard: Shard::ZERO,
        });
        let window = RowWindow { times, order, after };
        let limit = if random.random_bool(0.5) { usize::MAX } else { random.random_range(0..4) };
        assert_eq!(merged(&sources, &window, limit), sorted(&sources, &window, limit), "seed {seed}");
    }
}

#[test]
fn equal_times_come_by_sequence_then_by_shard() {
    let window = RowWindow { times: TimeRange::ALL, order: ScanOrder::Ascending, after: None };
    let sources = [vec![event(1, 5, 7, 1), event(1, 5, 9, 1)], vec![event(1, 5, 7, 0), event(1, 5, 8, 0)]];
    let places: Vec<_> =
        merged(&sources, &window, usize::MAX).iter().map(|e| (e.sequence.get(), e.shard.get())).collect();
    assert_eq!(places, [(7, 0), (7, 1), (8, 0), (9, 1)]);
}

#[test]
fn a_seek_starts_between_partitions() {
    let source: Vec<_> = (0..20).map(|key| event(key, 0, u64::from(key) + 1, 0)).collect();
    let mut tokens: Vec<_> = source.iter().map(|event| event.token).collect();
    tokens.sort();
    let mut merge = PartitionMerge::new(vec![ListCursor::new(source)]);
    let Ok(()) = merge.seek(tokens[7], b"");
    assert_eq!(merge.partition().map(|(token, _)| token), Some(tokens[7]));
    let Ok(()) = merge.seek(tokens[7], b"\xff");
    assert_eq!(merge.partition().map(|(token, _)| token), Some(tokens[8]));
}

#[test]
fn a_place_among_shards_bounds_the_rows_of_each() {
    for order in [ScanOrder::Ascending, ScanOrder::Descending] {
        let after = RowPlace::of(&event(1, 5, 7, 1));
        let window = RowWindow { times: TimeRange::ALL, order, after: Some(after) };
        for (shard, sequence) in [0, 1, 2].into_iter().flat_map(|shard| (5..10).map(move |sequence| (shard, sequence)))
        {
            let row = RowPlace::of(&event(1, 5, sequence, shard));
            let bound = window.after_in(row.shard).expect("a bound");
            let comes_after = match order {
                ScanOrder::Ascending => (row.time, row.sequence) > bound,
                ScanOrder::Descending => (row.time, row.sequence) < bound,
            };
            assert_eq!(comes_after, window.contains(row), "{row:?} in {order:?}");
        }
    }
}
