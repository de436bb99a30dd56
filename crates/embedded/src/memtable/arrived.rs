//! A batch in its place in the arrival order.

use annals_model::{CommitTime, EventBatch, Row, Sequence, Shard, StoredEvent};

/// A batch with the sequences and the commit time that it was given. Cloning shares the events' bytes.
#[derive(Clone, Debug)]
pub(crate) struct ArrivedBatch {
    /// The shard that took it.
    pub(crate) shard: Shard,
    /// The sequence of its first event; the others follow densely.
    pub(crate) first_sequence: Sequence,
    /// When its group was made durable.
    pub(crate) commit_time: CommitTime,
    /// The events.
    pub(crate) batch: EventBatch,
}

impl ArrivedBatch {
    /// The sequence after its last event.
    pub(crate) fn next_sequence(&self) -> Sequence {
        self.first_sequence.advanced_by(self.batch.len() as u64)
    }

    /// The sequence of the event of row `row`.
    pub(crate) fn sequence_of(&self, row: usize) -> Sequence {
        self.first_sequence.advanced_by(row as u64)
    }

    /// The row of the event with this sequence, which must be one of the batch's.
    pub(crate) fn row_of(&self, sequence: Sequence) -> usize {
        usize::try_from(sequence.distance_from(self.first_sequence)).expect("a batch has fewer than 2^32 rows")
    }

    /// The event of row `row`, sharing the batch's buffer.
    pub(crate) fn stored_event(&self, row: usize) -> StoredEvent {
        let Row { key_offset, key_length, time, token, .. } = self.batch.rows()[row];
        StoredEvent {
            bytes: self.batch.bytes().slice(self.batch.rows()[row].event_range()),
            key_offset,
            key_length,
            token,
            time,
            shard: self.shard,
            sequence: self.sequence_of(row),
            commit_time: self.commit_time,
        }
    }

    /// The rows with sequences from `from` through `through`.
    pub(crate) fn rows_between(&self, from: Sequence, through: Sequence) -> std::ops::Range<usize> {
        let clamp = |sequence: Sequence| {
            let distance = sequence.distance_from(self.first_sequence);
            usize::try_from(distance).map_or(self.batch.len(), |distance| distance.min(self.batch.len()))
        };
        let end =
            if through < self.first_sequence { 0 } else { clamp(through).saturating_add(1).min(self.batch.len()) };
        clamp(from).min(end)..end
    }
}
