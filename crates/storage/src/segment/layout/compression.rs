//! How much work goes into making a segment's pages small.
//!
//! Readers need not know: each page is a zstd frame or as it is, and takes as long to decompress. Events that were
//! written by either are the same.

/// How much work goes into making pages small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As little as is worth it: for memory that must be given back while more comes in. zstd's level 1.
    #[default]
    Fast,
    /// More, for smaller files, where nothing waits for it: some four times the time. zstd's level 6, the first that
    /// makes blocks of 16 KiB much smaller than level 1; levels above it gain little more.
    Dense,
}

impl Compression {
    /// zstd's level.
    pub(crate) fn level(self) -> i32 {
        match self {
            Self::Fast => 1,
            Self::Dense => 6,
        }
    }
}
