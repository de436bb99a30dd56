//! Ages: how long ago something was committed.
//!
//! While the store is open, an age goes by the time since the machine was started, which goes on in a suspend and cannot be
//! set. The time that the store was closed counts as the wall clock tells it, once that has stood for a grace without a
//! step and is called synchronised; see [`gaps`]. The state keeps the spans that turn commit times into times open, so
//! that this holds over restarts and crashes.
//!
//! Promises: an age is never more than what has passed, but where a wall clock is wrong, calls itself right and is not set
//! within the grace.
//!
//! Does not: say what goes by its age: retention does.

mod gaps;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use annals_model::CommitTime;
use annals_storage::state::{ClockLedger, ClockSpan, State, StateRecord};

use super::clock::{Clock, ClockReading, SLEW_DIVISOR};
use crate::sync::Mutex;
use gaps::{Gap, Stretch, TOLERANCE, gaps};

/// The grace of a table whose settings name none is such a part of its age.
const GRACE_PARTS: u32 = 16;

/// Bounds of that grace: a time server is reached within the hour, and nobody leaves a clock wrong for a day.
const GRACE_MIN: Duration = Duration::from_hours(1);
const GRACE_MAX: Duration = Duration::from_hours(24);

/// From such a difference on the wall clock is far from what was expected, and the log says so.
const FAR_NANOS: i128 = 60 * 1_000_000_000;

/// From such a time on a store that was closed is told of as a warning, for what its tables keep longer meanwhile.
const LONG_NANOS: i128 = 3_600 * 1_000_000_000;

/// Stretches of this session that are kept: a wall clock that is set all the time says nothing anyway.
const STRETCHES_MAX: usize = 64;

/// What turns commit times into ages. See the module.
#[derive(Debug)]
pub(crate) struct AgeClock {
    clock: Arc<dyn Clock>,
    grace: Option<Duration>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// As the state holds it durably.
    ledger: Arc<ClockLedger>,
    /// The stretches of earlier sessions.
    before: Vec<Stretch>,
    /// Those of this one, as they were seen.
    live: Vec<Stretch>,
    opening: Opening,
    /// Whether the wall clock was called right when that was asked last.
    is_synchronised: bool,
    /// Whether the ledger has a span of this session.
    is_recorded: bool,
    /// The newest commit time that was given out or found.
    newest_commit: CommitTime,
    /// The newest commit time that is durable.
    newest_durable: CommitTime,
    /// The time open at the newest durable commit.
    noted: i64,
}

/// How the clocks stood when the store was opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) reading: ClockReading,
    /// The first commit time that may be given out.
    pub(crate) commit: CommitTime,
    elapsed: i64,
    is_synchronised: bool,
    pub(crate) slew: i8,
}

/// Ages at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Ages {
    ledger: Arc<ClockLedger>,
    gaps: Vec<Gap>,
    /// The time open.
    now: i64,
    /// The first commit time of this session, if the ledger has no span of it yet.
    unrecorded_from: Option<CommitTime>,
}

impl AgeClock {
    /// Goes on from what a store holds. `grace` is for all tables, if it is given.
    pub(crate) fn open(clock: Arc<dyn Clock>, grace: Option<Duration>, state: &State) -> Self {
        let (reading, is_synchronised) = (clock.read(), clock.is_synchronised().unwrap_or(true));
        let (ledger, newest) = (Arc::new(state.clock().clone()), state.newest_commit());
        let elapsed = ledger.spans().last().map_or(0, |span| along(span, newest));
        let after_newest = newest.unix_nanos().saturating_add(1);
        let (commit, slew) = if reading.wall >= after_newest { (reading.wall, 0) } else { (after_newest, -1) };
        let commit = CommitTime::from_unix_nanos(commit);
        let before = stretches(ledger.spans(), elapsed);
        let live = Stretch {
            commit: commit.unix_nanos(),
            begin: elapsed,
            synchronised: is_synchronised.then_some(elapsed),
            offset: i128::from(reading.wall) - i128::from(elapsed),
            is_opening: true,
        };
        let opening = Opening { reading, commit, elapsed, is_synchronised, slew };
        let inner = Inner {
            ledger,
            before,
            live: vec![live],
            opening,
            is_synchronised,
            is_recorded: false,
            newest_commit: newest,
            newest_durable: newest,
            noted: elapsed,
        };
        Self { clock, grace, inner: Mutex::new(inner) }
    }

