//! The batches of a run: where each begins in the arrival order, and when it was committed.

use annals_model::{CommitTime, Sequence};

use crate::segment::layout::error::{Fault, RunFault};
use crate::segment::layout::fields::Fields;

/// Events that were committed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The first event's sequence; the batch ends where the next one begins.
    pub first: Sequence,
    /// When it was made durable.
    pub commit_time: CommitTime,
}

/// The batches of a run, by sequence.
#[derive(Debug)]
pub struct BatchTable {
    first: Sequence,
    /// Batches for each event, in units of 2^-32: what a guess at an event's batch is made with.
    batches_per_event: u64,
    /// How far each batch's first sequence lies behind the run's; the first is zero.
    deltas: Box<[u32]>,
    commit_times: Box<[CommitTime]>,
}

/// Bytes of the digest kept for each batch. Version 1 of the format keeps none and has room for it.
const DIGEST_BYTES: u8 = 0;

/// The content of the batch table of a run of sequences `first` to `last`.
pub(crate) fn encode(batches: &[Batch], first: Sequence, last: Sequence) -> Result<Vec<u8>, RunFault> {
    let starts_right = batches.first().is_some_and(|batch| batch.first == first);
    let ascends =
        batches.windows(2).all(|pair| pair[0].first < pair[1].first && pair[0].commit_time <= pair[1].commit_time);
    if !starts_right || !ascends || batches.last().is_some_and(|batch| batch.first > last) {
        return Err(RunFault::Batches);
    }
    let count = u32::try_from(batches.len()).map_err(|_| RunFault::Batches)?;
    let mut out = Vec::with_capacity(5 + batches.len() * 12);
    out.extend_from_slice(&count.to_le_bytes());
    out.push(DIGEST_BYTES);
    let ends = batches.iter().skip(1).map(|batch| batch.first).chain([last.next()]);
    for (batch, end) in batches.iter().zip(ends) {
        let events = u32::try_from(end.distance_from(batch.first)).map_err(|_| RunFault::Batches)?;
        out.extend_from_slice(&events.to_le_bytes());
    }
    let mut previous = 0_i64;
    for batch in batches {
        let time = batch.commit_time.unix_nanos();
        out.extend_from_slice(&time.wrapping_sub(previous).to_le_bytes());
        previous = time;
    }
    Ok(out)
}

