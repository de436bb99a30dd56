//! How much later one thing came than another, or earlier: signed, where a histogram only knows how long.

use std::time::{Duration, Instant};

use super::measurement::Latencies;

/// Signed spans of time, kept to three digits.
#[derive(Clone, Debug, Default)]
pub(super) struct Differences {
    /// How much earlier, of those that came earlier.
    earlier: Latencies,
    /// How much later, of all others.
    later: Latencies,
}

impl Differences {
    /// Records how much later than `reference` `at` is, or how much earlier.
    pub(super) fn record(&mut self, at: Instant, reference: Instant) {
        match at.checked_duration_since(reference) {
            Some(later) => self.later.record(later),
            None => self.earlier.record(reference.saturating_duration_since(at)),
        }
    }

    /// The share that came earlier, from 0 to 1; none of nothing.
    #[expect(clippy::cast_precision_loss, reason = "a share is told in three digits")]
    pub(super) fn share_earlier(&self) -> Option<f64> {
        let (earlier, all) = (self.earlier.count(), self.count());
        (all > 0).then(|| earlier as f64 / all as f64)
    }

    /// The difference in seconds, below zero for earlier, that so many in a hundred do not exceed; none of nothing.
    pub(super) fn at_percentile(&self, percentile: f64) -> Option<f64> {
        if self.count() == 0 {
            return None;
        }
        let (earlier, rank) = (self.earlier.count(), rank_of(percentile, self.count()));
        Some(if rank <= earlier {
            // The earliest comes first, and has the greatest span.
            -seconds(self.earlier.at_rank(earlier + 1 - rank))
        } else {
            seconds(self.later.at_rank(rank - earlier))
        })
    }

    fn count(&self) -> u64 {
        self.earlier.count() + self.later.count()
    }
}

/// The place of a percentile among so many sorted values, from 1.
#[expect(clippy::cast_precision_loss, reason = "no bench counts so far that a place would move")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place lies between 1 and the count")]
fn rank_of(percentile: f64, count: u64) -> u64 {
    ((percentile / 100.0 * count as f64).ceil() as u64).clamp(1, count.max(1))
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The differences of these milliseconds.
    fn of(milliseconds: impl IntoIterator<Item = i64>) -> Differences {
        let start = Instant::now();
        let mut differences = Differences::default();
        for difference in milliseconds {
            let span = Duration::from_millis(difference.unsigned_abs());
            let (at, reference) = if difference < 0 { (start, start + span) } else { (start + span, start) };
            differences.record(at, reference);
        }
        differences
    }

    /// A percentile in whole milliseconds.
    #[expect(clippy::cast_possible_truncation, reason = "few milliseconds")]
    fn milliseconds(differences: &Differences, percentile: f64) -> i64 {
        (differences.at_percentile(percentile).expect("some were recorded") * 1e3).round() as i64
    }

    #[test]
    fn percentiles_go_from_the_earliest_to_the_latest() {
        let differences = of(-40..60);
        let found = [0.0, 1.0, 39.0, 40.0, 42.0, 90.0, 100.0].map(|percentile| milliseconds(&differences, percentile));
        assert_eq!(found, [-40, -40, -2, -1, 1, 49, 59]);
    }

    #[test]
    fn all_may_lie_on_one_side() {
        let (earlier, later) = (of(-10..0), of(1..=10));
        assert_eq!([0.0, 50.0, 100.0].map(|percentile| milliseconds(&earlier, percentile)), [-10, -6, -1]);
        assert_eq!([0.0, 50.0, 100.0].map(|percentile| milliseconds(&later, percentile)), [1, 5, 10]);
    }

    #[test]
    fn what_came_at_the_same_time_did_not_come_earlier() {
        assert_eq!(of([-5, 0, 0, 3]).share_earlier(), Some(0.25));
        assert_eq!(of([]).share_earlier(), None);
    }
}
