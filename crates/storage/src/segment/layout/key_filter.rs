//! The filter that says which partitions a run does not hold.
//!
//! A Bloom filter cut into blocks of 32 bytes, so that a question touches one cache line: the token picks a block and
//! one bit in each of its eight words. About one absent partition in a hundred passes; no present one is refused.

use annals_model::Token;

use crate::segment::layout::error::Fault;
use crate::segment::layout::fields::Fields;

/// Bits of filter for each partition.
const BITS_PER_KEY: usize = 10;

/// Words of a block, and so bits set for each partition.
const WORDS: usize = 8;

/// A filter on the tokens of a run's partitions.
#[derive(Debug)]
pub(crate) struct KeyFilter {
    blocks: Box<[[u32; WORDS]]>,
}

impl KeyFilter {
    pub(crate) fn of(tokens: &[Token]) -> Self {
        let blocks = (tokens.len() * BITS_PER_KEY).div_ceil(WORDS * 32).max(1);
        let mut filter = Self { blocks: vec![[0; WORDS]; blocks].into_boxed_slice() };
        for &token in tokens {
            let (block, bits) = filter.place(token);
            filter.blocks[block].iter_mut().zip(bits).for_each(|(word, bit)| *word |= bit);
        }
        filter
    }

    /// Whether a partition of this token may be there.
    pub(crate) fn may_hold(&self, token: Token) -> bool {
        let (block, bits) = self.place(token);
        self.blocks[block].iter().zip(bits).all(|(word, bit)| word & bit != 0)
    }

    fn place(&self, token: Token) -> (usize, [u32; WORDS]) {
        let hash = mixed(token);
        let block = ((hash >> 32) * self.blocks.len() as u64) >> 32;
        let mut bits = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
        let words = std::array::from_fn(|_| {
            let bit = 1_u32 << (bits & 31);
            bits >>= 5;
            bit
        });
        (usize::try_from(block).expect("below the count of blocks"), words)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let count = u32::try_from(self.blocks.len()).expect("fewer blocks than partitions");
        let words = self.blocks.iter().flatten().map(|word| word.to_le_bytes());
        [count.to_le_bytes()].into_iter().chain(words).flatten().collect()
    }

    pub(crate) fn decode(content: &[u8]) -> Result<Self, Fault> {
        Self::parse(content).ok_or_else(|| Fault::content("a count and that many blocks of a filter"))
    }

    fn parse(content: &[u8]) -> Option<Self> {
        let mut fields = Fields(content);
        let count = fields.u32()? as usize;
        if count == 0 || count.checked_mul(WORDS * 4) != Some(fields.0.len()) {
            return None;
        }
        let mut blocks = vec![[0; WORDS]; count].into_boxed_slice();
        for word in blocks.iter_mut().flatten() {
            *word = fields.u32()?;
        }
        Some(Self { blocks })
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.blocks)
    }
}

/// Spreads a token over all bits: the tokens of one run may share their upper ones, as those of a shard do.
fn mixed(token: Token) -> u64 {
    let mut hash = token.get().cast_unsigned();
    hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_present_partition_is_refused_and_few_absent_ones_pass() {
        // The upper eight bits are alike, as in a table of 256 shards.
        let token = |n: u32| Token::new(Token::of(&n.to_le_bytes()).get() & (i64::MAX >> 8));
        let present: Vec<Token> = (0..20_000).map(token).collect();
        let filter = KeyFilter::decode(&KeyFilter::of(&present).encode()).expect("whole");
        assert!(present.iter().all(|&token| filter.may_hold(token)));
        let passed = (20_000..120_000).filter(|&n| filter.may_hold(token(n))).count();
        assert!(passed < 2_500, "{passed} of 100,000 absent partitions passed");
    }

    #[test]
    fn a_filter_of_another_size_than_it_says_is_refused() {
        let mut content = KeyFilter::of(&[Token::new(1)]).encode();
        content[0] = 2;
        assert!(KeyFilter::decode(&content).is_err());
        assert!(KeyFilter::decode(&[0; 4]).is_err());
    }
}
