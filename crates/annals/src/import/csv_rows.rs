//! Rows of a CSV file: a header line names the columns, an empty field is null.
//!
//! A row with too many or too few fields, or with bytes that are not UTF-8, is bad; the rows after it are read all
//! the same. A quote that is never closed would swallow the rest of the file: the bound on a row's bytes ends that.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ROW_BYTES_MAX;
use super::bad_row::Problem;
use super::row::{RawCell, Row};

/// Reads the rows of one CSV file.
pub(super) struct CsvRows {
    reader: csv::Reader<BoundedRead>,
    bytes_since_row: Arc<AtomicU64>,
    names: Vec<Arc<str>>,
    record: csv::ByteRecord,
}

impl CsvRows {
    /// Reads the header, unless the columns are given.
    ///
    /// # Errors
    /// When the input can't be read or its header holds no columns, or one without a name.
    pub(super) fn open(
        reader: Box<dyn BufRead + Send>,
        delimiter: u8,
        header: Option<&[String]>,
    ) -> anyhow::Result<Self> {
        let bytes_since_row = Arc::new(AtomicU64::new(0));
        let bounded = BoundedRead { reader, bytes_since_row: Arc::clone(&bytes_since_row) };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(header.is_none())
            .flexible(true)
            .from_reader(bounded);
        let names: Vec<Arc<str>> = match header {
            Some(names) => names.iter().map(|name| Arc::from(name.as_str())).collect(),
            None => reader.headers()?.iter().map(|name| Arc::from(name.trim())).collect(),
        };
        if let Some(index) = names.iter().position(|name| name.is_empty()) {
            anyhow::bail!("column {} of the header has no name; name the columns with --header", index + 1);
        }
        Ok(Self { reader, bytes_since_row, names, record: csv::ByteRecord::new() })
    }

    /// The next row with its line, or what is wrong with it; none at the end.
    ///
    /// # Errors
    /// When the input can't be read any further.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Result<Row, Problem>)>> {
        self.bytes_since_row.store(0, Ordering::Relaxed);
        if !self.reader.read_byte_record(&mut self.record)? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        Ok(Some((line, self.row(line))))
    }

    fn row(&self, line: u64) -> Result<Row, Problem> {
        if self.record.len() != self.names.len() {
            let (found, expected) = (self.record.len(), self.names.len());
            return Err(Problem::of_row(format!("the row has {found} fields and the header {expected} columns"))
                .advise("see whether a quote or a delimiter is missing"));
        }
        let cells = self.names.iter().zip(&self.record).map(|(name, field)| {
            let text = std::str::from_utf8(field).map_err(|_| {
                Problem::of_column(name, format!("{} is not UTF-8", String::from_utf8_lossy(field).escape_debug()))
                    .advise("convert the file to UTF-8 first")
            })?;
            let cell = if text.is_empty() { RawCell::Null } else { RawCell::Text(text.to_owned()) };
            Ok((Arc::clone(name), cell))
        });
        Ok(Row { line, cells: cells.collect::<Result<_, _>>()? })
    }
}

/// Refuses to read on when a row has no end.
struct BoundedRead {
    reader: Box<dyn BufRead + Send>,
    bytes_since_row: Arc<AtomicU64>,
}

impl Read for BoundedRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes_since_row.load(Ordering::Relaxed) > ROW_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a row is longer than {ROW_BYTES_MAX} bytes; see whether a quote is never closed"),
            ));
        }
        let read = self.reader.read(buffer)?;
        self.bytes_since_row.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
