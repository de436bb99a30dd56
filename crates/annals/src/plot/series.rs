//! What is drawn: for each series a bucket of counts and values for each step of the time axis.

use std::collections::HashMap;

use annals_client::EventTime;

use super::time_axis::TimeAxis;

/// Series beyond these are drawn as one, [`OTHERS`]: more panels than a screen holds help nobody.
pub(crate) const SERIES_MAX: usize = 6;

/// Series that are told apart while events come in; those met later are counted among the others.
const COLLECTED_SERIES_MAX: usize = 1_000;

/// The series of all that is not drawn on its own.
const OTHERS: &str = "(others)";

/// Events of one series over time.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// What its events have in common; none where there is one series for all.
    pub(crate) name: Option<String>,
    pub(crate) buckets: Vec<Bucket>,
    /// All buckets together.
    pub(crate) total: Bucket,
}

/// Events within one step of the time axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) events: u64,
    /// Those that have a number in the column that is drawn; not a number and infinities are none.
    pub(crate) values: u64,
    sum: f64,
    min: f64,
    max: f64,
}

/// Sorts events into series and buckets.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    axis: &'a TimeAxis,
    by_name: HashMap<Option<String>, Vec<Bucket>>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(axis: &'a TimeAxis) -> Self {
        Self { axis, by_name: HashMap::new() }
    }

    /// Adds an event. One outside the axis is left out: the scan asked for the axis' range and brings none.
    pub(crate) fn add(&mut self, series: Option<&str>, time: EventTime, value: Option<f64>) {
        let Some(bucket) = self.axis.bucket_of(time) else { return };
        let mut name = series.map(str::to_owned);
        if self.by_name.len() >= COLLECTED_SERIES_MAX && !self.by_name.contains_key(&name) {
            name = Some(OTHERS.to_owned());
        }
        let buckets = self.by_name.entry(name).or_insert_with(|| vec![Bucket::default(); self.axis.count()]);
        buckets[bucket].add(value.filter(|value| value.is_finite()));
    }

    /// The series, largest first, those past `most` as one at the end. Named series keep the order of `names`.
    pub(crate) fn finish(self, names: &[String], most: usize) -> Vec<Series> {
        let mut all: Vec<Series> = self.by_name.into_iter().map(|(name, buckets)| Series::new(name, buckets)).collect();
        if !names.is_empty() {
            let mut found: HashMap<_, _> = all.into_iter().map(|series| (series.name.clone(), series)).collect();
            let empty = || vec![Bucket::default(); self.axis.count()];
            let named = |name: &String| {
                let name = Some(name.clone());
                found.remove(&name).unwrap_or_else(|| Series::new(name, empty()))
            };
            return names.iter().map(named).collect();
        }
        all.sort_by(|one, other| other.total.events.cmp(&one.total.events).then_with(|| one.name.cmp(&other.name)));
        if all.len() > most.max(1) {
            let rest = all.split_off(most.max(1) - 1);
            all.push(Series::merged(&rest));
        }
        all
    }
}

impl Series {
    fn new(name: Option<String>, buckets: Vec<Bucket>) -> Self {
        let mut total = Bucket::default();
        for bucket in &buckets {
            total.merge(bucket);
        }
        Self { name, buckets, total }
    }

    fn merged(parts: &[Self]) -> Self {
        let mut buckets = parts[0].buckets.clone();
        for part in &parts[1..] {
            for (all, one) in buckets.iter_mut().zip(&part.buckets) {
                all.merge(one);
            }
        }
        Self::new(Some(OTHERS.to_owned()), buckets)
    }

    /// The bucket with the most events, the first of them; none if there are no events.
    pub(crate) fn peak(&self) -> Option<usize> {
        let most = self.buckets.iter().map(|bucket| bucket.events).max().filter(|most| *most > 0)?;
        self.buckets.iter().position(|bucket| bucket.events == most)
    }
}

impl Bucket {
    fn add(&mut self, value: Option<f64>) {
        let values = u64::from(value.is_some());
        let value = value.unwrap_or_default();
        self.merge(&Self { events: 1, values, sum: value, min: value, max: value });
    }

    fn merge(&mut self, other: &Self) {
        self.events += other.events;
        if other.values > 0 {
            let is_first = self.values == 0;
            self.min = if is_first { other.min } else { self.min.min(other.min) };
            self.max = if is_first { other.max } else { self.max.max(other.max) };
            self.values += other.values;
            self.sum += other.sum;
        }
    }

    /// Least, mean and greatest value; none if there are none.
    pub(crate) fn range(&self) -> Option<(f64, f64, f64)> {
        #[expect(clippy::cast_precision_loss, reason = "a mean of more than 2^53 values is near enough")]
        (self.values > 0).then(|| (self.min, self.sum / self.values as f64, self.max))
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    fn axis() -> TimeAxis {
        let at = EventTime::from_unix_nanos;
        TimeAxis::new(at(0), at(9), Some(std::time::Duration::from_nanos(5)), 10, Tz::UTC).expect("fits")
    }

    #[test]
    fn events_are_counted_and_their_values_summed_up_by_bucket() {
        let axis = axis();
        let mut collector = Collector::new(&axis);
        for (nanos, value) in [(0, Some(-4.0)), (4, Some(2.0)), (4, None), (5, Some(f64::NAN)), (99, Some(1.0))] {
            collector.add(None, EventTime::from_unix_nanos(nanos), value);
        }
        let series = collector.finish(&[], 1);
        let [only] = &series[..] else { panic!("one series") };
        assert_eq!(only.buckets.iter().map(|bucket| bucket.events).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(only.buckets[0].range(), Some((-4.0, -1.0, 2.0)));
        assert_eq!(only.buckets[1].range(), None);
        assert_eq!((only.total.events, only.total.values, only.peak()), (4, 2, Some(0)));
    }

    #[test]
    fn the_smaller_series_are_drawn_as_one() {
        let axis = axis();
        let mut collector = Collector::new(&axis);
        for name in ["a", "b", "b", "c", "c", "c", "d"] {
            collector.add(Some(name), EventTime::from_unix_nanos(0), None);
        }
        let series = collector.finish(&[], 3);
        let found: Vec<_> = series.iter().map(|one| (one.name.as_deref().expect("named"), one.total.events)).collect();
        assert_eq!(found, [("c", 3), ("b", 2), ("(others)", 2)]);
    }

    #[test]
    fn series_that_were_asked_for_come_in_that_order_also_when_they_are_empty() {
        let axis = axis();
        let mut collector = Collector::new(&axis);
        collector.add(Some("b"), EventTime::from_unix_nanos(0), None);
        collector.add(Some("x"), EventTime::from_unix_nanos(0), None);
        let series = collector.finish(&["a".to_owned(), "b".to_owned()], 6);
        let found: Vec<_> = series.iter().map(|one| (one.name.as_deref().expect("named"), one.total.events)).collect();
        assert_eq!(found, [("a", 0), ("b", 1)]);
    }
}
