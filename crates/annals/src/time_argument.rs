//! A point in time as a person types it: RFC 3339, a date, seconds since the epoch, or relative to now.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use annals_model::EventTime;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use crate::exact_time::{InexactTime, check_kept};

/// How a time can be written; shown in help texts and errors.
pub(crate) const TIME_HELP: &str = "2013-02-08T14:00:00Z (up to nanoseconds, an offset like +01:00 instead of Z; \
none means UTC), 2013-02-08, @1360332000 (seconds since 1970), now, or relative to now like -2h, -1d12h or +5m";

/// A time that may be relative. All times of one command are resolved against one "now".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeArgument {
    /// Nanoseconds since the Unix epoch.
    Absolute(i64),
    /// Nanoseconds from now.
    FromNow(i64),
}

/// A text that is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TimeArgumentError {
    #[error("write a time like {TIME_HELP}")]
    Unreadable,
    #[error("the time lies outside the years 1677 to 2262, which are all that nanoseconds in 64 bits reach")]
    OutOfRange,
    #[error(transparent)]
    Inexact(#[from] InexactTime),
}

impl TimeArgument {
    /// The time, for a command that began at `now`. Past either end of what can be stored, that end.
    pub(crate) fn at(self, now: EventTime) -> EventTime {
        match self {
            Self::Absolute(nanos) => EventTime::from_unix_nanos(nanos),
            Self::FromNow(nanos) => EventTime::from_unix_nanos(now.unix_nanos().saturating_add(nanos)),
        }
    }
}

/// What the system's clock shows.
#[expect(clippy::disallowed_methods, reason = "times given as `now-1h` are relative to the wall clock")]
pub(crate) fn now() -> EventTime {
    let nanos = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    };
    EventTime::from_unix_nanos(nanos)
}

impl FromStr for TimeArgument {
    type Err = TimeArgumentError;

    fn from_str(text: &str) -> Result<Self, TimeArgumentError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("now") {
            return Ok(Self::FromNow(0));
        }
        match text.as_bytes().first() {
            Some(b'@') => parse_epoch_seconds(&text[1..]).map(Self::Absolute),
            Some(b'-') => parse_span(&text[1..]).map(|nanos| Self::FromNow(-nanos)),
            Some(b'+') => parse_span(&text[1..]).map(Self::FromNow),
            _ => parse_calendar(text).map(Self::Absolute),
        }
    }
}

fn parse_span(text: &str) -> Result<i64, TimeArgumentError> {
    let span: Duration = humantime::parse_duration(text).map_err(|_| TimeArgumentError::Unreadable)?;
    i64::try_from(span.as_nanos()).map_err(|_| TimeArgumentError::OutOfRange)
}

/// Seconds with up to nine decimals, exactly: no detour over a float.
fn parse_epoch_seconds(text: &str) -> Result<i64, TimeArgumentError> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || fraction.len() > 9 || !is_digits(seconds) || !is_digits(fraction) {
        return Err(TimeArgumentError::Unreadable);
    }
    let all: i128 = format!("{seconds}{fraction:0<9}").parse().map_err(|_| TimeArgumentError::OutOfRange)?;
    i64::try_from(if negative { -all } else { all }).map_err(|_| TimeArgumentError::OutOfRange)
}

fn parse_calendar(text: &str) -> Result<i64, TimeArgumentError> {
    let utc = if let Ok(zoned) = DateTime::parse_from_rfc3339(text) {
        zoned.to_utc()
    } else if let Some(local) = parse_without_zone(text) {
        local.and_utc()
    } else {
        return Err(TimeArgumentError::Unreadable);
    };
    check_kept(text, utc)?;
    utc.timestamp_nanos_opt().ok_or(TimeArgumentError::OutOfRange)
}

fn parse_without_zone(text: &str) -> Option<NaiveDateTime> {
    const FORMS: [&str; 4] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    FORMS
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(NaiveTime::MIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> TimeArgument {
        text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    #[test]
    fn calendar_times_keep_their_nanoseconds_and_their_offset() {
        assert_eq!(parsed("1970-01-01T00:00:01.000000001Z"), TimeArgument::Absolute(1_000_000_001));
        assert_eq!(parsed("1970-01-01T01:00:00+01:00"), TimeArgument::Absolute(0));
        assert_eq!(parsed("1970-01-02"), TimeArgument::Absolute(86_400_000_000_000));
        assert_eq!(parsed("1970-01-01 00:01"), TimeArgument::Absolute(60_000_000_000));
        assert_eq!(parsed("1970-01-01T00:00:00.5"), TimeArgument::Absolute(500_000_000));
    }

    #[test]
    fn epoch_seconds_are_exact() {
        assert_eq!(parsed("@1360332000.123456789"), TimeArgument::Absolute(1_360_332_000_123_456_789));
        assert_eq!(parsed("@-1.5"), TimeArgument::Absolute(-1_500_000_000));
    }

    #[test]
    fn relative_times_count_from_one_now() {
        let now = EventTime::from_unix_nanos(10_000_000_000);
        assert_eq!(parsed("-2s").at(now).unix_nanos(), 8_000_000_000);
        assert_eq!(parsed("+1m").at(now).unix_nanos(), 70_000_000_000);
        assert_eq!(parsed("now").at(now), now);
        assert_eq!(parsed("-1d12h").at(now).unix_nanos(), 10_000_000_000 - 36 * 3_600_000_000_000);
    }

    #[test]
    fn what_is_not_a_time_is_refused_with_the_ways_to_write_one() {
        for text in ["", "yesterday", "2h", "-", "@", "@1.2345678901", "2013-02-30", "14:00"] {
            let error = text.parse::<TimeArgument>().expect_err(text);
            assert!(error.to_string().contains("-2h"), "{text:?}: {error}");
        }
        let leap = "2016-12-31T23:59:60Z".parse::<TimeArgument>();
        assert_eq!(leap, Err(TimeArgumentError::Inexact(InexactTime::LeapSecond)));
        let fine = "2013-02-08 14:00:00.1234567891".parse::<TimeArgument>();
        assert_eq!(fine, Err(TimeArgumentError::Inexact(InexactTime::TooFine)));
        assert!("2013-02-08T14:00:00.1234567890000Z".parse::<TimeArgument>().is_ok());
        assert_eq!("1066-10-14".parse::<TimeArgument>(), Err(TimeArgumentError::OutOfRange));
        assert_eq!("@99999999999".parse::<TimeArgument>(), Err(TimeArgumentError::OutOfRange));
    }
}
