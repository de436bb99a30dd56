//! Places in framed files.

use std::fmt;

use crate::layout::FileNumber;

/// Stands for everything that was written up to a place: each frame's value is a digest of the one before it and of
/// the frame's own checksums, so that two histories with one value are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chain(u64);

impl Chain {
    /// Before the first file's header.
    pub const START: Self = Self(0);

    /// A value as it stands in a file.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The value.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The value after a frame whose sectors have these checksums, as they stand in the file one after another.
    pub(crate) fn after(self, checksums: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0.to_le_bytes());
        hasher.update(checksums);
        let digest = hasher.finalize();
        Self(u64::from_le_bytes(digest.as_bytes()[..8].try_into().expect("8 of 32 bytes")))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The end of a frame or of a file's header: a place that the file reached, and what lay before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The file.
    pub file: FileNumber,
    /// The first byte after the frame.
    pub offset: u64,
    /// What was written up to there.
    pub chain: Chain,
}

impl Position {
    /// File and offset, by which positions of one journal are ordered.
    pub fn place(&self) -> (FileNumber, u64) {
        (self.file, self.offset)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {} of file {} (chain {})", self.offset, self.file, self.chain)
    }
}

/// Where a frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramePlace {
    /// The file.
    pub file: FileNumber,
    /// The frame's number in its file, from 1.
    pub frame: u32,
    /// The frame's first byte.
    pub offset: u64,
    /// The position after the frame.
    pub end: Position,
}
