//! A moment of a table: how far each shard had come.

use crate::sequence::Sequence;
use crate::shard::{Shard, ShardCount};

/// A sequence for each shard of a table: all events up to these, and no others, belong to the moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Moment(Box<[Sequence]>);

impl Moment {
    /// Before the first event of each of `count` shards.
    pub fn start(count: ShardCount) -> Self {
        Self(vec![Sequence::ZERO; count.get() as usize].into())
    }

    /// The moment at which shard i stands at `sequences[i]`.
    pub fn new(sequences: impl Into<Box<[Sequence]>>) -> Self {
        Self(sequences.into())
    }

    /// The last sequence of `shard` that belongs to the moment; zero if none does.
    ///
    /// # Panics
    /// When the table has no such shard.
    pub fn of(&self, shard: Shard) -> Sequence {
        self.0[shard.index()]
    }

    /// Moves `shard` to `sequence`.
    ///
    /// # Panics
    /// When the table has no such shard.
    pub fn set(&mut self, shard: Shard, sequence: Sequence) {
        self.0[shard.index()] = sequence;
    }

    /// The sequences, by shard.
    pub fn sequences(&self) -> &[Sequence] {
        &self.0
    }

    /// The shards with their sequences.
    pub fn iter(&self) -> impl Iterator<Item = (Shard, Sequence)> {
        (0..).map(Shard::new).zip(self.0.iter().copied())
    }

    /// A shard that held events of this moment which are gone: they were there when all up to `floor` had been removed, and
    /// by now all up to `removed` has been. None where the moment can still be read whole.
    pub fn first_shard_lost(&self, floor: &Self, removed: &Self) -> Option<Shard> {
        removed.iter().find(|&(shard, gone)| self.has_lost(shard, floor, gone)).map(|(shard, _)| shard)
    }

    /// Whether events of this moment are gone from `shard`: those between `floor`, up to where all had been removed when
    /// the moment was taken, and `removed`, up to where all has been by now.
    pub fn has_lost(&self, shard: Shard, floor: &Self, removed: Sequence) -> bool {
        let of = |moment: &Self| moment.0.get(shard.index()).copied().unwrap_or(Sequence::ZERO);
        removed > of(floor) && of(self) > of(floor)
    }

    /// Whether every event of `other` belongs to this moment too.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(mine, theirs)| mine >= theirs)
    }
}
