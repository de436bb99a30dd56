//! An event's place in its shard's arrival order.

use std::fmt;

/// A place in a shard's arrival order: assigned dense, from 1, at commit, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u64);

impl Sequence {
    /// Before the first event: the head of a shard that never held one.
    pub const ZERO: Self = Self(0);
    /// The first event's.
    pub const FIRST: Self = Self(1);
    /// The end of all sequences: "up to the head".
    pub const MAX: Self = Self(u64::MAX);

    /// A sequence by its number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sequence after this one.
    ///
    /// # Panics
    /// Past 2^64 - 1, which 585 years of a billion events a second do not reach.
    #[must_use]
    pub const fn next(self) -> Self {
        self.advanced_by(1)
    }

    /// The sequence `count` places on.
    ///
    /// # Panics
    /// Past 2^64 - 1.
    #[must_use]
    #[inline]
    pub const fn advanced_by(self, count: u64) -> Self {
        Self(self.0.checked_add(count).expect("a shard never holds 2^64 events"))
    }

    /// The sequence before this one; zero stays zero.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// How many places this lies after `earlier`; none if it lies before.
    pub const fn distance_from(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
