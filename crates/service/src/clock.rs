//! The one place above the engine that asks the time.

use std::time::SystemTime;

use annals_model::EventTime;

/// The wall clock, for events that were sent without a time and for answers that tell it. Order never depends on it.
#[expect(clippy::disallowed_methods, reason = "the one place of the server that asks the wall clock")]
pub(crate) fn now() -> EventTime {
    let nanos = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    };
    EventTime::from_unix_nanos(nanos)
}
