//! One figure of one work in one round.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::work::Work;

/// Latencies up to here are told apart; longer ones count as this.
const LATENCY_MAX: Duration = Duration::from_mins(10);

/// How long requests took.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

/// What a work came to.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Events a second, or scans.
    pub(crate) rate: f64,
    /// The latencies of requests by percentile, or their mean where a peer's tool tells no more.
    pub(crate) latency: Latency,
}

/// How long a request took.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Latency {
    Percentiles {
        p50: Duration,
        p99: Duration,
    },
    Mean(Duration),
    /// The work is one request.
    None,
}

impl Default for Latencies {
    fn default() -> Self {
        let max = u64::try_from(LATENCY_MAX.as_nanos()).unwrap_or(u64::MAX);
        Self(Histogram::new_with_bounds(1, max, 3).expect("bounds and digits that a histogram takes"))
    }
}

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX).max(1));
    }

    /// Takes over those of another caller.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// The percentiles that are kept.
    pub(crate) fn percentiles(&self) -> Latency {
        let at = |percentile| Duration::from_nanos(self.0.value_at_percentile(percentile));
        Latency::Percentiles { p50: at(50.0), p99: at(99.0) }
    }
}

impl Figure {
    /// A figure of `count` events or scans in `elapsed`.
    pub(crate) fn new(count: u64, elapsed: Duration, latency: Latency) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a figure has three digits")]
        let count = count as f64;
        Self { rate: count / elapsed.as_secs_f64().max(1e-9), latency }
    }

    /// The number that the table has: microseconds for appends one at a time, else a rate.
    pub(crate) fn value(&self, work: Work) -> f64 {
        match (work, self.latency) {
            (Work::Alone, Latency::Percentiles { p50: time, .. } | Latency::Mean(time)) => time.as_secs_f64() * 1e6,
            _ => self.rate,
        }
    }

    /// Everything that is known of it.
    pub(crate) fn to_json(&self) -> Value {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        match self.latency {
            Latency::Percentiles { p50, p99 } => {
                json!({ "per_second": self.rate, "p50_us": micros(p50), "p99_us": micros(p99) })
            }
            Latency::Mean(mean) => json!({ "per_second": self.rate, "mean_us": micros(mean) }),
            Latency::None => json!({ "per_second": self.rate }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_a_rate_but_for_appends_one_at_a_time() {
        let mut latencies = Latencies::default();
        (1..=100).for_each(|ms| latencies.record(Duration::from_millis(ms)));
        let figure = Figure::new(1_000, Duration::from_secs(2), latencies.percentiles());
        assert!((figure.value(Work::Batches) - 500.0).abs() < 1e-6);
        assert!((figure.value(Work::Alone) - 50_000.0).abs() < 100.0, "the median in microseconds");
    }
}
