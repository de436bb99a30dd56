//! Rows of an NDJSON file: one JSON object a line, blank lines left out.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

use super::ROW_BYTES_MAX;
use super::bad_row::Problem;
use super::row::{RawCell, Row};

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
        let cells = serde_json::from_slice::<Cells>(&self.bytes).map_err(|error| {
            // A line that stands alone has no lines of its own to count.
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or(&text);
            Problem::of_row(format!("not a JSON object: {what} at character {}", error.column()))
        })?;
        Ok(Row { line: self.line, cells: cells.0 })
    }
}

/// The members of an object, one by one: a map would lose a name that is given twice.
struct Cells(Vec<(Arc<str>, RawCell)>);

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Cells;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cells, A::Error> {
                let mut cells = Vec::with_capacity(16);
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    cells.push((Arc::from(name), RawCell::from(value)));
                }
                Ok(Cells(cells))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl From<Value> for RawCell {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text),
            Value::Array(_) | Value::Object(_) => Self::Nested(value.to_string()),
        }
    }
}
