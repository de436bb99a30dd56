//! How long retention waits for scans that are under way.
//!
//! A scan of many pages pins nothing between two of them, so retention that comes in between ends it. A table with a
//! steady retention would never let a long scan end; therefore retention waits while pages keep coming, up to a limit.

use std::time::Duration;

use crate::sync::{AtomicU64, Ordering};

/// A scan whose next page has not come for so long is taken as given up.
const PAGE_WAIT: Duration = Duration::from_secs(10);

/// Retention waits no longer than this for scans, however many come one after another.
const SCANS_WAIT_MAX: Duration = Duration::from_mins(5);

/// The mark of "never".
const NEVER: u64 = u64::MAX;

/// Notes the scans of one table.
#[derive(Debug)]
pub(crate) struct ScanLease {
    /// When the last page was given that another is to follow; by the monotonic clock, in nanoseconds.
    last_page: AtomicU64,
    /// Since when retention has waited.
    waiting_since: AtomicU64,
}

impl Default for ScanLease {
    fn default() -> Self {
        Self { last_page: AtomicU64::new(NEVER), waiting_since: AtomicU64::new(NEVER) }
    }
}

impl ScanLease {
    /// Notes that a page was given and that another is to follow.
    pub(crate) fn note_page(&self, now_nanos: u64) {
        self.last_page.store(now_nanos, Ordering::Relaxed);
    }

    /// Whether retention, which has something to remove, is to wait.
    pub(crate) fn must_wait(&self, now_nanos: u64) -> bool {
        let elapsed = |since: u64| Duration::from_nanos(now_nanos.saturating_sub(since));
        let last_page = self.last_page.load(Ordering::Relaxed);
        let is_scanned = last_page != NEVER && elapsed(last_page) < PAGE_WAIT;
        let waiting_since = self.waiting_since.load(Ordering::Relaxed);
        if is_scanned && waiting_since == NEVER {
            self.waiting_since.store(now_nanos, Ordering::Relaxed);
            return true;
        }
        let must_wait = is_scanned && elapsed(waiting_since) < SCANS_WAIT_MAX;
        if !must_wait {
            self.waiting_since.store(NEVER, Ordering::Relaxed);
        }
        must_wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn retention_waits_while_pages_come_but_not_for_ever() {
        let lease = ScanLease::default();
        assert!(!lease.must_wait(0));
        lease.note_page(SECOND);
        assert!(lease.must_wait(5 * SECOND));
        assert!(!lease.must_wait(12 * SECOND), "the scan was given up");
        let mut now = 20 * SECOND;
        let waited_until = loop {
            lease.note_page(now);
            if !lease.must_wait(now) {
                break now;
            }
            now += SECOND;
        };
        assert_eq!(waited_until, 320 * SECOND);
    }
}