    /// How the clocks stood when the store was opened.
    pub(crate) fn opening(&self) -> Opening {
        self.with(|inner| inner.opening)
    }

    /// Tells of an opening after which the wall clock is far from where the last session left it.
    pub(crate) fn log_opening(&self) {
        self.with(|inner| {
            let (Some(last), live) = (inner.before.last(), inner.live[0]) else { return };
            let difference = live.offset - last.offset;
            let wall_clock = CommitTime::from_unix_nanos(inner.opening.reading.wall);
            let apart = Duration::from_nanos(u64::try_from(difference.unsigned_abs()).unwrap_or(u64::MAX));
            let is_synchronised = inner.opening.is_synchronised;
            let grace = self.grace.map_or_else(
                || "a sixteenth of a table's age, from 1 h to 1 d".to_owned(),
                |grace| format!("{grace:?}, as clock_grace says"),
            );
            if difference >= FAR_NANOS && is_synchronised && difference < LONG_NANOS {
                tracing::info!(%wall_clock, "the store was closed for {apart:?} by the wall clock");
            } else if difference >= FAR_NANOS {
                tracing::warn!(
                    %wall_clock, is_synchronised,
                    "the store was closed for {apart:?} by the wall clock; that makes nothing older before the store has been \
                     open for {grace}, and the clock is called synchronised"
                );
            } else if difference <= -FAR_NANOS {
                tracing::warn!(
                    %wall_clock, is_synchronised, newest_commit = %inner.newest_commit,
                    "the wall clock is {apart:?} behind where it was when the store was last open: the time since then \
                     makes nothing older, and commit times are drawn to the wall clock by 5 % until they are there; \
                     check the clock"
                );
            }
        });
    }

    /// Looks at the clocks, now and then, so that it is known since when the wall clock has stood; tells in the log when it
    /// was set.
    pub(crate) fn look(&self) {
        let (reading, is_synchronised) = (self.clock.read(), self.clock.is_synchronised().unwrap_or(true));
        self.with(|inner| inner.observe(reading, is_synchronised));
    }

    /// Whether a frame should be written so that it is durable that the wall clock has stood for a grace.
    pub(crate) fn wants_note(&self, ages: impl Iterator<Item = Duration>) -> bool {
        self.with(|inner| {
            let begin = inner.opening.elapsed;
            let live = inner.live.last().and_then(|stretch| stretch.synchronised).unwrap_or(begin);
            let mut graces = ages.map(|age| begin.saturating_add(nanos(self.grace_of(age))));
            graces.any(|grace| inner.noted < grace && grace <= live)
        })
    }

    /// The spans that must become durable with a commit at `commit`, so that its age will be known. `slew` says which way
    /// commit times are drawn.
    pub(crate) fn due(&self, commit: CommitTime, slew: i8, reading: ClockReading) -> Vec<ClockSpan> {
        self.with(|inner| {
            // Whether it is called right costs a system call, and is asked at each look.
            inner.observe(reading, inner.is_synchronised);
            inner.newest_commit = inner.newest_commit.max(commit);
            inner.due(commit, slew, reading)
        })
    }

