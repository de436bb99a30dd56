//! How times are written in an input, and reading them.
//!
//! A time without an offset is read in the zone that was given. Where that zone's clocks were put forward such a time
//! never was, and where they were put back it was twice: both are refused rather than guessed, unless it was said
//! which of the two is meant.

use std::fmt;
use std::str::FromStr;

use annals_model::EventTime;
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// How the times of a column are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// RFC 3339, or the same without an offset, without a time of day, or with a space for the T.
    Calendar,
    /// A number of units since 1970, with decimals or without.
    SinceEpoch(EpochUnit),
    /// A pattern of strftime.
    Pattern(String),
}

/// What a number of a time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EpochUnit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

/// Where clocks show times that are written without an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    Offset(FixedOffset),
    Named(Tz),
}

/// Which of the two times that a zone's clocks showed twice is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum RepeatedTime {
    /// The first, in summer time.
    First,
    /// The second, in standard time.
    Second,
}

/// Reads times.
#[derive(Clone, Debug)]
pub(super) struct TimeReader {
    pub(super) format: TimeFormat,
    pub(super) zone: Zone,
    pub(super) repeated: Option<RepeatedTime>,
}

const CALENDAR_FORMS: [&str; 5] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"];

impl TimeReader {
    /// The time that `text` names.
    ///
    /// # Errors
    /// What is wrong with the text, as the second half of a sentence that begins with it.
    pub(super) fn read(&self, text: &str) -> Result<EventTime, String> {
        let text = text.trim();
        match &self.format {
            TimeFormat::Calendar => self.read_calendar(text),
            TimeFormat::SinceEpoch(unit) => read_epoch(text, *unit),
            TimeFormat::Pattern(pattern) => self.read_pattern(text, pattern),
        }
    }

    fn read_calendar(&self, text: &str) -> Result<EventTime, String> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return event_time(time.to_utc());
        }
        let local = CALENDAR_FORMS.iter().find_map(|form| local_time(&parsed(text, form)?).ok());
        match local {
            Some(local) => self.in_zone(local),
            None => Err("is not a time like 2013-02-08T14:00:00Z or 2013-02-08 14:00".to_owned()),
        }
    }

    fn read_pattern(&self, text: &str, pattern: &str) -> Result<EventTime, String> {
        let fields = parsed(text, pattern).ok_or_else(|| format!("is not written as {pattern:?}"))?;
        let impossible = |_| "is no date and time".to_owned();
        if fields.offset().is_some() {
            return event_time(fields.to_datetime().map_err(impossible)?.to_utc());
        }
        if fields.timestamp().is_some() {
            return event_time(fields.to_naive_datetime_with_offset(0).map_err(impossible)?.and_utc());
        }
        self.in_zone(local_time(&fields).map_err(impossible)?)
    }

    fn in_zone(&self, local: NaiveDateTime) -> Result<EventTime, String> {
        let mapped = match self.zone {
            Zone::Offset(offset) => offset.from_local_datetime(&local).map(|time| time.to_utc()),
            Zone::Named(zone) => zone.from_local_datetime(&local).map(|time| time.to_utc()),
        };
        match (mapped, self.repeated) {
            (MappedLocalTime::Single(time), _)
            | (MappedLocalTime::Ambiguous(time, _), Some(RepeatedTime::First))
            | (MappedLocalTime::Ambiguous(_, time), Some(RepeatedTime::Second)) => event_time(time),
            (MappedLocalTime::Ambiguous(..), None) => {
                Err(format!("was twice in {}, where clocks were put back; say which with --repeated-time", self.zone))
            }
            (MappedLocalTime::None, _) => Err(format!("never was in {}, where clocks were put forward", self.zone)),
        }
    }
}

/// The fields that `text` gives for `pattern`; none if it does not fit.
fn parsed(text: &str, pattern: &str) -> Option<Parsed> {
    let mut fields = Parsed::new();
    parse(&mut fields, text, StrftimeItems::new(pattern)).ok()?;
    Some(fields)
}

/// The date and time of day; a date alone means its midnight.
fn local_time(fields: &Parsed) -> Result<NaiveDateTime, chrono::format::ParseError> {
    let date = fields.to_naive_date()?;
    let has_time = fields.hour_mod_12().is_some() || fields.minute().is_some();
    Ok(date.and_time(if has_time { fields.to_naive_time()? } else { NaiveTime::MIN }))
}

fn event_time(time: DateTime<Utc>) -> Result<EventTime, String> {
    let nanos = time.timestamp_nanos_opt().ok_or("lies outside the years 1677 to 2262")?;
    Ok(EventTime::from_unix_nanos(nanos))
}

/// Exact: a double would round nanoseconds away.
fn read_epoch(text: &str, unit: EpochUnit) -> Result<EventTime, String> {
    let decimals = unit.decimals();
    let malformed = || format!("is not a number of {unit} with at most {decimals} decimals");
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // A spreadsheet writes whole numbers as 1360332000.0 and so on; zeros past the last nanosecond say nothing.
    let fraction = fraction.trim_end_matches('0');
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > decimals || !is_digits(whole) || !is_digits(fraction) {
        return Err(malformed());
    }
    let out_of_range = || "lies outside the years 1677 to 2262; is the unit right?".to_owned();
    let all: i128 = format!("{whole}{fraction:0<decimals$}").parse().map_err(|_| out_of_range())?;
    let nanos = i64::try_from(if negative { -all } else { all }).map_err(|_| out_of_range())?;
    Ok(EventTime::from_unix_nanos(nanos))
}

