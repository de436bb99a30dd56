//! The time axis: a range cut into buckets of a width that people count in, and its labels.

use std::time::Duration;

use annals_model::EventTime;
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// The first Monday of the epoch, which began on a Thursday.
const MONDAY: i64 = 4 * DAY;

/// Widths above a second; below it 1, 2 and 5 times a power of ten are used.
const WIDTHS: [i64; 28] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    20 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    8 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    WEEK,
    2 * WEEK,
    4 * WEEK,
    13 * WEEK,
    52 * WEEK,
];

/// A range of time in equal buckets. The first begins at a round time of the axis' zone.
#[derive(Clone, Debug)]
pub(crate) struct TimeAxis {
    start: i64,
    width: i64,
    count: usize,
    zone: Tz,
}

/// A label, and the bucket at whose start it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeLabel {
    pub(super) bucket: usize,
    pub(super) text: String,
}

/// More buckets than there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found} buckets do not fit in {room} columns; choose wider ones, like --bucket {}, or a wider plot with --width",
    humantime::format_duration(*.fitting)
)]
pub(crate) struct TooManyBuckets {
    found: u64,
    room: usize,
    fitting: Duration,
}

impl TimeAxis {
    /// Cuts `first..=last` into buckets of `width`, or of the least round width that fits in `room` buckets.
    ///
    /// # Errors
    /// When buckets of the width that was asked for do not fit.
    pub(crate) fn new(
        first: EventTime,
        last: EventTime,
        width: Option<Duration>,
        room: usize,
        zone: Tz,
    ) -> Result<Self, TooManyBuckets> {
        let fits = |width: i64| Self::cut(first, last, width, zone).filter(|axis| axis.count <= room);
        let round = || round_widths().find_map(fits).unwrap_or_else(|| Self::widest(first, last, room, zone));
        let Some(asked) = width else { return Ok(round()) };
        let asked = i64::try_from(asked.as_nanos()).unwrap_or(i64::MAX).max(1);
        fits(asked).ok_or_else(|| {
            let span = last.unix_nanos().abs_diff(first.unix_nanos());
            let fitting = Duration::from_nanos(round().width.unsigned_abs());
            TooManyBuckets { found: span / asked.unsigned_abs() + 1, room, fitting }
        })
    }

    fn cut(first: EventTime, last: EventTime, width: i64, zone: Tz) -> Option<Self> {
        // Days begin at the zone's midnight at the start of the range; a change of clocks within it moves no bucket.
        let offset = i64::from(offset_seconds(zone, first.unix_nanos())).checked_mul(SECOND)?;
        let local = first.unix_nanos().checked_add(offset)?;
        let start = local.checked_sub(past(local, width))?.checked_sub(offset)?;
        let count = usize::try_from(last.unix_nanos().abs_diff(start) / width.unsigned_abs()).ok()?.checked_add(1)?;
        Some(Self { start, width, count, zone })
    }

    /// For ranges of centuries, which no round width fits.
    fn widest(first: EventTime, last: EventTime, room: usize, zone: Tz) -> Self {
        let span = last.unix_nanos().abs_diff(first.unix_nanos());
        let width = i64::try_from(span / room as u64 + 1).unwrap_or(i64::MAX);
        Self { start: first.unix_nanos(), width, count: room, zone }
    }

    /// How many buckets.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// A bucket's width.
    pub(crate) fn width(&self) -> Duration {
        Duration::from_nanos(self.width.unsigned_abs())
    }

    /// The bucket that holds `time`; none if it lies outside.
    pub(crate) fn bucket_of(&self, time: EventTime) -> Option<usize> {
        let nanos = time.unix_nanos();
        let since = (nanos >= self.start).then(|| nanos.abs_diff(self.start))?;
        usize::try_from(since / self.width.unsigned_abs()).ok().filter(|bucket| *bucket < self.count)
    }

    /// When a bucket begins.
    pub(crate) fn start_of(&self, bucket: usize) -> EventTime {
        let since = self.width.unsigned_abs().saturating_mul(bucket as u64);
        EventTime::from_unix_nanos(self.start.saturating_add_unsigned(since))
    }

    /// A bucket's start as text, in the zone.
    pub(super) fn text_of(&self, bucket: usize) -> String {
        let time = DateTime::from_timestamp_nanos(self.start_of(bucket).unix_nanos()).with_timezone(&self.zone);
        let form = if self.width >= DAY {
            "%Y-%m-%d"
        } else if self.width >= MINUTE {
            "%Y-%m-%d %H:%M"
        } else {
            "%Y-%m-%d %H:%M:%S%.f"
        };
        time.format(form).to_string()
    }