impl BatchTable {
    /// Reads the batch table of a run of `event_count` events from `first` on.
    pub(crate) fn decode(content: &[u8], first: Sequence, event_count: u32) -> Result<Self, Fault> {
        let table = Self::parse(content, first, event_count)
            .ok_or_else(|| Fault::content("a count of batches, their sizes and their commit times"))?;
        if table.commit_times.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(Fault::content("commit times that never go back"));
        }
        Ok(table)
    }

    fn parse(content: &[u8], first: Sequence, event_count: u32) -> Option<Self> {
        let mut fields = Fields(content);
        let count = fields.u32()? as usize;
        let digest_bytes = usize::from(fields.u8()?);
        if count == 0 || count > fields.0.len() / 12 {
            return None;
        }
        let (mut deltas, mut commit_times) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut delta = 0_u32;
        for _ in 0..count {
            deltas.push(delta);
            delta = delta.checked_add(fields.u32().filter(|&events| events > 0)?)?;
        }
        let mut time = 0_i64;
        for _ in 0..count {
            time = time.wrapping_add(fields.i64()?);
            commit_times.push(CommitTime::from_unix_nanos(time));
        }
        fields.bytes(count.checked_mul(digest_bytes)?)?;
        fields.end()?;
        let batches_per_event = ((count as u64) << 32) / u64::from(event_count.max(1));
        let table = Self { first, batches_per_event, deltas: deltas.into(), commit_times: commit_times.into() };
        (delta == event_count).then_some(table)
    }

    /// How many batches.
    pub fn len(&self) -> usize {
        self.deltas.len()
    }

    /// Whether there are none; a run has at least one.
    pub fn is_empty(&self) -> bool {
        self.deltas.is_empty()
    }

    /// The batches, by sequence.
    pub fn iter(&self) -> impl Iterator<Item = Batch> {
        self.deltas
            .iter()
            .zip(&*self.commit_times)
            .map(|(&delta, &commit_time)| Batch { first: self.first.advanced_by(u64::from(delta)), commit_time })
    }

    /// When the event of `sequence` was committed; of a sequence outside the run, what its nearest batch says.
    pub fn commit_time(&self, sequence: Sequence) -> CommitTime {
        let delta = u32::try_from(sequence.distance_from(self.first)).unwrap_or(u32::MAX);
        self.commit_times[self.find(delta)]
    }

    /// The first sequence committed at or after `time`; none if all were committed before.
    pub fn first_at_or_after(&self, time: CommitTime) -> Option<Sequence> {
        let at = self.commit_times.partition_point(|&committed| committed < time);
        self.deltas.get(at).map(|&delta| self.first.advanced_by(u64::from(delta)))
    }

    /// The batch in which the event lies that is `delta` behind the run's first.
    fn find(&self, delta: u32) -> usize {
        // Batches are mostly of one size, so a proportional guess lands beside the batch; from there it is doubled
        // out until it is bracketed. A plain binary search misses the cache at every step of a large table.
        let count = self.deltas.len();
        // At most one batch for each event, so the product of two numbers below 2^33 and 2^32 fits but for a delta
        // outside the run.
        let guess = u64::from(delta).saturating_mul(self.batches_per_event) >> 32;
        let guess = usize::try_from(guess).map_or(count - 1, |guess| guess.min(count - 1));
        let (mut low, mut high, mut step) = (guess, guess + 1, 1);
        while low > 0 && self.deltas[low] > delta {
            high = low;
            low = low.saturating_sub(step);
            step *= 2;
        }
        while high < count && self.deltas[high] <= delta {
            low = high;
            high = (high + step).min(count);
            step *= 2;
        }
        low + self.deltas[low..high].partition_point(|&first| first <= delta) - 1
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.deltas) + size_of_val(&*self.commit_times)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_sequence_has_the_commit_time_of_its_batch(
            first in 1_u64..1_000,
            batches in prop::collection::vec((1_u32..2_000, 0_i64..5), 1..60),
        ) {
            let (mut sequence, mut time) = (first, -50);
            let mut expected = Vec::new();
            let list: Vec<Batch> = batches.iter().map(|&(events, step)| {
                time += step;
                let batch = Batch { first: Sequence::new(sequence), commit_time: CommitTime::from_unix_nanos(time) };
                expected.extend((0..events).map(|_| batch.commit_time));
                sequence += u64::from(events);
                batch
            }).collect();
            let first = Sequence::new(first);
            let content = encode(&list, first, Sequence::new(sequence - 1)).expect("batches that ascend");
            let table = BatchTable::decode(&content, first, u32::try_from(expected.len()).expect("few")).expect("whole");
            prop_assert_eq!(table.iter().collect::<Vec<_>>(), list);
            for (at, &time) in (0..).zip(&expected) {
                prop_assert_eq!(table.commit_time(first.advanced_by(at)), time);
                let since = table.first_at_or_after(time).expect("one was committed then");
                let earlier = usize::try_from(since.distance_from(first)).expect("few");
                prop_assert!(earlier as u64 <= at && (earlier == 0 || expected[earlier - 1] < time));
            }
        }
    }

    #[test]
    fn batches_that_go_back_or_begin_elsewhere_are_refused() {
        let batch = |first, time| Batch { first: Sequence::new(first), commit_time: CommitTime::from_unix_nanos(time) };
        let (first, last) = (Sequence::new(5), Sequence::new(9));
        for wrong in [
            &[][..],
            &[batch(6, 1)],
            &[batch(5, 1), batch(5, 1)],
            &[batch(5, 2), batch(6, 1)],
            &[batch(5, 1), batch(10, 1)],
        ] {
            assert_eq!(encode(wrong, first, last), Err(RunFault::Batches), "{wrong:?}");
        }
    }
}
