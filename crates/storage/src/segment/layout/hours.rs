//! The hours of event time in which a run has events.
//!
//! One event from 1970 makes a run's bounds span decades; its hours still say that nothing lies between.

use annals_model::{EventTime, TimeRange};

use crate::segment::layout::error::Fault;
use crate::segment::layout::fields::Fields;

const HOUR_NANOS: i64 = 3_600_000_000_000;

/// More ranges than this are joined over their smallest gaps, so that the list stays a small part of any run.
const RANGES_MAX: usize = 1_024;

/// Hours since the Unix epoch, as ascending closed ranges with gaps between them. They cover every event of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours(Box<[(i32, i32)]>);

fn hour_of(time: EventTime) -> i32 {
    i32::try_from(time.unix_nanos().div_euclid(HOUR_NANOS)).expect("64 bits of nanoseconds are 5 million hours")
}

/// Collects hours in any order.
#[derive(Debug, Default)]
pub(crate) struct HoursBuilder {
    hours: Vec<i32>,
    sorted: usize,
}

impl HoursBuilder {
    pub(crate) fn push(&mut self, time: EventTime) {
        let hour = hour_of(time);
        // Neighbouring rows mostly share the hour. What repeats all the same is dropped now and then, so that the
        // list stays in proportion to the hours and not to the events.
        if self.hours.last() == Some(&hour) {
            return;
        }
        self.hours.push(hour);
        if self.hours.len() >= 2 * self.sorted + 4_096 {
            self.tidy();
        }
    }

    fn tidy(&mut self) {
        self.hours.sort_unstable();
        self.hours.dedup();
        self.sorted = self.hours.len();
    }

    pub(crate) fn finish(mut self) -> Hours {
        self.tidy();
        let mut gap = 1;
        loop {
            let ranges = join(&self.hours, gap);
            if ranges.len() <= RANGES_MAX {
                return Hours(ranges.into_boxed_slice());
            }
            gap *= 2;
        }
    }
}

/// Ascending hours as ranges; hours at most `gap` apart share one.
fn join(hours: &[i32], gap: i32) -> Vec<(i32, i32)> {
    let mut ranges: Vec<(i32, i32)> = Vec::new();
    for &hour in hours {
        match ranges.last_mut() {
            Some((_, last)) if hour - *last <= gap => *last = hour,
            _ => ranges.push((hour, hour)),
        }
    }
    ranges
}

impl Hours {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let count = u32::try_from(self.0.len()).expect("at most RANGES_MAX ranges");
        let ranges = self.0.iter().flat_map(|(first, last)| [first.to_le_bytes(), last.to_le_bytes()]);
        [count.to_le_bytes()].into_iter().chain(ranges).flatten().collect()
    }

    pub(crate) fn decode(content: &[u8]) -> Result<Self, Fault> {
        let ranges = parse(content).ok_or_else(|| Fault::content("a count and that many ranges of hours"))?;
        let is_range = ranges.iter().all(|(first, last)| first <= last);
        if !is_range || ranges.windows(2).any(|pair| pair[0].1 >= pair[1].0) {
            return Err(Fault::content("ranges of hours that ascend"));
        }
        Ok(Self(ranges.into_boxed_slice()))
    }

    /// The ranges: first and last hour of each, counted from the Unix epoch.
    pub fn ranges(&self) -> &[(i32, i32)] {
        &self.0
    }

    /// Whether an event of such a time may be there.
    pub fn may_hold(&self, times: &TimeRange) -> bool {
        let first = times.start().map_or(i32::MIN, hour_of);
        let last = match times.end() {
            Some(end) if end == EventTime::MIN => return false,
            Some(end) => hour_of(EventTime::from_unix_nanos(end.unix_nanos() - 1)),
            None => i32::MAX,
        };
        let at = self.0.partition_point(|range| range.1 < first);
        self.0.get(at).is_some_and(|range| range.0 <= last)
    }

    /// Whether the ranges cover `time`.
    pub(crate) fn covers(&self, time: EventTime) -> bool {
        let hour = hour_of(time);
        let at = self.0.partition_point(|range| range.1 < hour);
        self.0.get(at).is_some_and(|range| range.0 <= hour)
    }
}

fn parse(content: &[u8]) -> Option<Vec<(i32, i32)>> {
    let mut fields = Fields(content);
    let count = fields.u32()? as usize;
    if count > fields.0.len() / 8 {
        return None;
    }
    let ranges = (0..count).map(|_| Some((fields.i32()?, fields.i32()?))).collect::<Option<Vec<_>>>()?;
    fields.end()?;
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> EventTime {
        EventTime::from_unix_nanos(hour * HOUR_NANOS + 7)
    }

    fn between(start: i64, end: i64) -> TimeRange {
        TimeRange::new(Some(at(start)), Some(at(end))).expect("in order")
    }

    fn hours(list: impl IntoIterator<Item = i64>) -> Hours {
        let mut builder = HoursBuilder::default();
        list.into_iter().for_each(|hour| builder.push(at(hour)));
        builder.finish()
    }

    #[test]
    fn one_event_from_long_ago_does_not_fill_the_years_between() {
        let hours = hours([400_000, 0, 400_001]);
        assert_eq!(hours.ranges(), [(0, 0), (400_000, 400_001)]);
        assert!(hours.may_hold(&between(0, 1)) && hours.may_hold(&between(399_000, 400_000)));
        assert!(!hours.may_hold(&between(1, 399_999)));
        assert!(hours.may_hold(&TimeRange::ALL));
        assert_eq!(Hours::decode(&hours.encode()), Ok(hours));
    }

    #[test]
    fn many_ranges_are_joined_and_still_cover_every_hour() {
        let every_third = (0..20_000).map(|n| n * 3 % 59_999);
        let hours = hours(every_third.clone());
        assert!(hours.ranges().len() <= RANGES_MAX);
        assert!(every_third.into_iter().all(|hour| hours.covers(at(hour))));
    }

    #[test]
    fn the_ends_of_time_have_hours() {
        let mut builder = HoursBuilder::default();
        builder.push(EventTime::MIN);
        builder.push(EventTime::MAX);
        let hours = builder.finish();
        assert!(hours.covers(EventTime::MIN) && hours.covers(EventTime::MAX));
    }
}
