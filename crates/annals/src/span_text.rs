//! A span of time as somebody would type it: `3650d`, `1h 30m`. What it writes is read back as the same span.

use std::time::Duration;

/// The units, the largest first. Days are the largest that is the same length everywhere.
const UNITS: [(u128, &str); 7] = [
    (86_400_000_000_000, "d"),
    (3_600_000_000_000, "h"),
    (60_000_000_000, "m"),
    (1_000_000_000, "s"),
    (1_000_000, "ms"),
    (1_000, "us"),
    (1, "ns"),
];

/// The span in the largest units that tell it exactly.
pub(crate) fn span_text(span: Duration) -> String {
    let mut rest = span.as_nanos();
    let mut parts = Vec::new();
    for (nanos, unit) in UNITS {
        if rest >= nanos {
            parts.push(format!("{}{unit}", rest / nanos));
            rest %= nanos;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_it_was_typed() {
        for typed in ["3650d", "30d", "1d", "1h 30m", "90d 12h", "1m 30s", "250ms", "1s 5ns", "0s"] {
            let span = humantime::parse_duration(typed).expect("a span");
            assert_eq!(span_text(span), typed);
        }
        assert_eq!(span_text(Duration::from_secs(90)), "1m 30s");
        let longest = Duration::from_secs(u64::MAX / 2);
        assert_eq!(humantime::parse_duration(&span_text(longest)), Ok(longest));
    }
}
