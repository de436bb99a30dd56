//! Whether there is time to compress densely: told by how long the flush thread rests between two flushes.
//!
//! Memory that waits says little: while all cores are busy, appends are slowed down with the flushes, and little waits.
//! How much of its time flushing takes tells how much is written, whatever holds it up.

use std::sync::PoisonError;

use annals_storage::segment::Compression;

use crate::sync::{Mutex, MutexGuard};

/// A flush that would take a moment, compressed fast, may take longer after a rest of so many moments.
const RESTS: u64 = 6;

/// How much longer it takes to write events that are compressed densely.
const DENSE_TIMES: u64 = 3;

/// The pace of the flush thread, in nanoseconds of the monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    last: Mutex<Flush>,
}

/// A flush, the last one or one that is under way.
#[derive(Debug, Default)]
struct Flush {
    began: u64,
    ended: u64,
    /// What it would have taken if it was compressed fast.
    fast_nanos: u64,
    compression: Compression,
}

impl Pace {
    /// A flush begins; tells how to compress what it writes.
    pub(crate) fn begin(&self, now: u64) -> Compression {
        let mut last = self.lock();
        let has_time = now.saturating_sub(last.ended) >= RESTS * last.fast_nanos;
        last.compression = if has_time { Compression::Dense } else { Compression::Fast };
        last.began = now;
        last.compression
    }

    /// It has ended.
    pub(crate) fn end(&self, now: u64) {
        let mut last = self.lock();
        let nanos = now.saturating_sub(last.began);
        last.fast_nanos = match last.compression {
            Compression::Fast => nanos,
            Compression::Dense => nanos / DENSE_TIMES,
        };
        last.ended = now;
    }

    /// How to compress what is merged: as the last flush was.
    pub(crate) fn compression(&self) -> Compression {
        self.lock().compression
    }

    fn lock(&self) -> MutexGuard<'_, Flush> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How flushes are compressed that come one after another with this rest before each, and take `fast` if fast.
    fn compressed(rest: u64, fast: u64) -> Vec<Compression> {
        let pace = Pace::default();
        let mut now = 1_000;
        (0..5)
            .map(|_| {
                now += rest;
                let compression = pace.begin(now);
                now += if compression == Compression::Dense { DENSE_TIMES * fast } else { fast };
                pace.end(now);
                assert_eq!(pace.compression(), compression);
                compression
            })
            .collect()
    }

    #[test]
    fn flushes_with_long_rests_are_compressed_densely_and_others_fast_after_the_first() {
        assert_eq!(compressed(600, 100), [Compression::Dense; 5]);
        assert_eq!(compressed(599, 100)[1..], [Compression::Fast; 4]);
        assert_eq!(compressed(0, 100)[1..], [Compression::Fast; 4]);
    }
}
