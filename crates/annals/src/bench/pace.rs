//! When requests are due: as fast as answers allow, or at a rate.
//!
//! At a rate a request is due at its own time, whatever became of those before it, and its latency is counted from
//! then. So a server that stalls for a second is charged with all the requests that were due in that second, and not
//! with the one that happened to be on its way: that is what "corrected for coordinated omission" means here. Without
//! a rate, latency is what a caller saw who sent the next request when an answer made room for it; it says how long the
//! queue was, not what a caller at a lower load would see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A schedule that several callers share.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    next: Arc<AtomicU64>,
    start: Instant,
    /// Requests are counted from here on.
    counted: Instant,
    end: Instant,
    interval: Option<Duration>,
}

/// A request that is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    /// From when its latency counts.
    pub(super) since: Instant,
    /// False while warming up.
    pub(super) counts: bool,
}

impl Pace {
    /// Requests for `warm_up` and then for `duration`, so many a second; none: as fast as answers allow.
    pub(super) fn new(warm_up: Duration, duration: Duration, requests_per_second: Option<f64>) -> Self {
        let start = Instant::now();
        Self {
            next: Arc::default(),
            start,
            counted: start + warm_up,
            end: start + warm_up + duration,
            interval: requests_per_second.map(|rate| Duration::from_secs_f64(1.0 / rate)),
        }
    }

    /// Waits until the next request is due; none once the time is over.
    pub(super) async fn next(&self) -> Option<Due> {
        let Some(interval) = self.interval else {
            let now = Instant::now();
            return (now < self.end).then_some(Due { since: now, counts: now >= self.counted });
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let since = self.start + Duration::from_nanos(nanos(interval).saturating_mul(number));
        if since >= self.end {
            return None;
        }
        tokio::time::sleep_until(since.into()).await;
        Some(Due { since, counts: since >= self.counted })
    }

    /// Whether requests are due at a rate.
    pub(super) fn has_rate(&self) -> bool {
        self.interval.is_some()
    }

    /// How long was counted, by now or by the end, whichever came first.
    pub(super) fn counted(&self) -> Duration {
        Instant::now().min(self.end).saturating_duration_since(self.counted)
    }

    /// When the time is over.
    pub(super) fn end(&self) -> Instant {
        self.end
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// Whether requests count by now.
    pub(super) fn counts(&self) -> bool {
        Instant::now() >= self.counted
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
