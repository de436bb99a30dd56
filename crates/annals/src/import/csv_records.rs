//! The records of a CSV file, strictly: fields may stand in quotes, and then whole.
//!
//! A quote opens a field only at its start; inside, two quotes are one. A quote that is never closed and text behind a
//! closing quote are refused where general readers guess: what they guess puts the rows that follow into one cell, or
//! joins what is not one text. A record that is refused ends with the line on which it begins, so that the lines after
//! it are read all the same. Records end with `\n`, `\r\n` or `\r`; empty lines are none.

use std::io::{self, BufRead};

use memchr::{memchr, memchr3};

use super::ROW_BYTES_MAX;

/// Reads records one after another.
pub(super) struct CsvRecords {
    reader: Box<dyn BufRead + Send>,
    delimiter: u8,
    /// What was read and is still wanted.
    bytes: Vec<u8>,
    /// Where in `bytes` the record begins.
    start: usize,
    /// Where in `bytes` reading goes on.
    at: usize,
    /// The reader has no more.
    ended: bool,
    /// The line of `at`, from 1.
    line: u64,
}

/// One record: its fields, without their quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    text: Vec<u8>,
    /// Where each field ends in `text`, and whether it stood in quotes.
    ends: Vec<(usize, bool)>,
}

/// Why a record is refused. All of them name a quote that is likely wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// A quote opens the field of this index on this line, and the file ends before it is closed.
    NeverClosed { field: usize, line: u64 },
    /// As above, and the record has grown past [`ROW_BYTES_MAX`].
    TooLong { field: usize, line: u64 },
    /// The quote that closes the field of this index, on this line, is not the field's end.
    TextBehindQuote { field: usize, opened: u64, line: u64 },
}

impl Record {
    /// The fields in order, each with whether it stood in quotes.
    pub(super) fn fields(&self) -> impl ExactSizeIterator<Item = (&[u8], bool)> {
        self.ends.iter().enumerate().map(|(index, &(end, quoted))| {
            let start = index.checked_sub(1).map_or(0, |before| self.ends[before].0);
            (&self.text[start..end], quoted)
        })
    }

    fn end_field(&mut self, quoted: bool) {
        self.ends.push((self.text.len(), quoted));
    }
}

impl CsvRecords {
    pub(super) fn new(reader: Box<dyn BufRead + Send>, delimiter: u8) -> Self {
        Self { reader, delimiter, bytes: Vec::new(), start: 0, at: 0, ended: false, line: 1 }
    }

    /// Reads the next record into `record`; false at the end of the file.
    ///
    /// # Errors
    /// When the input can't be read, or a line is too long to be one. The inner error is about this record alone.
    pub(super) fn next(&mut self, record: &mut Record) -> io::Result<Result<bool, Malformed>> {
        record.text.clear();
        record.ends.clear();
        if !self.skip_line_ends()? {
            return Ok(Ok(false));
        }
        self.start = self.at;
        record.line = self.line;
        loop {
            let quoted = self.peek()? == Some(b'"');
            let field = if quoted { self.quoted_field(record)? } else { self.plain_field(record)? };
            match field {
                Ok(true) => {}
                Ok(false) => return Ok(Ok(true)),
                Err(malformed) => {
                    self.rewind(record.line)?;
                    return Ok(Err(malformed));
                }
            }
        }
    }

    /// Reads a field without quotes and what ends it; whether another field follows.
    fn plain_field(&mut self, record: &mut Record) -> io::Result<Result<bool, Malformed>> {
        loop {
            let rest = &self.bytes[self.at..];
            if let Some(length) = memchr3(self.delimiter, b'\n', b'\r', rest) {
                let is_delimiter = rest[length] == self.delimiter;
                record.text.extend_from_slice(&rest[..length]);
                record.end_field(false);
                // The end of the line is left to be skipped, and counted, before the next record.
                self.at += length + usize::from(is_delimiter);
                return Ok(Ok(is_delimiter));
            }
            record.text.extend_from_slice(rest);
            self.at = self.bytes.len();
            if self.is_too_long() {
                return Err(too_long_a_line(self.line));
            }
            if !self.fill()? {
                record.end_field(false);
                return Ok(Ok(false));
            }
        }
    }

