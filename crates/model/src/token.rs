//! The token of a partition key: where the key lies in the hash space.
//!
//! The hash is that of Cassandra's `Murmur3Partitioner`: `MurmurHash3` x64 128 with seed 0, of which the first 64 bits
//! are kept. Cassandra's Java code sign-extends the bytes of the tail, which the reference implementation does not;
//! drivers copy that, and so does this. `i64::MIN` is not a token there: it becomes `i64::MAX`.

use std::fmt;

/// Cassandra's `Murmur3Partitioner` token of a partition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(i64);

impl Token {
    /// The lowest value a token range can start with; no key has it.
    pub const MIN: Self = Self(i64::MIN);
    /// The highest token.
    pub const MAX: Self = Self(i64::MAX);

    /// The token of `key`.
    pub fn of(key: &[u8]) -> Self {
        let hash = murmur3_first_half(key);
        Self(if hash == i64::MIN { i64::MAX } else { hash })
    }

    /// A token by its value, as read from a file or a request.
    pub const fn new(value: i64) -> Self {
        Self(value)
    }

    /// The value as the contract shows it.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The token's place counted from the bottom of the hash space: token + 2^63.
    pub const fn from_bottom(self) -> u64 {
        self.0.cast_unsigned() ^ (1 << 63)
    }

    /// Which of `count` equal slices of the hash space holds this token: floor((token + 2^63) * count / 2^64).
    pub fn slice_of(self, count: u32) -> u32 {
        let product = u128::from(self.from_bottom()) * u128::from(count);
        u32::try_from(product >> 64).expect("the quotient is below count, which is a u32")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

fn murmur3_first_half(key: &[u8]) -> i64 {
    let (mut h1, mut h2) = (0_u64, 0_u64);
    let mut blocks = key.chunks_exact(16);
    for block in &mut blocks {
        let (low, high) = block.split_at(8);
        h1 ^= mix_first(little_endian(low));
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= mix_second(little_endian(high));
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let tail = blocks.remainder();
    if tail.len() > 8 {
        h2 ^= mix_second(sign_extended(&tail[8..]));
    }
    if !tail.is_empty() {
        h1 ^= mix_first(sign_extended(&tail[..tail.len().min(8)]));
    }
    let length = key.len() as u64;
    h1 ^= length;
    h2 ^= length;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    finish(h1).wrapping_add(finish(h2)).cast_signed()
}

fn little_endian(eight: &[u8]) -> u64 {
    u64::from_le_bytes(eight.try_into().expect("half of a 16-byte block"))
}

/// Up to eight bytes, the first lowest, each sign-extended before it is shifted: Cassandra's deviation.
fn sign_extended(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .enumerate()
        .fold(0, |all, (index, byte)| all ^ (i64::from(byte.cast_signed()).cast_unsigned() << (8 * index)))
}

fn mix_first(k: u64) -> u64 {
    k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

fn mix_second(k: u64) -> u64 {
    k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

fn finish(mut k: u64) -> u64 {
    k = (k ^ (k >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    k = (k ^ (k >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cut_the_hash_space_evenly() {
        assert_eq!(Token::MIN.slice_of(4), 0);
        assert_eq!(Token::new(-1).slice_of(4), 1);
        assert_eq!(Token::new(0).slice_of(4), 2);
        assert_eq!(Token::MAX.slice_of(4), 3);
        assert_eq!(Token::MAX.slice_of(1), 0);
    }
}
