//! Events as comma-separated values.
//!
//! The columns are settled before the first row is written. An event with a column that has no place is an error and
//! not a shorter row.

use std::io::Write;

use annals_client::RecordedEvent;
use anyhow::{Context, bail};

use super::cell::cell_to_text;
use super::key::key_to_text;

const FIXED: [&str; 6] = ["key", "time", "id", "shard", "sequence", "commit_time"];

pub(super) struct CsvRows {
    columns: Vec<String>,
    /// The columns were named by the user: others are left out because they were not asked for.
    chosen: bool,
    header_written: bool,
}

impl CsvRows {
    pub(super) fn new(columns: Vec<String>, chosen: bool) -> Self {
        Self { columns, chosen, header_written: false }
    }

    pub(super) fn write(&mut self, event: &RecordedEvent, out: &mut impl Write) -> anyhow::Result<()> {
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
        let mut record = vec![
            key_to_text(view.key()),
            view.time().map(|time| time.to_string()).unwrap_or_default().into(),
            view.id().map(|id| id.to_string()).unwrap_or_default().into(),
            event.shard.to_string().into(),
            event.sequence.get().to_string().into(),
            event.commit_time.to_string().into(),
        ];
        record.extend(self.columns.iter().map(|name| view.get(name).map(cell_to_text).unwrap_or_default()));
        write_record(record.iter().map(|cell| cell.as_bytes()), out)
    }

    /// Writes the header, once; an empty scan has one too.
    pub(super) fn write_header(&mut self, out: &mut impl Write) -> anyhow::Result<()> {
        if self.header_written {
            return Ok(());
        }
        self.header_written = true;
        write_record(FIXED.iter().map(|name| name.as_bytes()).chain(self.columns.iter().map(String::as_bytes)), out)
    }
}

fn write_record<'a>(fields: impl Iterator<Item = &'a [u8]>, out: &mut impl Write) -> anyhow::Result<()> {
    let mut writer = csv::WriterBuilder::new().buffer_capacity(256).from_writer(out);
    writer.write_record(fields).map_err(std::io::Error::from).context("writing CSV")?;
    writer.flush().context("writing CSV")
}
