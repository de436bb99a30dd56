//! What the directory knows of one shard's part of a partition.

use annals_model::{EventTime, Sequence};
use bytes::{Buf, BufMut};
use prost::encoding::{decode_varint, encode_varint};

use crate::segment::RunPartition;

/// No encoded entry is much longer.
const ENCODED_BYTES_USUAL: usize = 24;

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

    /// A partition's record is as short as it can be: there may be more of them than of anything else.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ENCODED_BYTES_USUAL);
        encode_varint(self.event_count, &mut out);
        out.put_i64_le(self.min_time.unix_nanos());
        encode_varint(self.max_time.unix_nanos().abs_diff(self.min_time.unix_nanos()), &mut out);
        encode_varint(self.last_sequence.get(), &mut out);
        out
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let event_count = decode_varint(&mut bytes).ok()?;
        let min_time = bytes.try_get_i64_le().ok()?;
        let max_time = min_time.checked_add_unsigned(decode_varint(&mut bytes).ok()?)?;
        let last_sequence = Sequence::new(decode_varint(&mut bytes).ok()?);
        let (min_time, max_time) = (EventTime::from_unix_nanos(min_time), EventTime::from_unix_nanos(max_time));
        (event_count > 0 && bytes.is_empty()).then_some(Self { event_count, min_time, max_time, last_sequence })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_entry_comes_back_and_no_part_of_one_is_an_entry(
            event_count in 1_u64..,
            times in any::<(i64, i64)>(),
            last in any::<u64>(),
        ) {
            let entry = PartitionEntry {
                event_count,
                min_time: EventTime::from_unix_nanos(times.0.min(times.1)),
                max_time: EventTime::from_unix_nanos(times.0.max(times.1)),
                last_sequence: Sequence::new(last),
            };
            let encoded = entry.encode();
            prop_assert_eq!(PartitionEntry::decode(&encoded), Some(entry));
            for length in 0..encoded.len() {
                prop_assert_eq!(PartitionEntry::decode(&encoded[..length]), None);
            }
            prop_assert_eq!(PartitionEntry::decode(&[&encoded[..], &[0]].concat()), None);
        }
    }

    #[test]
    fn what_cannot_be_an_entry_is_none() {
        let none = PartitionEntry::decode(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(none, None, "a partition without events");
        let latest = [&[1][..], &i64::MAX.to_le_bytes(), &[1, 1]].concat();
        assert_eq!(PartitionEntry::decode(&latest), None, "a time past the last one");
    }
}
