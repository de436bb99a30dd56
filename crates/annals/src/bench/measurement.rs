//! What was measured, and how it is told.

use std::io::Write;
use std::time::Duration;

use hdrhistogram::Histogram;
use indicatif::{HumanBytes, HumanCount};
use serde_json::{Value, json};

use super::flights::Landed;

/// Latencies up to here are told apart; longer ones count as this.
const LATENCY_MAX: Duration = Duration::from_mins(10);

/// Digits that a latency keeps.
const DIGITS: u8 = 3;

/// The percentiles that are told.
const PERCENTILES: [(&str, f64); 5] = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("max", 100.0)];

/// Of what may be below zero, the least too.
const SIGNED_PERCENTILES: [(&str, f64); 6] =
    [("min", 0.0), ("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("max", 100.0)];

/// How long requests took.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Histogram<u64>);

/// One figure of a bench.
#[derive(Clone, Debug)]
pub(super) struct Measurement {
    /// What was done: "append", "scan", …
    pub(super) name: String,
    /// How: sizes, callers and so on, in words and as data.
    pub(super) workload: Vec<(&'static str, Value)>,
    pub(super) elapsed: Duration,
    pub(super) requests: u64,
    pub(super) events: u64,
    /// Bytes of encoded events.
    pub(super) bytes: u64,
    pub(super) latencies: Latencies,
    /// What a live tail got of the events; none: there was no tail, or nobody matched its events with their answers.
    pub(super) delivery: Option<Landed>,
}

impl Default for Latencies {
    fn default() -> Self {
        let max = u64::try_from(LATENCY_MAX.as_nanos()).unwrap_or(u64::MAX);
        Self(Histogram::new_with_bounds(1, max, DIGITS).expect("bounds and digits that a histogram takes"))
    }
}

impl Latencies {
    pub(super) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX).max(1));
    }

    /// Takes over those of another caller.
    pub(super) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency at this place among all, from 1, the shortest first.
    pub(super) fn at_rank(&self, rank: u64) -> Duration {
        // The middle of the rank's share, so that rounding does not lead to a neighbour's.
        #[expect(clippy::cast_precision_loss, reason = "no bench counts so far that a place would move")]
        let quantile = (rank as f64 - 0.5) / self.count().max(1) as f64;
        Duration::from_nanos(self.0.value_at_quantile(quantile))
    }

    fn percentiles(&self) -> impl Iterator<Item = (&'static str, Duration)> + '_ {
        PERCENTILES
            .into_iter()
            .map(|(name, percentile)| (name, Duration::from_nanos(self.0.value_at_percentile(percentile))))
    }
}

impl Measurement {
    fn per_second(&self, count: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a figure has three digits")]
        let count = count as f64;
        count / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The figure in a few lines.
    pub(super) fn write_text(&self, out: &mut impl Write) -> std::io::Result<()> {
        let words = |(name, value): &(&str, Value)| format!("{} {}", name.replace('_', " "), plain(value));
        let workload: Vec<_> = self.workload.iter().map(words).collect();
        writeln!(out, "{}: {}", self.name, workload.join(", "))?;
        let rate = |count: u64| HumanCount(whole(self.per_second(count)));
        writeln!(
            out,
            "  {} events/s, {} requests/s, {}/s over {:.1} s",
            rate(self.events),
            rate(self.requests),
            HumanBytes(whole(self.per_second(self.bytes))),
            self.elapsed.as_secs_f64()
        )?;
        if self.latencies.count() > 0 {
            writeln!(out, "  latency of a request: {}", in_words(&self.latencies))?;
        }
        self.delivery.as_ref().map_or(Ok(()), |delivery| write_delivery(delivery, out))
    }

    /// The figure as data.
    pub(super) fn to_json(&self) -> Value {
        let mut figure = json!({
            "bench": self.name,
            "workload": self.workload.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<serde_json::Map<_, _>>(),
            "seconds": self.elapsed.as_secs_f64(),
            "requests": self.requests,
            "events": self.events,
            "bytes": self.bytes,
            "requests_per_second": self.per_second(self.requests),
            "events_per_second": self.per_second(self.events),
            "bytes_per_second": self.per_second(self.bytes),
            "latency_seconds": as_data(&self.latencies),
        });
        if let Some(Landed { deliveries, after_answer, fell_behind, .. }) = &self.delivery {
            figure["delivery_seconds"] = as_data(deliveries);
            let differences =
                SIGNED_PERCENTILES.map(|(name, at)| (name.to_owned(), after_answer.at_percentile(at).into()));
            figure["delivery_after_answer_seconds"] = Value::Object(differences.into_iter().collect());
            figure["share_delivered_before_answer"] = after_answer.share_earlier().into();
            figure["tail_fell_behind"] = (*fell_behind).into();
        }
        figure
    }
}

/// What a tail got, in lines below those of the appends.
fn write_delivery(delivery: &Landed, out: &mut impl Write) -> std::io::Result<()> {
    let Landed { deliveries, after_answer, fell_behind, .. } = delivery;
    if let Some(earlier) = after_answer.share_earlier() {
        writeln!(out, "  latency of a delivery: {}", in_words(deliveries))?;
        let differences: Vec<_> = SIGNED_PERCENTILES
            .iter()
            .filter_map(|&(name, at)| Some(format!("{name} {:.3} ms", after_answer.at_percentile(at)? * 1e3)))
            .collect();
        writeln!(out, "  delivery after answer: {}; {:.1} % before it", differences.join(", "), earlier * 100.0)?;
    }
    if *fell_behind > 0 {
        writeln!(out, "  the tail fell behind the live end {fell_behind} times")?;
    }
    Ok(())
}

fn in_words(latencies: &Latencies) -> String {
    let percentiles = latencies.percentiles();
    let shown: Vec<_> =
        percentiles.map(|(name, value)| format!("{name} {:.2} ms", value.as_secs_f64() * 1e3)).collect();
    shown.join(", ")
}

fn as_data(latencies: &Latencies) -> Value {
    let percentiles = latencies.percentiles();
    Value::Object(percentiles.map(|(name, value)| (name.to_owned(), value.as_secs_f64().into())).collect())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate that is shown")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded_by_all_callers() {
        let (mut one, mut other) = (Latencies::default(), Latencies::default());
        (1..=50).for_each(|ms| one.record(Duration::from_millis(ms)));
        (51..=100).for_each(|ms| other.record(Duration::from_millis(ms)));
        one.add(&other);
        let found: Vec<_> = one.percentiles().map(|(_, value)| value.as_millis()).collect();
        assert_eq!(found[..3], [50, 90, 99]);
        assert_eq!(found[4], 100);
    }

    #[test]
    fn rates_are_per_second_counted() {
        let measurement = Measurement {
            name: "append".to_owned(),
            workload: vec![("batch", json!(1_000))],
            elapsed: Duration::from_secs(2),
            requests: 4,
            events: 4_000,
            bytes: 512_000,
            latencies: Latencies::default(),
            delivery: None,
        };
        assert_eq!(measurement.to_json()["events_per_second"], json!(2_000.0));
        let mut text = Vec::new();
        measurement.write_text(&mut text).expect("memory");
        assert!(String::from_utf8_lossy(&text).contains("2,000 events/s, 2 requests/s"));
    }
}
