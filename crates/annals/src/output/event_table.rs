//! Events as rows under column names.
//!
//! Rows are held back until a block is full, because the widths and the columns depend on all of them; a long scan is
//! written as several tables.

use std::io::Write;

use annals_client::RecordedEvent;

use super::cell::cell_to_text;
use super::event_writer::Layout;
use super::key::key_to_text;
use super::text_table::TextTable;
use crate::terminal::Stream;

/// Rows that are held back for one table.
const BLOCK_ROWS_MAX: usize = 1_000;

pub(super) struct EventTable {
    layout: Layout,
    stream: Stream,
    rows: Vec<RecordedEvent>,
}

impl EventTable {
    pub(super) fn new(layout: Layout, stream: Stream) -> Self {
        Self { layout, stream, rows: Vec::new() }
    }

    pub(super) fn write(&mut self, event: RecordedEvent, out: &mut impl Write) -> anyhow::Result<()> {
        self.rows.push(event);
        if self.rows.len() < BLOCK_ROWS_MAX { Ok(()) } else { self.flush(out) }
    }

    /// Writes the rows that are held back.
    pub(super) fn flush(&mut self, out: &mut impl Write) -> anyhow::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let names = match &self.layout.columns {
            Some(columns) => columns.clone(),
            None => names_of(&rows)?,
        };
        let shards = self.layout.several_shards;
        let fixed: &[&str] = if shards { &["key", "time", "shard", "sequence"] } else { &["key", "time", "sequence"] };
        let mut table = TextTable::new(self.stream, fixed.iter().copied().chain(names.iter().map(String::as_str)));
        table.align_right(2..fixed.len());
        let mut numeric = vec![false; names.len()];
        for row in &rows {
            let view = row.view()?;
            let mut cells = vec![key_to_text(view.key()).into_owned()];
            cells.push(view.time().map(|time| time.to_string()).unwrap_or_default());
            if shards {
                cells.push(row.shard.to_string());
            }
            cells.push(row.sequence.get().to_string());
            for (name, numeric) in names.iter().zip(&mut numeric) {
                let value = view.get(name);
                *numeric |= value.is_some_and(|value| value.as_f64().is_some());
                cells.push(value.map(|value| cell_to_text(value).into_owned()).unwrap_or_default());
            }
            table.add_row(cells);
        }
        table.align_right((0..names.len()).filter(|&index| numeric[index]).map(|index| fixed.len() + index));
        table.write(out)
    }
}

/// The columns that some row has, in the order in which they first come.
fn names_of(rows: &[RecordedEvent]) -> anyhow::Result<Vec<String>> {
    let mut seen = std::collections::HashSet::new();
    let mut names = Vec::new();
    for row in rows {
        for (name, _) in row.view()?.columns() {
            if seen.insert(name.to_owned()) {
                names.push(name.to_owned());
            }
        }
    }
    Ok(names)
}
