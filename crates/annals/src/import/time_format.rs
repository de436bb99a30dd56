//! How times are written in an input, and reading them.
//!
//! A time without an offset is read in the zone that was given. Where that zone's clocks were put forward such a time
//! never was, and where they were put back it was twice: both are refused rather than guessed, unless it was said
//! which of the two is meant.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use annals_model::EventTime;
use chrono::format::{Fixed, Item, Numeric, Parsed, StrftimeItems, parse};
use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use crate::exact_time::{check_decimals, check_kept, check_second};

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
            let utc = time.to_utc();
            check_kept(text, utc).map_err(|error| error.to_string())?;
            return event_time(utc);
        }
        let Some(local) = CALENDAR_FORMS.iter().find_map(|form| local_time(&parsed(text, form)?).ok()) else {
            return Err("is not a time like 2013-02-08T14:00:00Z or 2013-02-08 14:00".to_owned());
        };
        check_kept(text, local.and_utc()).map_err(|error| error.to_string())?;
        self.in_zone(local)
    }

    fn read_pattern(&self, text: &str, pattern: &str) -> Result<EventTime, String> {
        let fields = parsed(text, pattern).ok_or_else(|| format!("is not written as {pattern:?}"))?;
        check_decimals(text, |text| parsed(text, pattern)).map_err(|error| error.to_string())?;
        let impossible = |_| "is no date and time".to_owned();
        if let Some(offset) = fields.offset() {
            if fields.timestamp().is_some() {
                return event_time(fields.to_datetime().map_err(impossible)?.to_utc());
            }
            let zone = FixedOffset::east_opt(offset).ok_or("is no date and time")?;
            let time = zone.from_local_datetime(&local_time(&fields).map_err(impossible)?).single();
            return event_time(time.ok_or("lies outside the years 1677 to 2262")?.to_utc());
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

/// The date and time of day; a date alone means its midnight, and an hour alone its start.
fn local_time(fields: &Parsed) -> Result<NaiveDateTime, chrono::format::ParseError> {
    let date = fields.to_naive_date()?;
    let below_hours = [fields.minute(), fields.second(), fields.nanosecond()];
    let has_below_hours = below_hours.iter().any(Option::is_some);
    if fields.hour_div_12().is_none() && fields.hour_mod_12().is_none() && !has_below_hours {
        return Ok(date.and_time(NaiveTime::MIN));
    }
    let mut fields = fields.clone();
    if !has_below_hours {
        fields.set_minute(0)?;
    }
    Ok(date.and_time(fields.to_naive_time()?))
}

fn event_time(time: DateTime<Utc>) -> Result<EventTime, String> {
    check_second(time).map_err(|error| error.to_string())?;
    let nanos = time.timestamp_nanos_opt().ok_or("lies outside the years 1677 to 2262")?;
    Ok(EventTime::from_unix_nanos(nanos))
}

/// Exact: a double would round nanoseconds away.
fn read_epoch(text: &str, unit: EpochUnit) -> Result<EventTime, String> {
    let decimals = unit.decimals();
    let malformed = || format!("is not a number of {unit} with at most {decimals} decimals");
    let plain = without_exponent(text).ok_or_else(malformed)?;
    let (negative, digits) = plain.strip_prefix('-').map_or((false, &*plain), |rest| (true, rest));
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

/// A decimal with its point moved by its exponent; none if that is none, or further than any time is off.
fn without_exponent(text: &str) -> Option<Cow<'_, str>> {
    const EXPONENT_MAX: usize = 40;
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return Some(Cow::Borrowed(text)) };
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = mantissa.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    let shift: i32 = exponent.parse().ok()?;
    let places = usize::try_from(shift.unsigned_abs()).ok().filter(|&places| is_plain && places <= EXPONENT_MAX)?;
    let zeros = "0".repeat(places);
    let moved = if shift >= 0 {
        let all = format!("{fraction}{zeros}");
        let (up, rest) = all.split_at_checked(places)?;
        format!("{sign}{whole}{up}.{rest}")
    } else {
        let all = format!("{zeros}{whole}");
        let (rest, down) = all.split_at_checked(all.len() - places)?;
        format!("{sign}{rest}.{down}{fraction}")
    };
    Some(Cow::Owned(moved))
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
            pattern if pattern.contains('%') => Self::Pattern(checked_pattern(pattern)?),
            _ => return Err("write rfc3339, s, ms, us, ns, or a pattern of strftime like %d/%m/%Y %H:%M:%S".to_owned()),
        })
    }
}

impl TimeFormat {
    /// Whether the times are numbers, of a unit that can be mistaken.
    pub(super) fn counts_since_epoch(&self) -> bool {
        match self {
            Self::Calendar => false,
            Self::SinceEpoch(_) => true,
            Self::Pattern(pattern) => {
                StrftimeItems::new(pattern).any(|item| matches!(item, Item::Numeric(Numeric::Timestamp, _)))
            }
        }
    }
}

/// The pattern, if what it reads is what is meant. `.%f` stands in the patterns of other languages for the decimals of
/// a second, however many, and is read so.
///
/// # Errors
/// When it is no pattern, or would read something and pass over it.
fn checked_pattern(pattern: &str) -> Result<String, String> {
    let pattern = pattern.replace(".%f", "%.f");
    for item in StrftimeItems::new(&pattern) {
        match item {
            Item::Error => {
                return Err(format!("{pattern:?} is not a pattern of strftime, like %d/%m/%Y %H:%M:%S"));
            }
            Item::Fixed(Fixed::TimezoneName) => {
                return Err(
                    "%Z names no one offset (IST is three); write an abbreviation that all times have as it is, \
                            like '%H:%M EST', and its offset with --time-zone -05:00, or %z for offsets in the input"
                        .to_owned(),
                );
            }
            Item::Numeric(Numeric::Nanosecond, _) => {
                return Err(
                    "%f counts nanoseconds; write %.f for the decimals of a second, point included, or %3f, %6f \
                            or %9f for so many digits without a point"
                        .to_owned(),
                );
            }
            _ => {}
        }
    }
    Ok(pattern)
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
