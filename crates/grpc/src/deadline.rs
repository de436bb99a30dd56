//! A call's deadline: how long its client waits for it, told with the header `grpc-timeout`.
//!
//! [`connection`](crate::connection) ends every call with `DEADLINE_EXCEEDED` when its deadline has passed. A call that
//! can tell more about what became of it takes its deadline over and ends itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals_model::{Fault, Reason};
use annals_service::Deadline;
use http::{Extensions, HeaderMap};
use tokio::time::{Instant, Sleep};

/// The header's name.
const HEADER: &str = "grpc-timeout";

/// When a call is to end. Clones are of the same call.
#[derive(Clone, Debug)]
pub(crate) struct CallDeadline {
    pub(crate) deadline: Deadline,
    is_taken_over: Arc<AtomicBool>,
}

impl CallDeadline {
    /// The deadline that a call's headers tell; none if they tell none, or one that never comes.
    ///
    /// # Errors
    /// When the header is not as gRPC has it.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Fault> {
        let Some(value) = headers.get(HEADER) else { return Ok(None) };
        let time = value.to_str().ok().and_then(parse).ok_or_else(|| {
            let description = format!("{value:?} is not up to 8 digits and one of H, M, S, m, u, n");
            Fault::of_field(Reason::InvalidRequest, HEADER, description)
        })?;
        let at = Instant::now().checked_add(time);
        Ok(at.map(|at| Self { deadline: Deadline::new(at, HEADER), is_taken_over: Arc::default() }))
    }

    /// Takes over the deadline of a call with these extensions, if it has one: nobody else ends the call from now on.
    pub(crate) fn take_over(extensions: &Extensions) -> Option<Deadline> {
        let Self { deadline, is_taken_over } = extensions.get::<Self>()?;
        is_taken_over.store(true, Ordering::Relaxed);
        Some(*deadline)
    }

    /// Whether the call ends itself. Known once it was polled.
    pub(crate) fn is_taken_over(&self) -> bool {
        self.is_taken_over.load(Ordering::Relaxed)
    }

    /// Waits until it has passed.
    pub(crate) fn passed(&self) -> Sleep {
        self.deadline.passed()
    }
}

/// What every call but an append is told.
pub(crate) fn exceeded() -> Fault {
    let message = "the call's deadline has passed (grpc-timeout); a change that it asked for may or may not be made";
    Fault::new(Reason::DeadlineExceeded, message)
}

/// Reads the header's value: up to 8 digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3_600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_up_to_eight_digits_and_a_unit() {
        for (text, expected) in [
            ("1H", Duration::from_hours(1)),
            ("2M", Duration::from_mins(2)),
            ("3S", Duration::from_secs(3)),
            ("99999999m", Duration::from_millis(99_999_999)),
            ("5u", Duration::from_micros(5)),
            ("0n", Duration::ZERO),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", "1 S", "1é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
