//! The partition index of a memtable: from a key to the partition's events, and the partitions in token order.
//!
//! Partitions are numbered as they appear and never go. The hash is of the key with a seed of its own, not the token:
//! tokens are easy to make collide on purpose. The token order is sorted by readers when they want it, not by the
//! commit thread.

use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::ops::{Bound, Range};
use std::sync::Arc;

use annals_model::{Sequence, Token};
use bytes::Bytes;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::arrived::ArrivedBatch;
use super::timeline::{Entry, Timeline};

/// What one event costs in the indexes: a timeline's entry and an arrival, with the slack of vectors that double.
const INDEX_BYTES_PER_EVENT: u64 = 2 * (size_of::<Entry>() as u64 + 4);

/// What a partition costs beside its events: itself, its place in the hash table and the allocator's overhead.
const INDEX_BYTES_PER_PARTITION: u64 = 2 * size_of::<Partition>() as u64 + 64;

/// One partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) token: Token,
    /// The key, in the buffer of its first event: found with one look, since each event that is added compares it.
    pub(super) key: Bytes,
    /// Its events by (time, sequence).
    pub(super) timeline: Timeline,
    /// Its events by sequence, counted from the memtable's first.
    pub(super) arrivals: Vec<u32>,
}

/// All partitions of a memtable. See the module.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    all: Vec<Partition>,
    by_key: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// Partitions by (token, key), as far as a reader has sorted them.
#[derive(Debug, Default)]
pub(super) struct TokenOrder {
    sorted: Arc<Vec<u32>>,
}

impl Partitions {
    /// Adds the rows `rows` of the last batch; gives the bytes that the indexes have grown by.
    pub(super) fn add(&mut self, batches: &[Arc<ArrivedBatch>], first: Sequence, rows: Range<usize>) -> u64 {
        let arrived = batches.last().expect("the batch was added before its rows");
        let narrow = |wide: usize| u32::try_from(wide).expect("a memtable holds far fewer than 2^32 of anything");
        let batch_index = narrow(batches.len() - 1);
        let batch_offset = u32::try_from(arrived.first_sequence.distance_from(first))
            .expect("a memtable is frozen long before it holds 2^32 events");
        let partitions_before = self.all.len();
        let row_count = rows.len() as u64;
        for row_index in rows {
            let row = &arrived.batch.rows()[row_index];
            let key = arrived.batch.key(row);
            let partition = self.find_or_add(row.token, key, || arrived.batch.bytes().slice(row.key_range()));
            let offset = batch_offset + narrow(row_index);
            partition.timeline.add(Entry { time: row.time, offset, batch: batch_index });
            partition.arrivals.push(offset);
        }
        let partitions_added = (self.all.len() - partitions_before) as u64;
        row_count * INDEX_BYTES_PER_EVENT + partitions_added * INDEX_BYTES_PER_PARTITION
    }

    fn find_or_add(&mut self, token: Token, key: &[u8], shared_key: impl Fn() -> Bytes) -> &mut Partition {
        let Self { all, by_key, hasher } = self;
        let hash = hasher.hash_one(key);
        let is_it = |&index: &u32| all[index as usize].is(token, key);
        let known = by_key.find(hash, is_it).copied();
        let index = known.unwrap_or_else(|| {
            let index = u32::try_from(all.len()).expect("a memtable holds far fewer than 2^32 partitions");
            let (timeline, arrivals) = (Timeline::default(), Vec::new());
            all.push(Partition { token, key: shared_key(), timeline, arrivals });
            by_key.insert_unique(hash, index, |&other| hasher.hash_one(&*all[other as usize].key));
            index
        });
        &mut all[index as usize]
    }

    /// The partition of a key.
    pub(super) fn find(&self, token: Token, key: &[u8]) -> Option<&Partition> {
        let is_it = |&index: &u32| self.get(index).is(token, key);
        self.by_key.find(self.hasher.hash_one(key), is_it).map(|&index| self.get(index))
    }

    /// The partition of this number.
    pub(super) fn get(&self, index: u32) -> &Partition {
        &self.all[index as usize]
    }

    /// All partitions, in the order in which they appeared.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Partition> {
        self.all.iter()
    }

    fn compare(&self, index: u32, token: Token, key: &[u8]) -> Ordering {
        let partition = self.get(index);
        partition.token.cmp(&token).then_with(|| (*partition.key).cmp(key))
    }
}

impl Partition {
    fn is(&self, token: Token, key: &[u8]) -> bool {
        self.token == token && self.key == key
    }
}

impl TokenOrder {
    /// All partitions in the order of (token, key). Sorts those that appeared since the last call, and merges them in.
    pub(super) fn of(&mut self, partitions: &Partitions) -> Arc<Vec<u32>> {
        let known = self.sorted.len();
        if known < partitions.all.len() {
            let by_place = |left: &u32, right: &u32| {
                let right = partitions.get(*right);
                partitions.compare(*left, right.token, &right.key)
            };
            let mut grown: Vec<u32> = Vec::with_capacity(partitions.all.len());
            grown.extend_from_slice(&self.sorted);
            grown.extend((known..partitions.all.len()).map(|index| u32::try_from(index).expect("numbered in 32 bits")));
            // Two sorted stretches after the first line: the standard stable sort merges them in linear time.
            grown[known..].sort_unstable_by(by_place);
            grown.sort_by(by_place);
            self.sorted = Arc::new(grown);
        }
        Arc::clone(&self.sorted)
    }
}

/// The index in `order` of the first partition that lies within `from`.
pub(super) fn lower_bound(order: &[u32], partitions: &Partitions, from: Bound<(Token, &[u8])>) -> usize {
    match from {
        Bound::Unbounded => 0,
        Bound::Included((token, key)) => order.partition_point(|&index| partitions.compare(index, token, key).is_lt()),
        Bound::Excluded((token, key)) => order.partition_point(|&index| partitions.compare(index, token, key).is_le()),
    }
}
