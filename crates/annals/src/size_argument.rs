//! Sizes in bytes as a person types and reads them, and numbers of things.

use std::fmt;
use std::str::FromStr;

/// A number of bytes: `1500`, `10MB` (powers of 1000) or `10MiB` (powers of 1024).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteSize(pub(crate) u64);

const UNITS: [(&str, u64); 8] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is not a size; write it like 1500, 10MB or 10MiB");
        let lower = text.trim().to_ascii_lowercase();
        let (digits, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| lower.strip_suffix(unit).map(|digits| (digits, *factor)))
            .unwrap_or((lower.strip_suffix('b').unwrap_or(&lower), 1));
        let number: u64 = digits.trim().parse().map_err(|_| refuse())?;
        number.checked_mul(factor).map(Self).ok_or_else(refuse)
    }
}

impl fmt::Display for ByteSize {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = &UNITS[..4];
        match binary.iter().rev().zip(["TiB", "GiB", "MiB", "KiB"]).find(|((_, factor), _)| self.0 >= *factor) {
            Some(((_, factor), unit)) => write!(f, "{:.1} {unit}", self.0 as f64 / *factor as f64),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

/// The number with a comma between each three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of a thing whose plural ends in s: `1 event`, `17,292 events`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        let sizes = [("0", 0), ("1500", 1_500), ("10MB", 10_000_000), ("2 GiB", 2 << 30), ("7b", 7), ("1tib", 1 << 40)];
        for (text, bytes) in sizes {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "MB", "-1", "1.5MB", "99999999999TiB", "10 apples"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_and_numbers_are_shown_for_people() {
        assert_eq!(ByteSize(999).to_string(), "999 bytes");
        assert_eq!(ByteSize(1_536).to_string(), "1.5 KiB");
        assert_eq!(ByteSize(5 << 30).to_string(), "5.0 GiB");
        assert_eq!(
            [grouped(0), grouped(999), grouped(17_292), grouped(1_000_000)],
            ["0", "999", "17,292", "1,000,000"]
        );
        assert_eq!([counted(1, "event"), counted(2_000, "event")], ["1 event", "2,000 events"]);
    }
}
