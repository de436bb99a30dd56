//! Doubles as text, both ways: what is written names one double and no other, and what is read is never changed in
//! silence.
//!
//! Decimals are rounded to the nearest double, which is what a column of doubles is for. Not rounded but refused are
//! whole numbers that a double can't hold, numbers past the largest double, and those that would become 0.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Doubles hold every whole number up to here, and not every one beyond.
const WHOLE_NUMBERS_MAX: f64 = 9_007_199_254_740_992.0;

/// A decimal of so many digits comes back from the double that is nearest to it, whatever they are.
const DIGITS_ALWAYS_HELD: usize = 15;

/// More digits than the exact value of any double has.
const DIGITS_MAX: usize = 800;

/// The only NaN that is written without its bits: the one that `NaN` is read as.
const PLAIN_NAN: u64 = f64::NAN.to_bits();

/// Why a text gives no double. Shown after the text, as the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DoubleError {
    #[error("is not a double")]
    NotANumber,
    #[error("is more than a double can hold")]
    TooLarge,
    #[error("is closer to 0 than a double can be")]
    TooSmall,
    #[error("is more than a double can hold exactly")]
    Inexact,
}

/// The shortest text that [`double_from_text`] reads as these bits. A NaN other than the usual one is written with its
/// bits, as `NaN:7ff80000deadbeef`.
pub(crate) fn double_to_text(value: f64) -> Cow<'static, str> {
    if !value.is_nan() {
        return Cow::Owned(format!("{value:?}"));
    }
    match value.to_bits() {
        PLAIN_NAN => Cow::Borrowed("NaN"),
        bits => Cow::Owned(format!("NaN:{bits:016x}")),
    }
}

/// Reads a double: decimals, with an exponent or without, `NaN`, `inf` and `-inf`.
///
/// # Errors
/// When it is none, or would be changed beyond the rounding of its decimals.
pub(crate) fn double_from_text(text: &str) -> Result<f64, DoubleError> {
    let Ok(value) = text.parse::<f64>() else { return nan_of_bits(text).ok_or(DoubleError::NotANumber) };
    let has_digits = text.bytes().any(|byte| byte.is_ascii_digit());
    if value.is_infinite() && has_digits {
        return Err(DoubleError::TooLarge);
    }
    if value == 0.0 && !significant_digits(text).is_empty() {
        return Err(DoubleError::TooSmall);
    }
    let is_written_in_full = has_digits && !text.contains(['e', 'E']);
    if is_written_in_full && value.abs() >= WHOLE_NUMBERS_MAX && !is_held(text, value) {
        return Err(DoubleError::Inexact);
    }
    Ok(value)
}

fn nan_of_bits(text: &str) -> Option<f64> {
    let digits = text.strip_prefix("NaN:").filter(|digits| digits.len() == 16)?;
    let bits = digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, 16).ok())??;
    Some(f64::from_bits(bits)).filter(|value| value.is_nan())
}

/// Whether a double gives back every digit of this decimal: rounded to as many digits, it reads the same.
pub(crate) fn holds_every_digit(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|value| value.is_finite() && is_held(text, value))
}

/// Whether `value`, read from `text`, gives back its digits.
fn is_held(text: &str, value: f64) -> bool {
    let digits = significant_digits(text);
    match digits.len() {
        0 => true,
        count if count <= DIGITS_ALWAYS_HELD && value.is_normal() => true,
        count if count > DIGITS_MAX => false,
        count => {
            let mut written = String::new();
            // Writing to a string does not fail.
            let _ = write!(written, "{:.*e}", count - 1, value);
            significant_digits(&written) == digits
        }
    }
}

/// A decimal's digits without the zeros at either end; none of 0.
fn significant_digits(text: &str) -> String {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_double_comes_back_from_its_text_bit_for_bit() {
        let edges = [0.0, -0.0, 1.0, -2.5, 1e16, 1e300, f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::EPSILON];
        let odd = [1, 0x7ff8_0000_dead_beef, 0xfff8_0000_0000_0000, 0x7ff0_0000_0000_0001, 0x000f_ffff_ffff_ffff];
        let all = edges.into_iter().chain(odd.map(f64::from_bits)).chain([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
        for value in all.chain([901.971_145_749_404_3, -1.957_737_303_117_278_6e-264]) {
            let text = double_to_text(value);
            assert_eq!(double_from_text(&text).map(f64::to_bits), Ok(value.to_bits()), "{text}");
        }
    }

    #[test]
    fn what_a_double_would_change_is_refused() {
        for (text, error) in [
            ("9007199254740993", DoubleError::Inexact),
            ("-9007199254740993.0", DoubleError::Inexact),
            ("9007199254740992.5", DoubleError::Inexact),
            ("123456789012345678901234567890", DoubleError::Inexact),
            ("1e400", DoubleError::TooLarge),
            ("-1e400", DoubleError::TooLarge),
            ("1e-400", DoubleError::TooSmall),
            ("abc", DoubleError::NotANumber),
            ("", DoubleError::NotANumber),
            ("NaN:0000000000000001", DoubleError::NotANumber),
            ("NaN:+ff8000000000001", DoubleError::NotANumber),
        ] {
            assert_eq!(double_from_text(text), Err(error), "{text}");
        }
        for text in ["9007199254740994", "1152921504606846976", "0.1", "0.333333333333333333333", "1e23", "0e-400"] {
            assert!(double_from_text(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn digits_are_held_where_the_double_gives_them_back() {
        for held in
            ["0", "2.50", "0.1", "1.000000000000000056e-01", "0.10000000000000001", "901.9711457494043", "5e-324"]
        {
            assert!(holds_every_digit(held), "{held}");
        }
        for lost in ["1360332000.123456789", "9007199254740993", "1e400", "3e-324", "0.3333333333333333333333"] {
            assert!(!holds_every_digit(lost), "{lost}");
        }
    }
}
