//! Events as lines for people who watch: time, key, place in the arrival order, then name=value.

use std::io::Write;

use annals_client::{RecordedEvent, Value};
use anyhow::Context;

use super::cell::{cell_to_text, printable};
use super::key::key_to_text;
use crate::terminal::Stream;

const DIM: &str = "\u{1b}[2m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

pub(super) fn write_line(
    event: &RecordedEvent,
    several_shards: bool,
    stream: Stream,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (dim, bold, plain) = if stream.has_colors() { (DIM, BOLD, PLAIN) } else { ("", "", "") };
    let view = event.view()?;
    let time = view.time().map(|time| time.to_string()).unwrap_or_default();
    let shard = if several_shards { format!("{}/", event.shard) } else { String::new() };
    let (key, sequence) = (key_to_text(view.key()), event.sequence.get());
    write!(out, "{time}  {bold}{key}{plain}  {dim}#{shard}{sequence}{plain} ").context("writing an event")?;
    for (name, value) in view.columns() {
        let (name, value) = (printable(name), quoted(value));
        write!(out, " {dim}{name}={plain}{value}").context("writing an event")?;
    }
    writeln!(out).context("writing an event")
}

/// The cell's text; in quotes where it would run into its neighbours.
fn quoted(value: Value<'_>) -> String {
    let text = cell_to_text(value);
    let bare =
        !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '=');
    if bare { text.into_owned() } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use annals_client::{CommitTime, Event, EventTime, Sequence, Shard};

    use super::*;

    #[test]
    fn a_line_names_time_key_place_and_cells() {
        let event =
            Event::builder("N14228").time(EventTime::from_unix_nanos(0)).column("from", "New York").column("n", 1);
        let recorded = RecordedEvent {
            event: event.build().expect("an event"),
            shard: Shard::new(2),
            sequence: Sequence::new(7),
            commit_time: CommitTime::from_unix_nanos(0),
            late: false,
        };
        let mut out = Vec::new();
        write_line(&recorded, true, Stream::Plain, &mut out).expect("a vector takes all");
        write_line(&recorded, false, Stream::Plain, &mut out).expect("a vector takes all");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(
            text,
            "1970-01-01T00:00:00Z  N14228  #2/7  from=\"New York\" n=1\n1970-01-01T00:00:00Z  N14228  #7  from=\"New York\" n=1\n"
        );
    }
}
