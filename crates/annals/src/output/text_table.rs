//! Tables for people, and JSON for programs, on stdout.

use std::io::Write;

use anyhow::Context;
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::cell::printable;
use crate::terminal::{Stream, terminal_width};

/// A table of text with a header; fitted to the width of a terminal that has one, as wide as it needs elsewhere.
pub(crate) struct TextTable {
    table: Table,
    colors: bool,
}

impl TextTable {
    /// A table under these column names.
    pub(crate) fn new<S: AsRef<str>>(stream: Stream, header: impl IntoIterator<Item = S>) -> Self {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        // The width is asked for here: a terminal that tells none would get a letter a line.
        match terminal_width() {
            _ if !stream.is_terminal() => {
                table.force_no_tty();
            }
            Some(width) => {
                table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
            }
            None => {}
        }
        let colors = stream.has_colors();
        let name = |name: S| {
            let cell = Cell::new(printable(name.as_ref()));
            if colors { cell.add_attribute(Attribute::Bold) } else { cell }
        };
        table.set_header(header.into_iter().map(name).collect::<Vec<_>>());
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self { table, colors }
    }

    /// Writes these columns (counted from 0) flush right, as numbers are.
    pub(crate) fn align_right(&mut self, columns: impl IntoIterator<Item = usize>) {
        for index in columns {
            if let Some(column) = self.table.column_mut(index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }

    /// Adds a row.
    pub(crate) fn add_row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.table.add_row(cells.into_iter().map(|cell| Cell::new(printable(cell.as_ref()))).collect::<Vec<_>>());
    }

    /// Writes the table and a newline.
    pub(crate) fn write(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let text = if self.colors { self.table.to_string() } else { self.table.trim_fmt() };
        writeln!(out, "{text}").context("writing the table")
    }
}

/// Writes `value` as JSON on one line.
pub(crate) fn write_json(out: &mut impl Write, value: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(std::io::Error::from).context("writing JSON")?;
    writeln!(out).context("writing JSON")
}

/// Writes lines to stdout.
pub(crate) fn write_text(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("writing to stdout")
}
