//! How data is written to stdout: keys and cells as text, events as tables, lines, NDJSON or CSV.

mod cell;
mod csv;
mod event_json;
mod event_table;
mod event_writer;
mod format;
mod key;
mod lines;
mod table_layout;
mod text_table;

#[cfg(test)]
pub(crate) use self::csv::CsvRows;
pub(crate) use cell::{bytes_from_text, cell_to_text, printable, printable_lines};
#[cfg(test)]
pub(crate) use event_json::EventJson;
pub(crate) use event_json::event_from_json;
pub(crate) use event_writer::EventWriter;
pub(crate) use format::{FormArgs, Format, FormatArgs};
pub(crate) use key::{key_from_text, key_to_text};
pub(crate) use table_layout::{absent_column, layout_of};
pub(crate) use text_table::{TextTable, write_json, write_text};
