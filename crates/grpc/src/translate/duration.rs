//! Spans of time.

use std::time::Duration;

/// The span that a request gives. One below zero, or past all time, becomes none at all, which the service refuses where
/// it asks for a span.
pub(super) fn from_wire(span: &prost_types::Duration) -> Duration {
    // The library negates the seconds of what it refuses, and the least of all numbers has no opposite.
    if span.seconds == i64::MIN {
        return Duration::ZERO;
    }
    Duration::try_from(*span).unwrap_or(Duration::ZERO)
}

/// The span as a message has it; the longest that a message can have where it is longer.
pub(super) fn to_wire(span: Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(span).unwrap_or(prost_types::Duration { seconds: i64::MAX, nanos: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_span_becomes_none() {
        let span = |seconds, nanos| from_wire(&prost_types::Duration { seconds, nanos });
        assert_eq!(span(2, 5), Duration::new(2, 5));
        assert_eq!([span(-1, 0), span(0, -1), span(i64::MIN, 0)], [Duration::ZERO; 3]);
        assert_eq!(from_wire(&to_wire(Duration::MAX)).as_secs(), u64::try_from(i64::MAX).expect("above zero"));
    }
}
