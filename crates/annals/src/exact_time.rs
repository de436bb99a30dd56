//! What a time that was read as text must be, to be kept as it was written: nanoseconds since 1970 have neither more than
//! nine decimals nor leap seconds.

use std::fmt::Debug;

use chrono::{DateTime, Utc};

/// Decimals of a second that are whole nanoseconds.
const DECIMALS_MAX: usize = 9;

/// A time that would be kept as another. Shown after its text, as the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InexactTime {
    #[error("has more than nine decimals of a second; times are kept to the nanosecond")]
    TooFine,
    #[error("has a second 60; seconds since 1970 count no leap seconds, so write 59 or the next minute")]
    LeapSecond,
}

/// Checks that `time` is all that the calendar time `text` says.
///
/// # Errors
/// When decimals were left out, or it is a leap second.
pub(crate) fn check_kept(text: &str, time: DateTime<Utc>) -> Result<(), InexactTime> {
    // A calendar time has at most one point, and what follows it are decimals.
    if shortened(text).is_some() {
        return Err(InexactTime::TooFine);
    }
    check_second(time)
}

/// Checks that `time` is no leap second, as the parser gives one for a second 60 at the end of any minute.
///
/// # Errors
/// When it is.
pub(crate) fn check_second(time: DateTime<Utc>) -> Result<(), InexactTime> {
    if time.timestamp_subsec_nanos() >= 1_000_000_000 { Err(InexactTime::LeapSecond) } else { Ok(()) }
}

/// Checks, for a text that is read by a pattern, that `read` does not pass over decimals: that it reads something else
/// where they are 0.
///
/// # Errors
/// When it reads the same.
pub(crate) fn check_decimals<T: PartialEq + Debug>(
    text: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<(), InexactTime> {
    match shortened(text) {
        Some(shorter) if read(&shorter) == read(text) => Err(InexactTime::TooFine),
        _ => Ok(()),
    }
}

/// The text with 0 for the digits past the ninth after each point; none if that is the same text.
fn shortened(text: &str) -> Option<String> {
    let mut after_point = None;
    let shorter = text.chars().map(|c| {
        match c {
            '.' => after_point = Some(0),
            digit if digit.is_ascii_digit() => after_point = after_point.map(|count| count + 1),
            _ => after_point = None,
        }
        if after_point.is_some_and(|count| count > DECIMALS_MAX) { '0' } else { c }
    });
    let shorter: String = shorter.collect();
    (shorter != text).then_some(shorter)
}
