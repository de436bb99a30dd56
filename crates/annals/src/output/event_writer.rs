//! Writes events in the form that was asked for.

use std::io::{BufWriter, Stdout, Write};

use annals_client::RecordedEvent;
use anyhow::Context;

use super::csv::CsvRows;
use super::event_json::EventJson;
use super::event_table::EventTable;
use super::format::Format;
use super::lines;
use crate::terminal::Stream;

/// What a writer must know beforehand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// The columns that the user named; none: all.
    pub(crate) columns: Option<Vec<String>>,
    /// The columns that the table has; the header of CSV.
    pub(crate) table_columns: Vec<String>,
    /// The table has several shards: a sequence alone does not name an event.
    pub(crate) several_shards: bool,
}

/// Writes events to stdout, buffered; call [`EventWriter::flush`] where a reader should see what there is.
pub(crate) struct EventWriter {
    out: BufWriter<Stdout>,
    form: Form,
}

enum Form {
    Table(EventTable),
    Lines { several_shards: bool, stream: Stream },
    Ndjson,
    Csv(CsvRows),
}

impl EventWriter {
    pub(crate) fn new(format: Format, layout: Layout) -> Self {
        let stream = Stream::of_stdout();
        let form = match format {
            Format::Table => Form::Table(EventTable::new(layout, stream)),
            Format::Lines => Form::Lines { several_shards: layout.several_shards, stream },
            Format::Ndjson => Form::Ndjson,
            Format::Csv => {
                let chosen = layout.columns.is_some();
                Form::Csv(CsvRows::new(layout.columns.unwrap_or(layout.table_columns), chosen, stream))
            }
        };
        Self { out: BufWriter::with_capacity(64 * 1024, std::io::stdout()), form }
    }

    pub(crate) fn write(&mut self, event: RecordedEvent) -> anyhow::Result<()> {
        match &mut self.form {
            Form::Table(table) => table.write(event, &mut self.out),
            Form::Lines { several_shards, stream } => {
                lines::write_line(&event, *several_shards, *stream, &mut self.out)
            }
            Form::Ndjson => {
                serde_json::to_writer(&mut self.out, &EventJson(&event)).map_err(std::io::Error::from)?;
                self.out.write_all(b"\n").context("writing an event")
            }
            Form::Csv(rows) => rows.write(&event, &mut self.out),
        }
    }

    /// Makes all that was written so far visible.
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        if let Form::Table(table) = &mut self.form {
            table.flush(&mut self.out)?;
        }
        self.out.flush().context("writing the events")
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        if let Form::Csv(rows) = &mut self.form {
            rows.write_header(&mut self.out)?;
        }
        self.flush()
    }
}
