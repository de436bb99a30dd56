//! How fast a bench went over its time, drawn in the terminal: a stall that a mean hides stands out.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use annals_client::EventTime;
use chrono_tz::Tz;

use super::progress::Rate;
use crate::plot::{Collector, Look, Measure, TimeAxis, draw as draw_series};
use crate::terminal::Stream;

/// Rows of the drawing.
const ROWS: usize = 8;

/// Draws the rates on stdout; nothing if the bench was over before one was taken.
///
/// # Errors
/// When stdout does not take them.
pub(super) fn draw(rates: &[Rate]) -> anyhow::Result<()> {
    let (Some(first), Some(last)) = (rates.first(), rates.last()) else { return Ok(()) };
    let stdout = Stream::of_stdout();
    let look = Look { width: crate::plot::drawing_width(stdout), rows: ROWS, colors: stdout.has_colors() };
    let end = EventTime::from_unix_nanos(time_of(last.until).unix_nanos().saturating_add(1));
    let axis = TimeAxis::new(time_of(first.until), end, None, look.room(), Tz::UTC)?;
    let mut collector = Collector::new(&axis);
    for rate in rates {
        #[expect(clippy::cast_precision_loss, reason = "a drawing has two digits")]
        collector.add(None, time_of(rate.until), Some(rate.events_per_second as f64));
    }
    let mut out = io::stdout().lock();
    for line in draw_series(&collector.finish(&[], 1), &axis, Measure::Column("events a second"), look) {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

fn time_of(time: SystemTime) -> EventTime {
    let nanos = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    EventTime::from_unix_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
