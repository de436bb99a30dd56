//! Slices of the hash space of partition keys, by which readers share a table.

use crate::limits::HASH_SLICES_MAX;
use crate::token::Token;

/// Some of `count` equal slices of the hash space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashSlices {
    count: u32,
    /// Ascending, without repeats, each below `count`.
    indexes: Vec<u32>,
}

/// Why slices were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashSlicesError {
    /// The hash space is cut into at least one slice and at most 65,536.
    #[error("hash_slices.count is {0}; it is 1 to {HASH_SLICES_MAX}")]
    Count(u32),
    /// Without an index nothing would be read.
    #[error("hash_slices.indexes is empty; name at least one slice")]
    NoIndex,
    /// An index past the count.
    #[error("hash_slices.indexes holds {index}; with a count of {count} the highest is {}", count - 1)]
    Index {
        /// The index that was given.
        index: u32,
        /// The count that it must lie below.
        count: u32,
    },
}

impl HashSlices {
    /// The slices `indexes` of `count`; repeats are taken once.
    ///
    /// # Errors
    /// When the count is outside 1 to 65,536, no index is given, or one is not below the count.
    pub fn new(count: u32, mut indexes: Vec<u32>) -> Result<Self, HashSlicesError> {
        if !(1..=HASH_SLICES_MAX).contains(&count) {
            return Err(HashSlicesError::Count(count));
        }
        indexes.sort_unstable();
        indexes.dedup();
        match indexes.last() {
            None => Err(HashSlicesError::NoIndex),
            Some(&index) if index >= count => Err(HashSlicesError::Index { index, count }),
            Some(_) => Ok(Self { count, indexes }),
        }
    }

    /// The whole hash space, as one slice.
    pub fn all() -> Self {
        Self { count: 1, indexes: vec![0] }
    }

    /// How many slices the hash space is cut into.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Which of them, ascending.
    pub fn indexes(&self) -> &[u32] {
        &self.indexes
    }

    /// Whether a key of this token lies in one of the slices.
    pub fn contains(&self, token: Token) -> bool {
        self.indexes.len() == self.count as usize || self.indexes.binary_search(&token.slice_of(self.count)).is_ok()
    }

    /// The tokens of the slices as ascending ranges; neighbouring slices are joined.
    pub fn token_ranges(&self) -> Vec<TokenRange> {
        let mut ranges: Vec<TokenRange> = Vec::new();
        for &index in &self.indexes {
            let slice = slice_range(index, self.count);
            match ranges.last_mut() {
                Some(last) if last.last.get().checked_add(1) == Some(slice.first.get()) => last.last = slice.last,
                _ => ranges.push(slice),
            }
        }
        ranges
    }
}

/// The tokens t with floor((t + 2^63) * count / 2^64) = index.
fn slice_range(index: u32, count: u32) -> TokenRange {
    let start = |index: u32| (u128::from(index) << 64).div_ceil(u128::from(count));
    let token = |from_bottom: u128| {
        let low = u64::try_from(from_bottom).expect("slices end at 2^64 - 1");
        Token::new((low ^ (1 << 63)).cast_signed())
    };
    TokenRange { first: token(start(index)), last: token(start(index + 1) - 1) }
}

/// A closed range of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRange {
    /// The lowest token.
    pub first: Token,
    /// The highest token.
    pub last: Token,
}

impl TokenRange {
    /// All tokens.
    pub const ALL: Self = Self { first: Token::MIN, last: Token::MAX };

    /// Whether the range holds `token`.
    pub fn contains(&self, token: Token) -> bool {
        self.first <= token && token <= self.last
    }

    /// Whether the ranges have a token in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_exactly_the_tokens_of_their_slice() {
        for count in [1, 2, 3, 7, 256, 65_536] {
            for index in [0, count / 2, count - 1] {
                let slices = HashSlices::new(count, vec![index]).expect("a slice of the count");
                let [range] = slices.token_ranges()[..] else { panic!("one slice is one range") };
                assert_eq!(range.first.slice_of(count), index);
                assert_eq!(range.last.slice_of(count), index);
                if index > 0 {
                    assert_eq!(Token::new(range.first.get() - 1).slice_of(count), index - 1);
                }
            }
        }
    }

    #[test]
    fn neighbouring_slices_are_one_range() {
        let slices = HashSlices::new(4, vec![3, 1, 2, 1]).expect("slices of the count");
        assert_eq!(slices.token_ranges().len(), 1);
        assert!(!slices.contains(Token::MIN));
        assert!(slices.contains(Token::MAX));
    }

    #[test]
    fn slices_that_name_nothing_are_refused() {
        assert_eq!(HashSlices::new(0, vec![0]), Err(HashSlicesError::Count(0)));
        assert_eq!(HashSlices::new(2, vec![]), Err(HashSlicesError::NoIndex));
        assert_eq!(HashSlices::new(2, vec![2]), Err(HashSlicesError::Index { index: 2, count: 2 }));
    }
}