    /// What the axis is called: the range and its zone.
    pub(super) fn zone_name(&self) -> &'static str {
        self.zone.name()
    }

    /// Labels at round times, as many as fit when a bucket takes `columns_per_bucket` columns.
    pub(super) fn labels(&self, columns_per_bucket: usize) -> Vec<TimeLabel> {
        const GAP_COLUMNS: usize = 3;
        let steps = round_widths().filter(|step| *step >= self.width && step % self.width == 0);
        for step in steps {
            let labels = self.labels_every(step);
            let fits = |pair: &[TimeLabel]| {
                (pair[1].bucket - pair[0].bucket) * columns_per_bucket >= pair[0].text.len() + GAP_COLUMNS
            };
            if labels.windows(2).all(fits) {
                return labels;
            }
        }
        vec![TimeLabel { bucket: 0, text: self.text_of(0) }]
    }

    fn labels_every(&self, step: i64) -> Vec<TimeLabel> {
        let offset = i64::from(offset_seconds(self.zone, self.start)) * SECOND;
        let form = if step >= 4 * WEEK {
            "%b %Y"
        } else if step >= DAY {
            "%b %-d"
        } else if step >= MINUTE {
            "%H:%M"
        } else {
            "%H:%M:%S%.f"
        };
        let is_labelled = |bucket: &usize| {
            let local = self.start_of(*bucket).unix_nanos().saturating_add(offset);
            past(local, step) < self.width
        };
        let label = |bucket: usize| {
            let time = DateTime::from_timestamp_nanos(self.start_of(bucket).unix_nanos()).with_timezone(&self.zone);
            // A day's first label is its name: times alone would not say which day it is.
            let is_midnight = step < DAY && time.format("%H:%M:%S%.f").to_string() == "00:00:00";
            TimeLabel { bucket, text: time.format(if is_midnight { "%b %-d" } else { form }).to_string() }
        };
        (0..self.count).filter(is_labelled).map(label).collect()
    }
}

/// How far a local time is past the last round one. Weeks begin on Mondays.
fn past(local: i64, step: i64) -> i64 {
    let origin = if step % WEEK == 0 { MONDAY } else { 0 };
    (local.rem_euclid(step) - origin.rem_euclid(step)).rem_euclid(step)
}

fn offset_seconds(zone: Tz, nanos: i64) -> i32 {
    zone.offset_from_utc_datetime(&DateTime::from_timestamp_nanos(nanos).naive_utc()).fix().local_minus_utc()
}

fn round_widths() -> impl Iterator<Item = i64> {
    let below_a_second = (0..9).flat_map(|power| [1, 2, 5].map(|times| times * 10_i64.pow(power)));
    below_a_second.chain(WIDTHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW_YORK: Tz = Tz::America__New_York;

    fn time(text: &str) -> EventTime {
        let time = DateTime::parse_from_rfc3339(text).expect("a time");
        EventTime::from_unix_nanos(time.timestamp_nanos_opt().expect("within the centuries"))
    }

    fn storm(room: usize, width: Option<Duration>) -> Result<TimeAxis, TooManyBuckets> {
        TimeAxis::new(time("2013-02-08T05:00:00Z"), time("2013-02-11T04:59:59Z"), width, room, NEW_YORK)
    }

    #[test]
    fn buckets_get_the_least_round_width_that_fits_and_begin_at_round_local_times() {
        let axis = storm(72, None).expect("fits");
        assert_eq!((axis.count(), axis.width()), (72, Duration::from_hours(1)));
        assert_eq!(axis.start_of(0), time("2013-02-08T05:00:00Z"));
        let days = storm(5, None).expect("fits");
        assert_eq!((days.count(), days.start_of(1)), (3, time("2013-02-09T05:00:00Z")));
        let whole = TimeAxis::new(EventTime::MIN, EventTime::MAX, None, 50, Tz::UTC).expect("fits");
        assert!(whole.count() <= 50 && whole.bucket_of(time("2013-02-08T05:00:00Z")).is_some());
    }

    #[test]
    fn weeks_begin_on_mondays() {
        let axis = TimeAxis::new(time("2013-02-06T12:00:00Z"), time("2013-12-31T00:00:00Z"), None, 60, Tz::UTC);
        let axis = axis.expect("fits");
        assert_eq!((axis.width(), axis.start_of(0)), (Duration::from_hours(7 * 24), time("2013-02-04T00:00:00Z")));
    }

    #[test]
    fn buckets_that_do_not_fit_are_refused_with_a_width_that_does() {
        let error = storm(71, Some(Duration::from_hours(1))).expect_err("one too many");
        assert!(error.to_string().starts_with("72 buckets do not fit in 71 columns"), "{error}");
        assert!(error.to_string().contains("--bucket 2h"), "{error}");
    }

    #[test]
    fn a_time_lies_in_the_bucket_that_begins_at_or_before_it() {
        let axis = storm(72, None).expect("fits");
        assert_eq!(axis.bucket_of(time("2013-02-08T05:59:59.999999999Z")), Some(0));
        assert_eq!(axis.bucket_of(time("2013-02-08T06:00:00Z")), Some(1));
        assert_eq!(axis.bucket_of(time("2013-02-08T04:59:59Z")), None);
        assert_eq!(axis.bucket_of(time("2013-02-11T05:00:00Z")), None);
    }

    #[test]
    fn labels_stand_at_round_times_and_name_the_day_at_midnight() {
        let axis = storm(72, None).expect("fits");
        let texts: Vec<_> = axis.labels(1).into_iter().map(|label| (label.bucket, label.text)).collect();
        let expected = [(0, "Feb 8"), (12, "12:00"), (24, "Feb 9"), (36, "12:00"), (48, "Feb 10"), (60, "12:00")];
        assert_eq!(texts, expected.map(|(bucket, text)| (bucket, text.to_owned())));
    }

    #[test]
    fn labels_never_run_into_each_other() {
        for room in 1..200 {
            let axis = storm(room, None).expect("fits");
            for pair in axis.labels(1).windows(2) {
                assert!(pair[0].bucket + pair[0].text.len() < pair[1].bucket, "{room}: {pair:?}");
            }
        }
    }
}