    /// Notes that these records are durable, and a commit at `commit`.
    pub(crate) fn note_durable(&self, records: &[StateRecord], commit: CommitTime) {
        self.with(|inner| {
            for record in records {
                if let StateRecord::ClockNoted(span) = record {
                    let noted = Arc::make_mut(&mut inner.ledger).note(*span);
                    noted.expect("the state took it, which is this ledger and more");
                    inner.is_recorded = true;
                }
            }
            inner.newest_durable = inner.newest_durable.max(commit);
            if let Some(span) = inner.ledger.spans().last().filter(|_| inner.is_recorded) {
                inner.noted = along(span, commit);
            }
        });
    }

    /// Ages as they are now, for a table that keeps what is younger than `age_max`.
    pub(crate) fn now(&self, age_max: Duration) -> Ages {
        let (reading, is_synchronised) = (self.clock.read(), self.clock.is_synchronised().unwrap_or(true));
        self.with(|inner| {
            inner.observe(reading, is_synchronised);
            let stretches: Vec<Stretch> = inner.before.iter().chain(&inner.live).copied().collect();
            Ages {
                ledger: Arc::clone(&inner.ledger),
                gaps: gaps(&stretches, nanos(self.grace_of(age_max))),
                now: inner.elapsed_at(reading),
                unrecorded_from: (!inner.is_recorded).then_some(inner.opening.commit),
            }
        })
    }

    /// A moment by the clock of commit times that no commit so far lies behind.
    pub(crate) fn commit_horizon(&self) -> CommitTime {
        let wall = CommitTime::from_unix_nanos(self.clock.wall_nanos());
        self.with(|inner| wall.max(CommitTime::from_unix_nanos(inner.newest_commit.unix_nanos().saturating_add(1))))
    }

    /// The time of the mark that closes the store, which has no room for a span: now if the clocks still go as the state
    /// says, or else the newest that is durable, which tells nothing new of them.
    pub(crate) fn close(&self, now: CommitTime, slew: i8, reading: ClockReading) -> CommitTime {
        let goes_on = self.due(now, slew, reading).is_empty();
        self.with(|inner| if goes_on || inner.ledger.spans().is_empty() { now } else { inner.newest_durable })
    }

    fn grace_of(&self, age_max: Duration) -> Duration {
        self.grace.unwrap_or_else(|| (age_max / GRACE_PARTS).clamp(GRACE_MIN, GRACE_MAX))
    }

