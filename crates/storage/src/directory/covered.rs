//! How far the directory has come in a shard.

use annals_model::{CommitTime, Sequence};

/// The bytes of an encoded record.
const ENCODED_BYTES: usize = 40;

/// Which events of a shard the directory holds: exactly those with sequences from `first` through `last`, and of some
/// partitions those through `target` as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// The first sequence covered.
    pub first: Sequence,
    /// The last sequence covered; the one before `first` if none is.
    pub last: Sequence,
    /// How far an update goes that was begun; `last` if none was. After a crash it is the first to be done, to the very
    /// same target, since an entry tells only whether it was changed by it.
    pub target: Sequence,
    /// When the event with the sequence `last` was committed: shows that the store is not an older copy that has gone
    /// another way since.
    pub last_commit: CommitTime,
    /// The newest edit of the manifest when this was noted.
    pub edit: u64,
}

impl Covered {
    pub(super) fn encode(&self) -> [u8; ENCODED_BYTES] {
        let mut out = [0; ENCODED_BYTES];
        let fields = [
            self.first.get().to_le_bytes(),
            self.last.get().to_le_bytes(),
            self.target.get().to_le_bytes(),
            self.last_commit.unix_nanos().to_le_bytes(),
            self.edit.to_le_bytes(),
        ];
        for (place, field) in out.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field);
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let fields: &[u8; ENCODED_BYTES] = bytes.try_into().ok()?;
        let field = |index: usize| fields[8 * index..8 * index + 8].try_into().expect("eight bytes");
        let sequence = |index| Sequence::new(u64::from_le_bytes(field(index)));
        let covered = Self {
            first: sequence(0),
            last: sequence(1),
            target: sequence(2),
            last_commit: CommitTime::from_unix_nanos(i64::from_le_bytes(field(3))),
            edit: u64::from_le_bytes(field(4)),
        };
        (covered.target >= covered.last).then_some(covered)
    }
}
