//! Rows of an NDJSON file: one JSON object a line, blank lines left out.
//!
//! Numbers and nested values are kept as they are written. A member that is given twice, at any depth, makes a row bad.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use super::ROW_BYTES_MAX;
use super::bad_row::Problem;
use super::row::{RawCell, Row};
use crate::json_members::{Members, repeated_member};

/// Reads the rows of one NDJSON file.
pub(super) struct NdjsonRows {
    reader: Box<dyn BufRead + Send>,
    line: u64,
    bytes: Vec<u8>,
}

impl NdjsonRows {
    pub(super) fn open(reader: Box<dyn BufRead + Send>) -> Self {
        Self { reader, line: 0, bytes: Vec::new() }
    }

    /// The next row with its line, or what is wrong with it; none at the end.
    ///
    /// # Errors
    /// When the input can't be read any further.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Result<Row, Problem>)>> {
        loop {
            self.bytes.clear();
            self.line += 1;
            if self.reader.by_ref().take(ROW_BYTES_MAX).read_until(b'\n', &mut self.bytes)? == 0 {
                return Ok(None);
            }
            if self.bytes.len() as u64 == ROW_BYTES_MAX && self.bytes.last() != Some(&b'\n') {
                let what =
                    format!("line {} is longer than {ROW_BYTES_MAX} bytes; NDJSON has one object a line", self.line);
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            if !self.bytes.trim_ascii().is_empty() {
                return Ok(Some((self.line, self.row())));
            }
        }
    }

    fn row(&self) -> Result<Row, Problem> {
        let members: Members = serde_json::from_slice(&self.bytes).map_err(|error| {
            // A line that stands alone has no lines of its own to count.
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or(&text);
            Problem::of_row(format!("not a JSON object: {what} at character {}", error.column()))
        })?;
        if let Some(name) = members.repeated() {
            return Err(Problem::of_row(format!("column {name:?} is given twice")));
        }
        let cells = members.0.into_iter().map(|(name, json)| {
            let name = Arc::from(name);
            let cell = raw_cell(json).map_err(|what| Problem::of_column(&name, what))?;
            Ok((name, cell))
        });
        Ok(Row { line: self.line, cells: cells.collect::<Result<_, _>>()? })
    }
}

/// The cell that a JSON value is, out of its text.
fn raw_cell(json: &str) -> Result<RawCell, String> {
    Ok(match json.as_bytes().first() {
        Some(b'n') => RawCell::Null,
        Some(b't' | b'f') => RawCell::Bool(json == "true"),
        Some(b'"') => RawCell::Text(serde_json::from_str(json).map_err(|error| format!("is no text: {error}"))?),
        Some(b'[' | b'{') => {
            if let Some(name) = repeated_member(json) {
                return Err(format!("member {name:?} is given twice"));
            }
            RawCell::Nested(json.to_owned())
        }
        _ => RawCell::Number(json.to_owned()),
    })
}
