//! Flights as the demo shows them: a line for each event, in New York's time.

use annals_client::{EventTime, RecordedEvent, Value};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::output::{key_to_text, printable};

/// The zone that the flights left from.
pub(super) const NEW_YORK: Tz = Tz::America__New_York;

/// One event of a flight, as text.
pub(super) struct Flight {
    pub(super) sequence: u64,
    pub(super) time: EventTime,
    aircraft: String,
    kind: String,
    number: String,
    route: String,
    delay: Option<i64>,
}

impl Flight {
    /// Reads an event. What it does not have is left empty.
    ///
    /// # Errors
    /// When the bytes are not an encoded event.
    pub(super) fn of(event: &RecordedEvent) -> anyhow::Result<Self> {
        let view = event.view()?;
        let text = |name: &str| match view.get(name) {
            Some(Value::String(text)) => printable(text).into_owned(),
            Some(Value::Int64(number)) => number.to_string(),
            _ => String::new(),
        };
        let delay = match view.get("delay") {
            Some(Value::Int64(minutes)) => Some(minutes),
            _ => None,
        };
        Ok(Self {
            sequence: event.sequence.get(),
            time: view.time().unwrap_or(EventTime::MIN),
            aircraft: key_to_text(view.key()).into_owned(),
            kind: text("kind"),
            number: format!("{} {}", text("carrier"), text("flight")),
            route: format!("{} to {}", text("origin"), text("dest")),
            delay,
        })
    }

    /// The event in a line: when and what, and its place in the order of arrival.
    pub(super) fn line(&self) -> String {
        let Self { aircraft, kind, number, route, .. } = self;
        let (time, delay, place) = (new_york(self.time), self.delay_words(), format!("#{}", self.sequence));
        format!("  {time}  {aircraft:<7} {kind:<10} {number:<8} {route:<11} {delay:<13} {place:>7}")
    }

    fn delay_words(&self) -> String {
        match self.delay {
            None => String::new(),
            Some(0) => "on time".to_owned(),
            Some(minutes) if minutes < 0 => format!("{} early", span(-minutes)),
            Some(minutes) => format!("{} late", span(minutes)),
        }
    }
}

/// A time on New York's clocks.
pub(super) fn new_york(time: EventTime) -> String {
    let utc: DateTime<Utc> = DateTime::from_timestamp_nanos(time.unix_nanos());
    utc.with_timezone(&NEW_YORK).format("%a %e %b %H:%M").to_string()
}

/// Minutes as people say them.
pub(super) fn span(minutes: i64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes:02}"),
    }
}
