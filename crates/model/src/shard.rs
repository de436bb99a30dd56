//! Shards: the units of arrival order of a table.

use std::fmt;

use crate::limits::SHARDS_MAX;
use crate::token::Token;

/// The index of a shard in its table, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u32);

impl Shard {
    /// The first, and in most tables the only one.
    pub const ZERO: Self = Self(0);

    /// A shard by its index.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The index, to look up in a list of all shards.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many shards a table has: 1 to 256, fixed when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardCount(u32);

/// A count of shards outside 1 to 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a table has 1 to {SHARDS_MAX} shards, not {0}")]
pub struct ShardCountError(pub u32);

impl ShardCount {
    /// One arrival order for the whole table.
    pub const ONE: Self = Self(1);

    /// Takes `count`.
    ///
    /// # Errors
    /// Outside 1 to 256.
    pub fn new(count: u32) -> Result<Self, ShardCountError> {
        if (1..=SHARDS_MAX).contains(&count) { Ok(Self(count)) } else { Err(ShardCountError(count)) }
    }

    /// The count.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// All shards, in order.
    pub fn shards(self) -> impl DoubleEndedIterator<Item = Shard> + ExactSizeIterator {
        (0..self.0).map(Shard)
    }

    /// Whether `shard` is one of them.
    pub const fn contains(self, shard: Shard) -> bool {
        shard.0 < self.0
    }

    /// The shard that takes a key of this token in a table that is sharded by hash.
    pub fn shard_of(self, token: Token) -> Shard {
        Shard(token.slice_of(self.0))
    }
}

/// Who chooses an event's shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sharding {
    /// The hash of its partition key: a key lies in one shard.
    #[default]
    Hash,
    /// The appender: a key may lie in several.
    Explicit,
}
