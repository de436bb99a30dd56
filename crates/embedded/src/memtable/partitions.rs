//! The partition index of a memtable: from a key to the partition's events, and the partitions in token order.
//!
//! Partitions are numbered as they appear and never go. The hash is of the key with a seed of its own, not the token:
//! tokens are easy to make collide on purpose. The token order is sorted by readers when they want it, not by the
//! commit thread.

use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::ops::{BitXor, Bound, Range};
use std::sync::Arc;

use annals_model::{Row, Sequence, Token};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::arrived::ArrivedBatch;
use super::key::Key;
use super::partition::Partition;
use super::timeline::Entry;

/// What one event costs in the indexes: a timeline's entry and an arrival, with the slack of vectors that double.
const INDEX_BYTES_PER_EVENT: u64 = 2 * (size_of::<Entry>() as u64 + 4);

/// Rows whose partitions, and the newest entries of these, are looked up together before any row is added: loads that do
/// not wait for one another overlap.
const ROWS_AHEAD: usize = 32;

/// What a partition costs beside its events: itself, its place in the hash table and the allocator's overhead.
const INDEX_BYTES_PER_PARTITION: u64 = 2 * size_of::<Partition>() as u64 + 64;

/// All partitions of a memtable. See the module.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    all: Vec<Partition>,
    by_key: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Partitions that there will be, by a guess; room is made for them with the first event.
    expected: usize,
}

/// Partitions by (token, key), as far as a reader has sorted them.
#[derive(Debug, Default)]
pub(super) struct TokenOrder {
    sorted: Arc<Vec<Placed>>,
}

/// A partition's place in the token order, and its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    token: Token,
    pub(super) index: u32,
}

impl Partitions {
    /// None yet, and a guess of how many there will be.
    pub(super) fn expecting(expected: usize) -> Self {
        Self { expected, ..Self::default() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Adds the rows `rows` of the last batch; gives the bytes that the indexes have grown by.
    pub(super) fn add(&mut self, batches: &[Arc<ArrivedBatch>], first: Sequence, rows: Range<usize>) -> u64 {
        let arrived = batches.last().expect("the batch was added before its rows");
        let narrow = |wide: usize| u32::try_from(wide).expect("a memtable holds far fewer than 2^32 of anything");
        let batch = narrow(batches.len() - 1);
        let batch_offset = u32::try_from(arrived.first_sequence.distance_from(first))
            .expect("a memtable is frozen long before it holds 2^32 events");
        self.make_expected_room();
        let partitions_before = self.all.len();
        let mut found = [(0, None); ROWS_AHEAD];
        for start in rows.clone().step_by(ROWS_AHEAD) {
            let ahead = start..rows.end.min(start + ROWS_AHEAD);
            for (row, found) in arrived.batch.rows()[ahead.clone()].iter().zip(&mut found) {
                *found = self.look_up(row.token, arrived.batch.key(row));
            }
            self.touch_newest(&found[..ahead.len()]);
            for (row_index, &(hash, known)) in ahead.zip(&found) {
                let row = &arrived.batch.rows()[row_index];
                let index = known.unwrap_or_else(|| self.find_or_add(hash, row, arrived));
                let offset = batch_offset + narrow(row_index);
                self.all[index as usize].add(Entry { time: row.time, offset, batch });
            }
        }
        let partitions_added = (self.all.len() - partitions_before) as u64;
        rows.len() as u64 * INDEX_BYTES_PER_EVENT + partitions_added * INDEX_BYTES_PER_PARTITION
    }

    /// Has the newest entries of partitions loaded: the next one is compared with it and lies beside it.
    fn touch_newest(&self, found: &[(u64, Option<u32>)]) {
        let newest = found.iter().filter_map(|&(_, known)| self.get(known?).timeline().newest());
        black_box(newest.map(|entry| entry.offset).fold(0, BitXor::bitxor));
    }

    /// Makes room for as many partitions as are expected, so that nothing is moved while they appear.
    fn make_expected_room(&mut self) {
        let expected = std::mem::take(&mut self.expected);
        let Self { all, by_key, hasher, .. } = self;
        all.reserve(expected);
        by_key.reserve(expected, |&index| hasher.hash_one(&*all[index as usize].key));
    }

    /// The hash of a key, and its partition's number if it has one.
    fn look_up(&self, token: Token, key: &[u8]) -> (u64, Option<u32>) {
        let hash = self.hasher.hash_one(key);
        (hash, self.by_key.find(hash, |&index| self.get(index).is(token, key)).copied())
    }

    /// The partition of a row that had none when it was looked up; one of the rows before may have added it since.
    fn find_or_add(&mut self, hash: u64, row: &Row, arrived: &ArrivedBatch) -> u32 {
        let Self { all, by_key, hasher, .. } = self;
        let key = arrived.batch.key(row);
        if let Some(&known) = by_key.find(hash, |&index| all[index as usize].is(row.token, key)) {
            return known;
        }
        let index = u32::try_from(all.len()).expect("a memtable holds far fewer than 2^32 partitions");
        all.push(Partition::new(row.token, Key::of(arrived.batch.bytes(), row.key_range())));
        by_key.insert_unique(hash, index, |&other| hasher.hash_one(&*all[other as usize].key));
        index
    }

    /// The partition of a key.
    pub(super) fn find(&self, token: Token, key: &[u8]) -> Option<&Partition> {
        let (_, index) = self.look_up(token, key);
        index.map(|index| self.get(index))
    }

    /// The partition of this number.
    pub(super) fn get(&self, index: u32) -> &Partition {
        &self.all[index as usize]
    }

    /// All partitions, in the order in which they appeared.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Partition> {
        self.all.iter()
    }

    fn compare(&self, placed: Placed, token: Token, key: &[u8]) -> Ordering {
        placed.token.cmp(&token).then_with(|| (*self.get(placed.index).key).cmp(key))
    }
}

impl TokenOrder {
    /// All partitions in the order of (token, key). Sorts those that appeared since the last call, and merges them in.
    pub(super) fn of(&mut self, partitions: &Partitions) -> Arc<Vec<Placed>> {
        let known = self.sorted.len();
        if known < partitions.all.len() {
            // The tokens lie beside the numbers: keys, far away, are only looked at where tokens are the same.
            let by_place = |left: &Placed, right: &Placed| {
                left.token.cmp(&right.token).then_with(|| {
                    let [left, right] = [left, right].map(|placed| &*partitions.get(placed.index).key);
                    left.cmp(right)
                })
            };
            let mut grown: Vec<Placed> = Vec::with_capacity(partitions.all.len());
            grown.extend_from_slice(&self.sorted);
            grown.extend((known..partitions.all.len()).map(|index| Placed {
                token: partitions.all[index].token,
                index: u32::try_from(index).expect("numbered in 32 bits"),
            }));
            // Two sorted stretches after the first line: the standard stable sort merges them in linear time.
            grown[known..].sort_unstable_by(by_place);
            grown.sort_by(by_place);
            self.sorted = Arc::new(grown);
        }
        Arc::clone(&self.sorted)
    }
}

/// The index in `order` of the first partition that lies within `from`.
pub(super) fn lower_bound(order: &[Placed], partitions: &Partitions, from: Bound<(Token, &[u8])>) -> usize {
    match from {
        Bound::Unbounded => 0,
        Bound::Included((token, key)) => {
            order.partition_point(|&placed| partitions.compare(placed, token, key).is_lt())
        }
        Bound::Excluded((token, key)) => {
            order.partition_point(|&placed| partitions.compare(placed, token, key).is_le())
        }
    }
}
