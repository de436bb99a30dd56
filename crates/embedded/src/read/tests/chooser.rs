//! Chooses reads at random, and what there is to read.

use std::sync::Arc;

use annals_model::{
    EventTime, HashSlices, Moment, PartitionKey, Sequence, Shard, ShardCount, Sharding, TableId, TimeRange, Token,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use annals_engine::{PageBounds, PartitionRead, PartitionSelection, ScanOrder};

/// Chooses reads and what is read.
pub(super) struct Chooser {
    pub(super) random: StdRng,
    keys: Vec<Vec<u8>>,
    pub(super) shards: u32,
    pub(super) sharding: Sharding,
}

impl Chooser {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let keys = (0..random.random_range(1..40_u32)).map(|n| format!("{}/{n}", n % 5).into_bytes()).collect();
        let shards = *[1, 3, 8].choose(&mut random).expect("one of them");
        let sharding = if random.random_bool(0.5) { Sharding::Hash } else { Sharding::Explicit };
        Self { random, keys, shards, sharding }
    }

    pub(super) fn key(&mut self) -> Vec<u8> {
        self.keys.choose(&mut self.random).expect("a key").clone()
    }

    pub(super) fn batch(&mut self) -> (Shard, Vec<(Vec<u8>, i64)>) {
        let shard = Shard::new(self.random.random_range(0..self.shards));
        let count = self.random.random_range(1..20);
        let rows = (0..count).map(|_| (self.key(), self.random.random_range(0..50))).collect::<Vec<_>>();
        match self.sharding {
            Sharding::Explicit => (shard, rows),
            Sharding::Hash => {
                let shards = ShardCount::new(self.shards).expect("a count");
                let shard_of = |key: &[u8]| shards.shard_of(Token::of(key));
                let shard = shard_of(&rows[0].0);
                (shard, rows.into_iter().filter(|(key, _)| shard_of(key) == shard).collect())
            }
        }
    }

    pub(super) fn slices(&mut self) -> HashSlices {
        let count = self.random.random_range(1..9);
        let indexes = (0..self.random.random_range(1..4)).map(|_| self.random.random_range(0..count)).collect();
        HashSlices::new(count, indexes).expect("slices")
    }

    pub(super) fn some_keys(&mut self) -> Arc<[PartitionKey]> {
        let mut keys: Vec<_> = self.keys.clone();
        keys.push(b"absent".to_vec());
        let count = self.random.random_range(1..4);
        let chosen: Vec<_> = keys.choose_multiple(&mut self.random, count).cloned().collect();
        chosen.into_iter().map(|key| PartitionKey::new(key).expect("a key")).collect()
    }

    pub(super) fn bounds(&mut self) -> PageBounds {
        PageBounds {
            events_max: *[1, 2, 7, 1_000].choose(&mut self.random).expect("one of them"),
            bytes_max: *[1, 150, 100_000].choose(&mut self.random).expect("one of them"),
        }
    }

    pub(super) fn scan(&mut self, head: &Moment, floor: &Moment) -> PartitionRead {
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
            floor: floor.clone(),
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