    fn with<T>(&self, run: impl FnOnce(&mut Inner) -> T) -> T {
        run(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    /// The time open at a reading.
    fn elapsed_at(&self, reading: ClockReading) -> i64 {
        let since = reading.boot.saturating_sub(self.opening.reading.boot);
        self.opening.elapsed.saturating_add(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// Takes in how the clocks stand.
    fn observe(&mut self, reading: ClockReading, is_synchronised: bool) {
        let elapsed = self.elapsed_at(reading);
        let offset = i128::from(reading.wall) - i128::from(elapsed);
        let commit = self.newest_commit.max(self.opening.commit).unix_nanos();
        let last = self.live.last_mut().expect("a session has a stretch");
        self.is_synchronised = is_synchronised;
        let step = offset - last.offset;
        if step.abs() <= i128::from(TOLERANCE) {
            if is_synchronised {
                last.synchronised = last.synchronised.max(Some(elapsed));
            }
            return;
        }
        if step.abs() >= FAR_NANOS {
            let by = Duration::from_nanos(u64::try_from(step.unsigned_abs()).unwrap_or(u64::MAX));
            let way = if step < 0 { "back" } else { "forward" };
            tracing::warn!(
                wall_clock = %CommitTime::from_unix_nanos(reading.wall),
                "the wall clock was set {way} by {by:?}: ages go on as if it had not been, and commit times are drawn to it \
                 by 5 %"
            );
        }
        let synchronised = is_synchronised.then_some(elapsed);
        self.live.push(Stretch { commit, begin: elapsed, synchronised, offset, is_opening: false });
        if self.live.len() > STRETCHES_MAX {
            let shortest = (1..self.live.len() - 1).min_by_key(|&at| self.live[at + 1].begin - self.live[at].begin);
            self.live.remove(shortest.expect("there are many"));
        }
    }

    fn due(&self, commit: CommitTime, slew: i8, reading: ClockReading) -> Vec<ClockSpan> {
        let is_synchronised = self.is_synchronised;
        let mut due = Vec::new();
        if !self.is_recorded {
            let Opening { reading, commit, elapsed, is_synchronised, slew } = self.opening;
            let (elapsed_nanos, wall_nanos) = (elapsed, reading.wall);
            due.push(ClockSpan { commit, elapsed_nanos, wall_nanos, slew, is_opening: true, is_synchronised });
        }
        let last = due.last().or(self.ledger.spans().last()).expect("a session has a span");
        let elapsed_nanos = self.elapsed_at(reading);
        let wall = i128::from(last.wall_nanos) + i128::from(elapsed_nanos) - i128::from(last.elapsed_nanos);
        let goes_on = last.is_synchronised == is_synchronised
            && along(last, commit).abs_diff(elapsed_nanos) <= TOLERANCE.unsigned_abs()
            && (i128::from(reading.wall) - wall).abs() <= i128::from(TOLERANCE);
        if !goes_on {
            let wall_nanos = reading.wall;
            due.push(ClockSpan { commit, elapsed_nanos, wall_nanos, slew, is_opening: false, is_synchronised });
        }
        due
    }
}

impl Ages {
    /// How long ago something was committed, at least.
    pub(crate) fn of(&self, commit: CommitTime) -> Duration {
        self.about(commit).saturating_sub(Duration::from_nanos(TOLERANCE.unsigned_abs()))
    }

    /// How long ago something was committed, give or take what clocks differ by; where they leave it in doubt, at least.
    pub(crate) fn about(&self, commit: CommitTime) -> Duration {
        if self.unrecorded_from.is_some_and(|from| commit >= from) {
            return Duration::ZERO;
        }
        let spans = self.ledger.spans();
        let next = spans.partition_point(|span| span.commit <= commit);
        let end = spans.get(next).map_or(self.now, |span| span.elapsed_nanos);
        let elapsed = next.checked_sub(1).map_or(end, |at| along(&spans[at], commit).min(end));
        let closed = self.gaps.iter().filter(|gap| gap.commit > commit.unix_nanos()).map(|gap| gap.length);
        let age = closed.fold(self.now.saturating_sub(elapsed), i64::saturating_add);
        Duration::from_nanos(age.max(0).unsigned_abs())
    }
}

/// The time open at a commit, if the span goes on so far.
fn along(span: &ClockSpan, commit: CommitTime) -> i64 {
    let (passed, divisor) = (i128::from(commit.unix_nanos()) - i128::from(span.commit.unix_nanos()), SLEW_DIVISOR);
    let elapsed = passed * i128::from(divisor) / i128::from(divisor + i64::from(span.slew));
    i64::try_from(i128::from(span.elapsed_nanos) + elapsed.max(0)).unwrap_or(i64::MAX)
}

/// The stretches that spans tell of; the last of them ends at `end`.
fn stretches(spans: &[ClockSpan], end: i64) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        let end = spans.get(at + 1).map_or(end, |next| next.elapsed_nanos);
        let synchronised = span.is_synchronised.then_some(end);
        let offset = i128::from(span.wall_nanos) - i128::from(span.elapsed_nanos);
        match found.last_mut() {
            Some(last) if !span.is_opening && (last.offset - offset).abs() <= i128::from(TOLERANCE) => {
                last.synchronised = last.synchronised.max(synchronised);
            }
            _ => {
                let (commit, begin) = (span.commit.unix_nanos(), span.elapsed_nanos);
                found.push(Stretch { commit, begin, synchronised, offset, is_opening: span.is_opening });
            }
        }
    }
    found
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
