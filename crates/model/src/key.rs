//! The key that groups events into a partition.

use std::fmt;

use bytes::Bytes;

use crate::limits::PARTITION_KEY_BYTES_MAX;
use crate::token::Token;

/// A partition's key: 1 to 65,535 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey(Bytes);

/// Why bytes are not a partition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key has at least one byte.
    #[error("the partition key is empty; a key has 1 to {PARTITION_KEY_BYTES_MAX} bytes")]
    Empty,
    /// A key has at most 65,535 bytes.
    #[error("the partition key has {0} bytes; a key has 1 to {PARTITION_KEY_BYTES_MAX} bytes")]
    TooLong(usize),
}

impl PartitionKey {
    /// Takes `bytes` as a key.
    ///
    /// # Errors
    /// When there are none, or more than 65,535.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, KeyError> {
        let bytes = bytes.into();
        Self::check(&bytes)?;
        Ok(Self(bytes))
    }

    /// Tells whether `bytes` would be a key, without keeping them.
    ///
    /// # Errors
    /// When there are none, or more than 65,535.
    pub fn check(bytes: &[u8]) -> Result<(), KeyError> {
        match bytes.len() {
            0 => Err(KeyError::Empty),
            1..=PARTITION_KEY_BYTES_MAX => Ok(()),
            length => Err(KeyError::TooLong(length)),
        }
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key's bytes, shared.
    pub fn to_bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// The key's place in the hash space; computed anew at each call.
    pub fn token(&self) -> Token {
        Token::of(&self.0)
    }
}

impl fmt::Debug for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartitionKey({})", self.0.escape_ascii())
    }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}
