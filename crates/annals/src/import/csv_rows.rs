//! Rows of a CSV file: a header line names the columns, an empty field is null, and `""` is an empty text.
//!
//! A row with too many or too few fields, with a quote out of place, or with bytes that are not UTF-8, is bad; the rows
//! after it are read all the same.

use std::collections::HashSet;
use std::io::{self, BufRead};
use std::sync::Arc;

use anyhow::bail;

use super::ROW_BYTES_MAX;
use super::bad_row::Problem;
use super::csv_records::{CsvRecords, Malformed, Record};
use super::row::{RawCell, Row};

/// Reads the rows of one CSV file.
pub(super) struct CsvRows {
    records: CsvRecords,
    names: Vec<Arc<str>>,
    record: Record,
}

impl CsvRows {
    /// Reads the header, unless the columns are given.
    ///
    /// # Errors
    /// When the input can't be read or its header holds no columns, one without a name, or one twice.
    pub(super) fn open(
        reader: Box<dyn BufRead + Send>,
        delimiter: u8,
        header: Option<&[String]>,
    ) -> anyhow::Result<Self> {
        let mut rows =
            Self { records: CsvRecords::new(reader, delimiter), names: Vec::new(), record: Record::default() };
        match header {
            Some(names) => rows.names = names.iter().map(|name| Arc::from(name.as_str())).collect(),
            None => rows.read_header()?,
        }
        if let Some(index) = rows.names.iter().position(|name| name.is_empty()) {
            bail!("column {} of the header has no name; {}", index + 1, advised_header(&rows.names));
        }
        let place = if header.is_some() { "--header".to_owned() } else { format!("line {}", rows.record.line) };
        let mut seen = HashSet::with_capacity(rows.names.len());
        if let Some(name) = rows.names.iter().find(|name| !seen.insert(&***name)) {
            bail!("{place}: column {name:?} is given twice; give each column a name of its own");
        }
        Ok(rows)
    }

    fn read_header(&mut self) -> anyhow::Result<()> {
        if let Err(malformed) = self.records.next(&mut self.record)? {
            let (_, what) = described(malformed);
            bail!("line {}, the header: {what}", self.record.line);
        }
        for (field, quoted) in self.record.fields() {
            let Ok(name) = std::str::from_utf8(field) else {
                let shown = String::from_utf8_lossy(field);
                bail!("line {}: the column {:?} is not UTF-8; convert the file first", self.record.line, shown);
            };
            // Blanks beside a name are there for the eye; who means them puts the name in quotes.
            self.names.push(Arc::from(if quoted { name } else { name.trim() }));
        }
        Ok(())
    }

    /// The columns, in their order.
    pub(super) fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The next row with its line, or what is wrong with it; none at the end.
    ///
    /// # Errors
    /// When the input can't be read any further.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Result<Row, Problem>)>> {
        let row = match self.records.next(&mut self.record)? {
            Ok(false) => return Ok(None),
            Ok(true) => self.row(),
            Err(malformed) => {
                let (field, what) = described(malformed);
                Err(match self.names.get(field) {
                    Some(name) => Problem::of_column(name, what),
                    None => Problem::of_row(what),
                })
            }
        };
        Ok(Some((self.record.line, row)))
    }

    fn row(&self) -> Result<Row, Problem> {
        let fields = self.record.fields();
        if fields.len() != self.names.len() {
            let (found, expected) = (fields.len(), self.names.len());
            return Err(Problem::of_row(format!("the row has {found} fields and the header {expected} columns"))
                .advise("see whether a quote or a delimiter is missing"));
        }
        let cells = self.names.iter().zip(fields).map(|(name, (field, quoted))| {
            let text = std::str::from_utf8(field).map_err(|_| {
                Problem::of_column(name, format!("{} is not UTF-8", String::from_utf8_lossy(field).escape_debug()))
                    .advise("convert the file to UTF-8 first")
            })?;
            let cell = match (text, quoted) {
                ("", false) => RawCell::Null,
                ("", true) => RawCell::EmptyQuotes,
                _ => RawCell::Text(text.to_owned()),
            };
            Ok((Arc::clone(name), cell))
        });
        Ok(Row { line: self.record.line, cells: cells.collect::<Result<_, _>>()? })
    }
}

/// How a header is given that takes this one's place, every column with a name.
fn advised_header(names: &[Arc<str>]) -> String {
    let named = names.iter().enumerate().map(|(index, name)| match &**name {
        "" => format!("column{}", index + 1),
        name => name.to_owned(),
    });
    let named = named.collect::<Vec<_>>().join(",");
    let plain = |c: char| c.is_alphanumeric() || ",_-.:".contains(c);
    let named =
        if named.chars().all(plain) && names.iter().all(|name| !name.contains(',')) { &named } else { "NAME,…" };
    format!("name the columns with --header {named} --skip-header")
}

/// The index of the field that is at fault, and what is wrong with it.
fn described(malformed: Malformed) -> (usize, String) {
    match malformed {
        Malformed::NeverClosed { field, line } => {
            (field, format!("the quote that opens on line {line} is never closed"))
        }
        Malformed::TooLong { field, line } => {
            let what = format!("the quote that opens on line {line} is not closed within {ROW_BYTES_MAX} bytes");
            (field, format!("{what}; see whether it is never closed"))
        }
        Malformed::TextBehindQuote { field, opened, line } => {
            let what = format!("text stands behind the quote that closes on line {line}");
            let where_opened = if opened == line { String::new() } else { format!(" and opens on line {opened}") };
            (field, format!("{what}{where_opened}; inside of quotes a quote is written twice"))
        }
    }
}