    /// Reads a field in quotes and what ends it; whether another field follows.
    fn quoted_field(&mut self, record: &mut Record) -> io::Result<Result<bool, Malformed>> {
        let (field, opened) = (record.ends.len(), self.line);
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            let length = memchr(b'"', rest).unwrap_or(rest.len());
            let is_closing = length < rest.len();
            record.text.extend_from_slice(&rest[..length]);
            self.line += line_ends(&rest[..length], Some(self.bytes[self.at - 1]));
            self.at += length;
            if !is_closing {
                if self.is_too_long() {
                    return Ok(Err(Malformed::TooLong { field, line: opened }));
                }
                if !self.fill()? {
                    return Ok(Err(Malformed::NeverClosed { field, line: opened }));
                }
                continue;
            }
            self.at += 1;
            match self.peek()? {
                Some(b'"') => {
                    record.text.push(b'"');
                    self.at += 1;
                    continue;
                }
                Some(byte) if byte == self.delimiter => self.at += 1,
                None | Some(b'\n' | b'\r') => {
                    record.end_field(true);
                    return Ok(Ok(false));
                }
                Some(_) => return Ok(Err(Malformed::TextBehindQuote { field, opened, line: self.line })),
            }
            record.end_field(true);
            return Ok(Ok(true));
        }
    }

    /// Goes back to the end of the first line of the record, which begins on `line`.
    fn rewind(&mut self, line: u64) -> io::Result<()> {
        self.line = line;
        self.at = self.start;
        loop {
            match self.bytes[self.at..].iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                Some(length) => self.at += length,
                None if self.is_too_long() => return Err(too_long_a_line(line)),
                None => {
                    self.at = self.bytes.len();
                    if self.fill()? {
                        continue;
                    }
                }
            }
            return Ok(());
        }
    }

    /// Skips the ends of lines; whether a record follows.
    fn skip_line_ends(&mut self) -> io::Result<bool> {
        let mut before = None;
        loop {
            match self.peek()? {
                Some(b'\n') if before == Some(b'\r') => {}
                Some(b'\n' | b'\r') => self.line += 1,
                next => return Ok(next.is_some()),
            }
            before = Some(self.bytes[self.at]);
            self.at += 1;
        }
    }

    /// The next byte; none at the end of the file.
    fn peek(&mut self) -> io::Result<Option<u8>> {
        if self.at == self.bytes.len() && !self.fill()? {
            return Ok(None);
        }
        Ok(Some(self.bytes[self.at]))
    }

    fn is_too_long(&self) -> bool {
        (self.bytes.len() - self.start) as u64 > ROW_BYTES_MAX
    }

    /// Reads more, at least one byte; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let more = loop {
            match self.reader.fill_buf() {
                Ok(more) => break more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        self.bytes.drain(..self.start);
        self.at -= self.start;
        self.start = 0;
        let length = more.len();
        self.bytes.extend_from_slice(more);
        self.reader.consume(length);
        self.ended = length == 0;
        Ok(!self.ended)
    }
}

/// How many lines end in `bytes`, which follow the byte `before`.
fn line_ends(bytes: &[u8], mut before: Option<u8>) -> u64 {
    let mut count = 0;
    for &byte in bytes {
        count += u64::from(byte == b'\r' || byte == b'\n' && before != Some(b'\r'));
        before = Some(byte);
    }
    count
}

fn too_long_a_line(line: u64) -> io::Error {
    let what = format!("line {line} is longer than {ROW_BYTES_MAX} bytes; see whether a quote is never closed");
    io::Error::new(io::ErrorKind::InvalidData, what)
}
