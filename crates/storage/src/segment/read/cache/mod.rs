//! What was read from segments and is kept in memory, under limits in bytes.
//!
//! Two caches with a limit each: decoded parts of runs (blocks, indexes), and whole runs decoded for arrival readers.
//! They are apart because one reader that catches up would otherwise drive out all that scans keep warm. What several
//! ask for at once is read once; the others wait for it.
//!
//! Promises: what is kept stays within the limits, and is the same as what the disk would give.
//!
//! Does not: read files itself: it is told how.

mod decoded_runs;
mod parts;

pub(crate) use decoded_runs::{DecodedRuns, RunKey};
pub(crate) use parts::{Part, PartKey, Parts};

/// Whether a reader may touch the disk, and what becomes of what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only what is in memory; whatever is not is `ReadError::Miss`, at once. For threads that must not block.
    CacheOnly,
    /// Reads what is missing and keeps it.
    Read,
    /// Reads what is missing and does not keep it. For those who read everything once.
    ReadOnce,
}

/// How much may be kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// Bytes of decoded blocks and indexes.
    pub parts_bytes: usize,
    /// Bytes of runs decoded for arrival readers; room for one run is always made.
    pub decoded_runs_bytes: usize,
}

impl Default for CacheLimits {
    /// 512 MiB of parts and 256 MiB of decoded runs, which is room for five runs of full size.
    fn default() -> Self {
        Self { parts_bytes: 512 * 1024 * 1024, decoded_runs_bytes: 256 * 1024 * 1024 }
    }
}
