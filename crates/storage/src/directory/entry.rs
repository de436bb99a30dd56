//! What the directory knows of one shard's part of a partition.

use annals_model::{EventTime, Sequence};

use crate::segment::RunPartition;

/// The bytes of an encoded entry.
const ENCODED_BYTES: usize = 32;

/// Counts and bounds of the events of one partition in one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionEntry {
    /// Events.
    pub event_count: u64,
    /// The earliest event time.
    pub min_time: EventTime,
    /// The latest event time.
    pub max_time: EventTime,
    /// The sequence of the event that came last.
    pub last_sequence: Sequence,
}

impl PartitionEntry {
    /// Takes in what other events of the same partition and shard say.
    pub fn add(&mut self, other: &Self) {
        self.event_count += other.event_count;
        self.min_time = self.min_time.min(other.min_time);
        self.max_time = self.max_time.max(other.max_time);
        self.last_sequence = self.last_sequence.max(other.last_sequence);
    }

    /// Takes these events into a sum of entries, which begins as none.
    pub fn add_to(&self, sum: &mut Option<Self>) {
        match sum {
            Some(sum) => sum.add(self),
            None => *sum = Some(*self),
        }
    }

    pub(super) fn encode(&self) -> [u8; ENCODED_BYTES] {
        let mut out = [0; ENCODED_BYTES];
        let fields = [
            self.event_count.to_le_bytes(),
            self.min_time.unix_nanos().to_le_bytes(),
            self.max_time.unix_nanos().to_le_bytes(),
            self.last_sequence.get().to_le_bytes(),
        ];
        for (place, field) in out.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field);
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let fields: &[u8; ENCODED_BYTES] = bytes.try_into().ok()?;
        let field = |index: usize| fields[8 * index..8 * index + 8].try_into().expect("eight bytes");
        let entry = Self {
            event_count: u64::from_le_bytes(field(0)),
            min_time: EventTime::from_unix_nanos(i64::from_le_bytes(field(1))),
            max_time: EventTime::from_unix_nanos(i64::from_le_bytes(field(2))),
            last_sequence: Sequence::new(u64::from_le_bytes(field(3))),
        };
        (entry.event_count > 0 && entry.min_time <= entry.max_time).then_some(entry)
    }
}

impl From<&RunPartition> for PartitionEntry {
    fn from(partition: &RunPartition) -> Self {
        Self {
            event_count: partition.event_count.into(),
            min_time: partition.min_time,
            max_time: partition.max_time,
            last_sequence: partition.last_sequence,
        }
    }
}
