//! What a table must hold, kept in the plainest way: a list of events for each shard, searched and sorted whole.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use annals_engine::{
    ArrivalScope, CountedScan, PartitionRead, PartitionSelection, PartitionStats, ScanOrder, ShardAppended, ShardStats,
};
use annals_model::{EventBatch, Moment, PartitionKey, Sequence, Shard, ShardCount, StoredEvent, Token};

/// The events of one table.
#[derive(Clone, Debug)]
pub struct Oracle {
    shards: Vec<ShardEvents>,
}

#[derive(Clone, Debug, Default)]
struct ShardEvents {
    /// By sequence; what was trimmed is no longer there.
    events: BTreeMap<u64, StoredEvent>,
    head: u64,
}

impl Oracle {
    /// An empty table.
    pub fn new(count: ShardCount) -> Self {
        Self { shards: vec![ShardEvents::default(); count.get() as usize] }
    }

    /// A table that holds these events.
    ///
    /// # Panics
    /// When the sequences of a shard are not 1, 2, 3, …
    pub fn of(count: ShardCount, events: &[StoredEvent]) -> Self {
        let mut oracle = Self::new(count);
        for event in events {
            let shard = &mut oracle.shards[event.shard.index()];
            assert_eq!(event.sequence.get(), shard.head + 1, "sequences are dense");
            shard.head = event.sequence.get();
            shard.events.insert(shard.head, event.clone());
        }
        oracle
    }

    /// Adds a batch that was acknowledged.
    ///
    /// # Panics
    /// When its sequences do not follow on the shard's.
    pub fn record(&mut self, batch: &EventBatch, appended: &ShardAppended) {
        let shard = &mut self.shards[appended.shard.index()];
        assert_eq!(appended.event_count, batch.len() as u64, "the answer counts the batch's events");
        assert_eq!(appended.first_sequence.get(), shard.head + 1, "sequences are dense");
        for (row, sequence) in batch.rows().iter().zip(appended.first_sequence.get()..) {
            let event = StoredEvent {
                bytes: batch.bytes().slice(row.event_range()),
                key_offset: row.key_offset,
                key_length: row.key_length,
                token: row.token,
                time: row.time,
                shard: appended.shard,
                sequence: Sequence::new(sequence),
                commit_time: appended.commit_time,
            };
            if let Some((_, last)) = shard.events.last_key_value() {
                assert!(last.commit_time <= event.commit_time, "commit times never go back");
            }
            shard.head = sequence;
            shard.events.insert(sequence, event);
        }
    }

    /// Forgets what retention removed: all of a shard before `first_retained`. Returns how many events went.
    pub fn trim(&mut self, shard: Shard, first_retained: Sequence) -> u64 {
        let events = &mut self.shards[shard.index()].events;
        let kept = events.split_off(&first_retained.get());
        let removed = std::mem::replace(events, kept);
        removed.len() as u64
    }

    /// How far each shard has come.
    pub fn moment(&self) -> Moment {
        Moment::new(self.shards.iter().map(|shard| Sequence::new(shard.head)).collect::<Vec<_>>())
    }

    /// All shards.
    pub fn shards(&self) -> impl Iterator<Item = Shard> {
        (0..).map(Shard::new).take(self.shards.len())
    }

