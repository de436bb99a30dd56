//! Time: the clocks that the engine is given, and the commit time that it makes of them.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use annals_model::CommitTime;

/// How fast commit time is drawn towards the wall clock: at most one part in this many. A clock that was set wrong by a
/// second is caught up with in 20 s, and rates over commit time are never off by more than 5 %.
const SLEW_DIVISOR: i64 = 20;

/// What the engine asks the time. A test gives one that stands still until it is told.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The wall clock: nanoseconds since the Unix epoch. It may be set, also back.
    fn wall_nanos(&self) -> i64;

    /// Nanoseconds since some moment. Never goes back.
    fn monotonic_nanos(&self) -> u64;
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall_nanos(&self) -> i64 {
        let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        }
    }

    fn monotonic_nanos(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Commit times. They follow the monotonic clock, drawn slowly towards the wall clock, so that a step of the wall clock
/// neither freezes nor rushes them; and they never go back, over restarts either.
#[derive(Debug)]
pub(crate) struct CommitClock {
    clock: Arc<dyn Clock>,
    /// Where the slewed time stood when it was last asked.
    slewed: i64,
    monotonic: u64,
    /// The newest commit time given out, or found in the store.
    newest: CommitTime,
}

impl CommitClock {
    /// A clock that gives out no time before `newest`, the newest commit found in the store. While the wall clock is
    /// behind that one, commit times stand still at it.
    pub(crate) fn new(clock: Arc<dyn Clock>, newest: CommitTime) -> Self {
        let (slewed, monotonic) = (clock.wall_nanos(), clock.monotonic_nanos());
        if slewed < newest.unix_nanos() {
            let behind = Duration::from_nanos(newest.unix_nanos().abs_diff(slewed));
            tracing::warn!(
                wall_clock = %CommitTime::from_unix_nanos(slewed),
                newest_commit = %newest,
                "the wall clock is {behind:?} behind the newest commit: commit times stand still until {newest}; \
                 check the clock"
            );
        }
        Self { clock, slewed, monotonic, newest }
    }

    /// The time of a commit that is made now. Not before any that was given out.
    pub(crate) fn now(&mut self) -> CommitTime {
        let monotonic = self.clock.monotonic_nanos();
        let elapsed = i64::try_from(monotonic.saturating_sub(self.monotonic)).unwrap_or(i64::MAX);
        let free_running = self.slewed.saturating_add(elapsed);
        let drift = self.clock.wall_nanos().saturating_sub(free_running);
        let slew_max = elapsed / SLEW_DIVISOR;
        self.slewed = free_running.saturating_add(drift.clamp(-slew_max, slew_max));
        self.monotonic = monotonic;
        self.newest = self.newest.max(CommitTime::from_unix_nanos(self.slewed));
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    use super::*;

    #[derive(Debug, Default)]
    struct ManualClock {
        wall: AtomicI64,
        monotonic: AtomicU64,
    }

    impl ManualClock {
        fn advance(&self, nanos: i64) {
            self.wall.fetch_add(nanos, Ordering::Relaxed);
            self.monotonic.fetch_add(nanos.unsigned_abs(), Ordering::Relaxed);
        }
    }

    impl Clock for ManualClock {
        fn wall_nanos(&self) -> i64 {
            self.wall.load(Ordering::Relaxed)
        }

        fn monotonic_nanos(&self) -> u64 {
            self.monotonic.load(Ordering::Relaxed)
        }
    }

    fn at(nanos: i64) -> CommitTime {
        CommitTime::from_unix_nanos(nanos)
    }

    #[test]
    fn a_step_of_the_wall_clock_neither_freezes_nor_rushes_commit_time() {
        for step in [-1_000_000, 1_000_000] {
            let manual = Arc::new(ManualClock::default());
            let mut clock = CommitClock::new(manual.clone(), CommitTime::MIN);
            manual.wall.fetch_add(step, Ordering::Relaxed);
            let mut before = clock.now();
            for _ in 0..100 {
                manual.advance(1_000);
                let now = clock.now();
                let passed = now.unix_nanos() - before.unix_nanos();
                assert!((950..=1_050).contains(&passed), "{passed} passed in 1,000 after a step of {step}");
                before = now;
            }
            assert_eq!(before, at(100_000 + step.signum() * 5_000));
            manual.advance(30_000_000);
            assert_eq!(clock.now(), at(manual.wall_nanos()), "in the end it is the wall clock's");
        }
    }

    #[test]
    fn opened_behind_the_newest_commit_time_stands_still_until_the_wall_clock_has_come_there() {
        let manual = Arc::new(ManualClock::default());
        let mut clock = CommitClock::new(manual.clone(), at(500));
        assert_eq!(clock.now(), at(500));
        manual.advance(400);
        assert_eq!(clock.now(), at(500));
        manual.advance(200);
        assert_eq!(clock.now(), at(600));
    }
}
