//! Digests that bind a token to the request it was made for.
//!
//! A digest is the first 8 bytes of a BLAKE3 hash over the parts that may not change, each with its length. It finds a
//! mistake, it does not stop a forger.

/// Collects the parts.
#[derive(Debug)]
pub(crate) struct ScopeHasher(blake3::Hasher);

impl ScopeHasher {
    /// A digest of a kind of its own, so that equal parts of two kinds do not agree.
    pub(crate) fn new(kind: &str) -> Self {
        let mut hasher = Self(blake3::Hasher::new());
        hasher.part(kind.as_bytes());
        hasher
    }

    pub(crate) fn part(&mut self, part: &[u8]) {
        self.number(part.len() as u64);
        self.0.update(part);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    /// Parts, with how many there are.
    pub(crate) fn parts<'a>(&mut self, parts: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.number(parts.len() as u64);
        for part in parts {
            self.part(part);
        }
    }

    /// Numbers, with how many there are.
    pub(crate) fn numbers(&mut self, numbers: impl ExactSizeIterator<Item = u32>) {
        self.number(numbers.len() as u64);
        for number in numbers {
            self.number(u64::from(number));
        }
    }

    pub(crate) fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }
}