    /// How many events there are.
    pub fn len(&self) -> u64 {
        self.shards.iter().map(|shard| shard.events.len() as u64).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The oldest retained sequence of a shard; none if nothing is retained.
    pub fn first_retained(&self, shard: Shard) -> Option<Sequence> {
        self.shards[shard.index()].events.keys().next().map(|&first| Sequence::new(first))
    }

    /// The events of a shard from `from` through `through` that `scope` wants, by sequence.
    pub fn arrivals(&self, shard: Shard, from: Sequence, through: Sequence, scope: &ArrivalScope) -> Vec<StoredEvent> {
        if from > through {
            return Vec::new();
        }
        let range = self.shards[shard.index()].events.range(from.get()..=through.get());
        range.map(|(_, event)| event).filter(|event| is_wanted(scope, event)).cloned().collect()
    }

    /// What all pages of a read must bring, from its first; `after` and `bounds` are not looked at.
    pub fn scan(&self, read: &PartitionRead) -> Vec<StoredEvent> {
        match &read.selection {
            PartitionSelection::Keys(keys) => {
                keys.iter().flat_map(|key| self.partition(read, |event| event.key() == key.as_bytes())).collect()
            }
            PartitionSelection::Slices(slices) => self.partition(read, |event| slices.contains(event.token)),
        }
    }

    /// What a count of a read must be.
    pub fn count(&self, read: &PartitionRead) -> CountedScan {
        let events = self.scan(read);
        let partitions: std::collections::BTreeSet<_> = events.iter().map(StoredEvent::key).collect();
        CountedScan { events: events.len() as u64, partitions: partitions.len() as u64 }
    }

    fn partition(&self, read: &PartitionRead, is_chosen: impl Fn(&StoredEvent) -> bool) -> Vec<StoredEvent> {
        let mut found: Vec<_> = self
            .all()
            .filter(|event| event.sequence <= read.moment.of(event.shard))
            .filter(|event| read.times.contains(event.time) && is_chosen(event))
            .cloned()
            .collect();
        found.sort_by(|one, other| by_partition(one, other).then_with(|| by_time(one, other, read.order)));
        limit(found, read.limit_per_partition)
    }

    fn all(&self) -> impl Iterator<Item = &StoredEvent> {
        self.shards.iter().flat_map(|shard| shard.events.values())
    }

    /// All partitions, by key.
    pub fn partitions(&self) -> Vec<PartitionStats> {
        let mut found: BTreeMap<&[u8], PartitionStats> = BTreeMap::new();
        for event in self.all() {
            let stats = found.entry(event.key()).or_insert_with(|| stats_of(event));
            stats.event_count += 1;
            stats.min_time = stats.min_time.min(event.time);
            stats.max_time = stats.max_time.max(event.time);
            stats.last_sequence = stats.last_sequence.max(event.sequence);
        }
        found.into_values().collect()
    }

    /// What each shard holds.
    pub fn shard_stats(&self) -> Vec<ShardStats> {
        let stats = self.shards().zip(&self.shards).map(|(shard, events)| ShardStats {
            shard,
            first_sequence: self.first_retained(shard).unwrap_or(Sequence::ZERO),
            last_sequence: Sequence::new(events.head),
            min_time: events.events.values().map(|event| event.time).min(),
            max_time: events.events.values().map(|event| event.time).max(),
        });
        stats.collect()
    }
}

fn stats_of(event: &StoredEvent) -> PartitionStats {
    PartitionStats {
        key: PartitionKey::new(event.key().to_vec()).expect("a stored key is a key"),
        token: Token::of(event.key()),
        event_count: 0,
        min_time: event.time,
        max_time: event.time,
        last_sequence: event.sequence,
    }
}

fn is_wanted(scope: &ArrivalScope, event: &StoredEvent) -> bool {
    match scope {
        ArrivalScope::All => true,
        ArrivalScope::Slices(slices) => slices.contains(event.token),
        ArrivalScope::Partitions(keys) => keys.iter().any(|key| key.as_bytes() == event.key()),
    }
}

fn by_partition(one: &StoredEvent, other: &StoredEvent) -> Ordering {
    (one.token, one.key()).cmp(&(other.token, other.key()))
}

fn by_time(one: &StoredEvent, other: &StoredEvent, order: ScanOrder) -> Ordering {
    let ascending = (one.time, one.sequence, one.shard).cmp(&(other.time, other.sequence, other.shard));
    match order {
        ScanOrder::Ascending => ascending,
        ScanOrder::Descending => ascending.reverse(),
    }
}

/// At most `limit` of each partition; the events are given partition by partition.
fn limit(events: Vec<StoredEvent>, limit: Option<u64>) -> Vec<StoredEvent> {
    let Some(limit) = limit else { return events };
    let mut kept: Vec<StoredEvent> = Vec::new();
    let mut given = 0;
    for event in events {
        if kept.last().is_some_and(|last| last.key() != event.key()) {
            given = 0;
        }
        if given < limit {
            given += 1;
            kept.push(event);
        }
    }
    kept
}