impl EpochUnit {
    /// Decimals that are whole nanoseconds.
    fn decimals(self) -> usize {
        match self {
            Self::Seconds => 9,
            Self::Milliseconds => 6,
            Self::Microseconds => 3,
            Self::Nanoseconds => 0,
        }
    }
}

impl fmt::Display for EpochUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Microseconds => "microseconds",
            Self::Nanoseconds => "nanoseconds",
        })
    }
}

impl FromStr for TimeFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "rfc3339" => Self::Calendar,
            "s" => Self::SinceEpoch(EpochUnit::Seconds),
            "ms" => Self::SinceEpoch(EpochUnit::Milliseconds),
            "us" => Self::SinceEpoch(EpochUnit::Microseconds),
            "ns" => Self::SinceEpoch(EpochUnit::Nanoseconds),
            pattern if pattern.contains('%') => {
                if StrftimeItems::new(pattern).any(|item| item == Item::Error) {
                    return Err(format!("{pattern:?} is not a pattern of strftime, like %d/%m/%Y %H:%M:%S"));
                }
                Self::Pattern(pattern.to_owned())
            }
            _ => return Err("write rfc3339, s, ms, us, ns, or a pattern of strftime like %d/%m/%Y %H:%M:%S".to_owned()),
        })
    }
}

impl Zone {
    /// Coordinated universal time.
    pub(super) const UTC: Self = Self::Named(Tz::UTC);
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(zone) = text.parse::<Tz>() {
            return Ok(Self::Named(zone));
        }
        text.parse::<FixedOffset>()
            .map(Self::Offset)
            .map_err(|_| "write UTC, an offset like +01:00, or a name like America/New_York".to_owned())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset(offset) => offset.fmt(f),
            Self::Named(zone) => zone.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(format: &str, zone: &str, repeated: Option<RepeatedTime>) -> TimeReader {
        TimeReader { format: format.parse().expect("a format"), zone: zone.parse().expect("a zone"), repeated }
    }

    fn read(format: &str, zone: &str, text: &str) -> Result<String, String> {
        reader(format, zone, None).read(text).map(|time| time.to_string())
    }

    #[test]
    fn calendar_times_take_their_own_offset_or_the_zones() {
        let noon = Ok("2013-02-08T17:00:00Z".to_owned());
        assert_eq!(read("rfc3339", "America/New_York", "2013-02-08T17:00:00Z"), noon);
        assert_eq!(read("rfc3339", "America/New_York", " 2013-02-08 12:00 "), noon);
        assert_eq!(read("rfc3339", "-05:00", "2013-02-08T12:00:00"), noon);
        assert_eq!(read("rfc3339", "UTC", "2013-02-08").as_deref(), Ok("2013-02-08T00:00:00Z"));
    }

    #[test]
    fn numbers_count_what_they_were_said_to_count_exactly() {
        let exact = Ok("2013-02-08T14:00:00.123456789Z".to_owned());
        assert_eq!(read("s", "UTC", "1360332000.123456789"), exact);
        assert_eq!(read("ms", "UTC", "1360332000123.456789"), exact);
        assert_eq!(read("us", "UTC", "1360332000123456.789000"), exact);
        assert_eq!(read("ns", "UTC", "1360332000123456789"), exact);
        assert_eq!(read("s", "UTC", "-1.5").as_deref(), Ok("1969-12-31T23:59:58.500Z"));
        assert!(read("s", "UTC", "1360332000123").expect_err("too late").contains("is the unit right?"));
        assert!(read("ns", "UTC", "1.5").expect_err("half a nanosecond").contains("0 decimals"));
    }

    #[test]
    fn patterns_read_dates_times_and_offsets() {
        let noon = Ok("2013-02-08T17:00:00Z".to_owned());
        assert_eq!(read("%d/%m/%Y %H%M", "America/New_York", "08/02/2013 1200"), noon);
        assert_eq!(read("%d/%m/%Y %I:%M %p", "America/New_York", "08/02/2013 12:00 PM"), noon);
        assert_eq!(read("%Y-%m-%d %H:%M %z", "UTC", "2013-02-08 12:00 -0500"), noon);
        assert_eq!(read("%s", "America/New_York", "1360342800"), noon);
        assert_eq!(read("%Y%m%d", "UTC", "20130208").as_deref(), Ok("2013-02-08T00:00:00Z"));
        assert!(read("%Y%m%d", "UTC", "2013-02-08").is_err());
        assert!("%Q".parse::<TimeFormat>().is_err() && "iso".parse::<TimeFormat>().is_err());
    }

    #[test]
    fn a_time_that_was_twice_or_never_is_refused_until_it_is_said_which() {
        let twice = read("rfc3339", "America/New_York", "2013-11-03 01:30").expect_err("put back");
        let never = read("rfc3339", "America/New_York", "2013-03-10 02:30").expect_err("put forward");
        assert!(twice.contains("twice") && never.contains("never"), "{twice}; {never}");
        let said = [RepeatedTime::First, RepeatedTime::Second].map(|repeated| {
            let time = reader("rfc3339", "America/New_York", Some(repeated)).read("2013-11-03 01:30");
            time.expect("it was said which").to_string()
        });
        assert_eq!(said, ["2013-11-03T05:30:00Z", "2013-11-03T06:30:00Z"]);
    }
}
