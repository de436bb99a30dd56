//! How the clocks went while the store was open: what turns a commit time into an age.
//!
//! Commit times are drawn to the wall clock, which may be set, so that the difference of two says nothing about how much
//! time lies between them. The ledger says it: each span tells from which commit time on commit times, the time that the
//! store was open and the wall clock went side by side, and how. What the spans mean together is the engine's to decide;
//! here they are kept, in order and bounded.

use std::fmt;

use annals_model::CommitTime;

use super::StateError;

/// Spans that are kept. A store that is opened every day makes as many in three years; past it the spans that are the
/// shortest for their age are joined. They take 64 KiB of memory, and less of a snapshot.
const SPANS_MAX: usize = 1024;

/// From when on the clocks went side by side in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSpan {
    /// The first commit time that it holds for.
    pub commit: CommitTime,
    /// How long the store had been open then, in nanoseconds, over all openings; never steps.
    pub elapsed_nanos: i64,
    /// The wall clock then: nanoseconds since the Unix epoch.
    pub wall_nanos: i64,
    /// Which way commit times are drawn by one part in twenty of the time that passes: 1 forward, -1 back, 0 neither.
    pub slew: i8,
    /// Whether the store was opened here: how long it was closed before is in `wall_nanos` alone.
    pub is_opening: bool,
    /// Whether the operating system called the wall clock right.
    pub is_synchronised: bool,
}

/// The spans, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClockLedger {
    spans: Vec<ClockSpan>,
}

impl ClockLedger {
    /// All spans, oldest first; commit times rise, and the time open does not fall.
    pub fn spans(&self) -> &[ClockSpan] {
        &self.spans
    }

    /// Adds a span. One that begins at the commit time of the newest takes its place.
    ///
    /// # Errors
    /// When it begins before the newest; nothing is changed then.
    pub fn note(&mut self, span: ClockSpan) -> Result<(), StateError> {
        if let Some(newest) = self.spans.last_mut() {
            if span.commit < newest.commit || span.elapsed_nanos < newest.elapsed_nanos {
                return Err(StateError::ClockBack { present: newest.commit, next: span.commit });
            }
            if span.commit == newest.commit {
                *newest = ClockSpan { is_opening: newest.is_opening || span.is_opening, ..span };
                return Ok(());
            }
        }
        self.spans.push(span);
        if self.spans.len() > SPANS_MAX {
            self.join_shortest();
        }
        Ok(())
    }

    /// Joins the span that is the shortest for its age with the one after it, which begins earlier then: what was committed
    /// in it counts as committed later than it was, and is kept longer rather than shorter. The newest two stay.
    fn join_shortest(&mut self) {
        let Some(newest) = self.spans.last().copied() else { return };
        let distance = |from: &ClockSpan, to: &ClockSpan| {
            i128::from(to.elapsed_nanos) - i128::from(from.elapsed_nanos)
                + i128::from(to.commit.unix_nanos().abs_diff(from.commit.unix_nanos()))
                + i128::from(to.wall_nanos.abs_diff(from.wall_nanos))
        };
        let last = self.spans.len() - 2;
        let cost = |&at: &usize| {
            let (length, age) =
                (distance(&self.spans[at], &self.spans[at + 1]), distance(&self.spans[at], &newest).max(1));
            // The length in millionths of the age; both are below 2^67.
            length.saturating_mul(1_000_000) / age
        };
        let Some(at) = (0..last).min_by_key(cost) else { return };
        let joined = self.spans.remove(at);
        let next = &mut self.spans[at];
        next.commit = joined.commit;
        next.is_opening |= joined.is_opening;
    }
}

impl fmt::Display for ClockSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commit, elapsed_nanos, wall_nanos, slew, is_synchronised, .. } = *self;
        let wall = CommitTime::from_unix_nanos(wall_nanos);
        let seconds = elapsed_nanos / 1_000_000_000;
        let drawn = ["back", "nowhere", "forward"][usize::try_from(slew + 1).unwrap_or(1).min(2)];
        let called = if is_synchronised { "synchronised" } else { "not synchronised" };
        write!(f, "from commit time {commit} on, open for {seconds} s, wall clock {wall} ({called}), drawn {drawn}")
    }
}
