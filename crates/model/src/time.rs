//! Times, in nanoseconds since the Unix epoch (the years 1677 to 2262).
//!
//! An event's time is its producer's; its commit time is the store's. They never stand for one another.

use std::fmt;

use chrono::{DateTime, SecondsFormat};

/// When an event was produced, by its producer's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(i64);

impl EventTime {
    /// The earliest time that can be given.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time that can be given.
    pub const MAX: Self = Self(i64::MAX);

    /// A time by its nanoseconds since the Unix epoch.
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rfc3339(f, self.0)
    }
}

/// When the store made an event durable. Never goes back within a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitTime(i64);

impl CommitTime {
    /// Before every commit.
    pub const MIN: Self = Self(i64::MIN);

    /// A time by its nanoseconds since the Unix epoch.
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }
}

impl fmt::Display for CommitTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rfc3339(f, self.0)
    }
}

fn write_rfc3339(f: &mut fmt::Formatter<'_>, nanos: i64) -> fmt::Result {
    f.write_str(&DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// A half-open range of event time: start <= time < end; a bound left out is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TimeRange {
    start: Option<EventTime>,
    end: Option<EventTime>,
}

/// A range whose end lies before its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time range is reversed: its start, {start}, lies after its end, {end}")]
pub struct TimeRangeError {
    start: EventTime,
    end: EventTime,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { start: None, end: None };

    /// From `start` up to, and without, `end`. Equal bounds hold nothing and are allowed.
    ///
    /// # Errors
    /// When the end lies before the start.
    pub fn new(start: Option<EventTime>, end: Option<EventTime>) -> Result<Self, TimeRangeError> {
        match (start, end) {
            (Some(start), Some(end)) if end < start => Err(TimeRangeError { start, end }),
            _ => Ok(Self { start, end }),
        }
    }

    /// The first time in the range; none if it is open.
    pub fn start(&self) -> Option<EventTime> {
        self.start
    }

    /// The first time after the range; none if it is open.
    pub fn end(&self) -> Option<EventTime> {
        self.end
    }

    /// Whether `time` lies in the range.
    pub fn contains(&self, time: EventTime) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time < end)
    }

    /// Whether some time from `min` to `max`, both included, lies in the range.
    pub fn overlaps(&self, min: EventTime, max: EventTime) -> bool {
        self.start.is_none_or(|start| start <= max) && self.end.is_none_or(|end| min < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: i64) -> EventTime {
        EventTime::from_unix_nanos(nanos)
    }

    #[test]
    fn a_range_holds_its_start_and_not_its_end() {
        let range = TimeRange::new(Some(at(1)), Some(at(3))).expect("in order");
        assert!(!range.contains(at(0)) && range.contains(at(1)) && range.contains(at(2)) && !range.contains(at(3)));
        assert!(range.overlaps(at(2), at(9)) && !range.overlaps(at(3), at(9)) && !range.overlaps(at(-2), at(0)));
    }

    #[test]
    fn a_reversed_range_is_refused_and_an_open_one_ends_nowhere() {
        assert!(TimeRange::new(Some(at(2)), Some(at(1))).is_err());
        assert!(TimeRange::ALL.contains(EventTime::MAX) && TimeRange::ALL.contains(EventTime::MIN));
    }
}
