//! Events as comma-separated values, which `annals import` takes back as the same events.
//!
//! The columns are settled before the first row is written. An event with a column that has no place is an error and
//! not a shorter row. An empty field is a column that the event does not have, and `""` an empty text.

use std::borrow::Cow;
use std::io::Write;

use annals_client::RecordedEvent;
use anyhow::{Context, bail};

use super::cell::{cell_to_text, printable};
use super::key::key_to_text;
use crate::terminal::Stream;

/// The columns that every event has, before those of the table.
const FIXED: [&str; 6] = ["key", "time", "id", "shard", "sequence", "commit_time"];

/// What stands before a table's column that is called as one of these.
const TABLES: &str = "columns.";

pub(crate) struct CsvRows {
    columns: Vec<String>,
    /// The columns were named by the user: others are left out because they were not asked for.
    chosen: bool,
    header_written: bool,
    stream: Stream,
}

impl CsvRows {
    pub(crate) fn new(columns: Vec<String>, chosen: bool, stream: Stream) -> Self {
        Self { columns, chosen, header_written: false, stream }
    }

    pub(crate) fn write(&mut self, event: &RecordedEvent, out: &mut impl Write) -> anyhow::Result<()> {
        self.write_header(out)?;
        let view = event.view()?;
        if !self.chosen {
            let missing = view.columns().find(|(name, _)| !self.columns.iter().any(|column| column == name));
            if let Some((name, _)) = missing {
                bail!(
                    "column {name:?} is new since the header was written; run the command again, or name the columns \
                     to write with --columns"
                );
            }
        }
        let fixed = [
            Some(key_to_text(view.key())),
            view.time().map(|time| time.to_string().into()),
            view.id().map(|id| id.to_string().into()),
            Some(event.shard.to_string().into()),
            Some(event.sequence.get().to_string().into()),
            Some(event.commit_time.to_string().into()),
        ];
        let cells = self.columns.iter().map(|name| view.get(name).map(cell_to_text));
        self.write_record(fixed.into_iter().chain(cells), out)
    }

    /// Writes the header, once; an empty scan has one too.
    pub(crate) fn write_header(&mut self, out: &mut impl Write) -> anyhow::Result<()> {
        if self.header_written {
            return Ok(());
        }
        self.header_written = true;
        let columns = self.columns.iter().map(|name| header_name(name));
        self.write_record(FIXED.into_iter().map(Cow::Borrowed).chain(columns).map(Some), out)
    }

    /// On a terminal control characters are shown escaped; anywhere else all is written as it is.
    fn write_record<'a>(
        &self,
        fields: impl Iterator<Item = Option<Cow<'a, str>>>,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let shown = self.stream.is_terminal();
        let escaped = |text: Cow<'a, str>| if shown { Cow::Owned(printable(&text).into_owned()) } else { text };
        write_record(fields.map(|field| field.map(escaped)), out)
    }
}

/// The name of a table's column in the header: its own, unless that is one of [`FIXED`] or could be taken for one that
/// was made so.
fn header_name(column: &str) -> Cow<'_, str> {
    if FIXED.contains(&column) || column.starts_with(TABLES) {
        Cow::Owned(format!("{TABLES}{column}"))
    } else {
        Cow::Borrowed(column)
    }
}

fn write_record<'a>(fields: impl Iterator<Item = Option<Cow<'a, str>>>, out: &mut impl Write) -> anyhow::Result<()> {
    let mut line = String::with_capacity(256);
    for (index, field) in fields.enumerate() {
        if index > 0 {
            line.push(',');
        }
        match field {
            None => {}
            Some(text) if needs_quotes(&text) => {
                line.push('"');
                line.push_str(&text.replace('"', "\"\""));
                line.push('"');
            }
            Some(text) => line.push_str(&text),
        }
    }
    line.push('\n');
    out.write_all(line.as_bytes()).context("writing CSV")
}

/// Whether a reader could take the text for another: also one that trims fields, and one for which an empty field is
/// null.
fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.trim().len() < text.len() || text.contains([',', '"', '\n', '\r'])
}

#[cfg(test)]
mod tests {
    use annals_client::{CommitTime, Event, EventTime, Sequence, Shard};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_field_is_written_so_that_it_can_be_told_from_every_other() {
        let event = Event::builder("a,b").time(EventTime::from_unix_nanos(0)).id(Uuid::nil());
        let event = event.column("key", " x ").column("empty", "").column("q", "say \"a\"\n").column("columns.q", 1);
        let recorded = RecordedEvent {
            event: event.build().expect("an event"),
            shard: Shard::ZERO,
            sequence: Sequence::FIRST,
            commit_time: CommitTime::from_unix_nanos(0),
            late: false,
        };
        let columns = ["key", "empty", "null", "q", "columns.q"].map(str::to_owned).to_vec();
        let mut out = Vec::new();
        CsvRows::new(columns, false, Stream::Plain).write(&recorded, &mut out).expect("a vector takes all");
        let expected = "key,time,id,shard,sequence,commit_time,columns.key,empty,null,q,columns.columns.q\n\
            \"a,b\",1970-01-01T00:00:00Z,00000000-0000-0000-0000-000000000000,0,1,1970-01-01T00:00:00Z,\
            \" x \",\"\",,\"say \"\"a\"\"\n\",1\n";
        assert_eq!(String::from_utf8(out).as_deref(), Ok(expected));
    }
}
