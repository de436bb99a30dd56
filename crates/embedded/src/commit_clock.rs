//! The commit time that the engine makes of its clocks.

use std::sync::Arc;

use annals_model::CommitTime;

use super::ages::Opening;
use super::clock::{Clock, ClockReading, SLEW_DIVISOR};

/// Commit times. They follow the clock that cannot be set, drawn slowly towards the wall clock, so that a step of the wall
/// clock neither freezes nor rushes them; and they never go back, over restarts either. A store that is opened while the
/// wall clock is behind its newest commit goes on from there, slower by the same part, until the wall clock has come there.
#[derive(Debug)]
pub(crate) struct CommitClock {
    clock: Arc<dyn Clock>,
    /// Where the time stood when it was last asked, and the other clock then.
    now: i64,
    boot: u64,
    /// Which way it is drawn by all that it may be: 1 forward, -1 back, 0 if it needs less.
    slew: i8,
    /// Since when that is so, by both; from there its course is straight, without a rounding for each question.
    slew_from: (i64, u64),
}

impl CommitClock {
    /// A clock that goes on from an opening.
    pub(crate) fn new(clock: Arc<dyn Clock>, opening: Opening) -> Self {
        let (now, boot) = (opening.commit.unix_nanos(), opening.reading.boot);
        Self { clock, now, boot, slew: opening.slew, slew_from: (now, boot) }
    }

    /// The time of a commit that is made now, which is before none that was given out; and how the clocks stand.
    pub(crate) fn now(&mut self) -> (CommitTime, ClockReading) {
        let reading = self.clock.read();
        let elapsed = nanos_between(self.boot, reading.boot);
        let free_running = self.now.saturating_add(elapsed);
        let drift = reading.wall.saturating_sub(free_running);
        let slew_max = elapsed / SLEW_DIVISOR;
        self.now = if drift.saturating_abs() <= slew_max {
            self.slew = 0;
            self.slew_from = (reading.wall, reading.boot);
            reading.wall
        } else {
            let slew = if drift < 0 { -1 } else { 1 };
            if slew != self.slew {
                self.slew = slew;
                self.slew_from = (self.now, self.boot);
            }
            let (from, boot) = self.slew_from;
            let straight = nanos_between(boot, reading.boot);
            from.saturating_add(straight).saturating_add(i64::from(slew) * (straight / SLEW_DIVISOR))
        };
        self.boot = reading.boot;
        (CommitTime::from_unix_nanos(self.now), reading)
    }

    /// Which way commit times are drawn by all that they may be: 1 forward, -1 back, 0 neither.
    pub(crate) fn slew(&self) -> i8 {
        self.slew
    }
}

fn nanos_between(from: u64, to: u64) -> i64 {
    i64::try_from(to.saturating_sub(from)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    use annals_storage::state::State;

    use super::*;
    use crate::ages::AgeClock;

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

    fn commit_clock(manual: &Arc<ManualClock>, newest: CommitTime) -> CommitClock {
        let mut state = State::default();
        state.note_commit(newest);
        let clock = Arc::clone(manual) as Arc<dyn Clock>;
        CommitClock::new(Arc::clone(&clock), AgeClock::open(clock, None, &state).opening())
    }

    fn at(nanos: i64) -> CommitTime {
        CommitTime::from_unix_nanos(nanos)
    }

    #[test]
    fn a_step_of_the_wall_clock_neither_freezes_nor_rushes_commit_time() {
        for step in [-1_000_000, 1_000_000] {
            let manual = Arc::new(ManualClock::default());
            let mut clock = commit_clock(&manual, CommitTime::MIN);
            manual.wall.fetch_add(step, Ordering::Relaxed);
            let mut before = clock.now().0;
            for _ in 0..100 {
                manual.advance(1_000);
                let now = clock.now().0;
                let passed = now.unix_nanos() - before.unix_nanos();
                assert!((950..=1_050).contains(&passed), "{passed} passed in 1,000 after a step of {step}");
                before = now;
            }
            assert_eq!(before, at(100_000 + step.signum() * 5_000));
            manual.advance(30_000_000);
            assert_eq!(clock.now().0, at(manual.wall_nanos()), "in the end it is the wall clock's");
        }
    }

    #[test]
    fn opened_behind_the_newest_commit_time_goes_on_slower_until_the_wall_clock_has_come_there() {
        let manual = Arc::new(ManualClock::default());
        let mut clock = commit_clock(&manual, at(5_000));
        assert_eq!(clock.now().0, at(5_001), "after all that was given out");
        manual.advance(40_000);
        assert_eq!((clock.now().0, clock.slew()), (at(43_001), -1));
        manual.advance(100_000);
        assert_eq!((clock.now().0, clock.slew()), (at(140_000), 0));
    }

    #[test]
    fn drawing_commit_time_to_the_wall_clock_is_straight_however_often_it_is_asked() {
        let manual = Arc::new(ManualClock::default());
        let mut clock = commit_clock(&manual, CommitTime::MIN);
        manual.wall.fetch_add(1_000_000, Ordering::Relaxed);
        for _ in 0..1_000 {
            manual.advance(7);
            clock.now();
        }
        assert_eq!(clock.now().0, at(7_000 + 350));
    }
}
