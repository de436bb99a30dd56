//! The rows of all inputs, one after another, as events in batches.
//!
//! A bad row ends the import, unless a number of them may be left out; those are counted and the first are kept to be
//! shown. Nothing is left out in silence.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use annals_client::Event;
use anyhow::Context;

use super::bad_row::{BadRow, Problem};
use super::csv_rows::CsvRows;
use super::input::{Format, Input};
use super::mapping::Mapping;
use super::ndjson_rows::NdjsonRows;
use super::row::Row;

/// Events of one request: enough that a sync is shared by many, few enough that progress shows.
const BATCH_EVENTS_MAX: usize = 1_000;

/// Bytes of one request's events, well under the request limit also where the last event is a large one.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Bad rows that are kept to be shown; the rest are counted.
const SHOWN_BAD_ROWS_MAX: usize = 10;

/// How inputs are read.
#[derive(Clone, Debug)]
pub(crate) struct ReadOptions {
    /// None: told by the first bytes.
    pub(super) format: Option<Format>,
    pub(super) delimiter: u8,
    /// None: the first line of a CSV file.
    pub(super) header: Option<Vec<String>>,
    /// Rows at the start of the inputs that are left out.
    pub(super) skip_rows: u64,
    /// Rows after these that are read.
    pub(super) rows_max: u64,
    /// Rows whose cells tell the columns' types.
    pub(super) sample_rows: usize,
    /// Bad rows that may be left out.
    pub(super) skip_bad_max: u64,
}

/// Events of consecutive rows, for one request.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) events: Vec<Event>,
    pub(super) first: Place,
    pub(super) last: Place,
    bytes: usize,
}

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) input: Arc<str>,
    pub(super) line: u64,
    /// Rows before it, over all inputs.
    pub(super) row: u64,
}

/// What came of reading the inputs.
#[derive(Debug, Default)]
pub(super) struct ReadReport {
    /// Rows read, bad ones among them.
    pub(super) rows: u64,
    pub(super) bad_rows: u64,
    /// The first of them.
    pub(super) shown_bad_rows: Vec<BadRow>,
}

/// Reads all rows of `inputs` and gives their events to `sink` in batches. `sink` says whether it wants more.
///
/// # Errors
/// When an input can't be read, or has more bad rows than may be left out.
pub(super) fn read_rows(
    inputs: &[Input],
    options: &ReadOptions,
    mapping: &mut Mapping,
    bytes_read: &Arc<AtomicU64>,
    sink: impl FnMut(Batch) -> bool,
) -> anyhow::Result<ReadReport> {
    let mut reading = Reading { options, mapping, sink, batch: None, wants_more: true, report: ReadReport::default() };
    let outcome = reading.read_all(inputs, bytes_read);
    // What was read before a mistake is good and is stored; the message tells how far that is.
    reading.flush();
    outcome.map(|()| reading.report)
}

enum Rows {
    Csv(CsvRows),
    Ndjson(NdjsonRows),
}

impl Rows {
    fn next(&mut self, input: &Arc<str>) -> anyhow::Result<Option<(u64, Result<Row, Problem>)>> {
        let next: io::Result<_> = match self {
            Self::Csv(rows) => rows.next(),
            Self::Ndjson(rows) => rows.next(),
        };
        next.with_context(|| format!("cannot read on in {input}"))
    }
}

struct Reading<'a, S> {
    options: &'a ReadOptions,
    mapping: &'a mut Mapping,
    sink: S,
    batch: Option<Batch>,
    wants_more: bool,
    report: ReadReport,
}

impl<S: FnMut(Batch) -> bool> Reading<'_, S> {
    fn read_all(&mut self, inputs: &[Input], bytes_read: &Arc<AtomicU64>) -> anyhow::Result<()> {
        let mut sampled = false;
        for input in inputs {
            let name: Arc<str> = Arc::from(input.name());
            let opened = input.open(self.options.format, Arc::clone(bytes_read))?;
            let mut rows = match opened.format {
                Format::Csv => Rows::Csv(
                    CsvRows::open(opened.reader, self.options.delimiter, self.options.header.as_deref())
                        .with_context(|| format!("cannot read {name}"))?,
                ),
                Format::Ndjson => Rows::Ndjson(NdjsonRows::open(opened.reader)),
            };
            if !sampled {
                sampled = true;
                self.read_sample(&name, &mut rows)?;
            }
            while self.wants_more && !self.is_at_its_end() {
                let Some((line, row)) = rows.next(&name)? else { break };
                self.take(&name, line, row)?;
            }
        }
        Ok(())
    }

    /// Reads the rows that tell the types, then takes them.
    fn read_sample(&mut self, input: &Arc<str>, rows: &mut Rows) -> anyhow::Result<()> {
        let mut sample = Vec::new();
        let mut failure = None;
        while sample.len() < self.options.sample_rows {
            match rows.next(input) {
                Ok(Some(next)) => sample.push(next),
                Ok(None) => break,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        self.mapping.sample(sample.iter().filter_map(|(_, row)| row.as_ref().ok()));
        for (line, row) in sample {
            if !self.is_at_its_end() {
                self.take(input, line, row)?;
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Whether all rows that are wanted were read.
    fn is_at_its_end(&self) -> bool {
        self.report.rows >= self.options.skip_rows.saturating_add(self.options.rows_max)
    }

    fn take(&mut self, input: &Arc<str>, line: u64, row: Result<Row, Problem>) -> anyhow::Result<()> {
        let place = Place { input: Arc::clone(input), line, row: self.report.rows };
        self.report.rows += 1;
        if place.row < self.options.skip_rows {
            return Ok(());
        }
        match row.and_then(|row| self.mapping.event(&row)) {
            Ok(event) => self.push(place, event),
            Err(problem) => self.leave_out(BadRow { input: place.input, line, problem })?,
        }
        Ok(())
    }

    fn leave_out(&mut self, bad: BadRow) -> anyhow::Result<()> {
        self.report.bad_rows += 1;
        let allowed = self.options.skip_bad_max;
        if self.report.bad_rows > allowed {
            let count = self.report.bad_rows;
            return Err(match allowed {
                0 => anyhow::Error::new(bad).context("a row is bad (--skip-bad N leaves out up to N of them)"),
                _ => anyhow::Error::new(bad).context(format!("{count} rows are bad, one more than --skip-bad allows")),
            });
        }
        if self.report.shown_bad_rows.len() < SHOWN_BAD_ROWS_MAX {
            self.report.shown_bad_rows.push(bad);
        }
        Ok(())
    }

    fn push(&mut self, place: Place, event: Event) {
        let batch = self.batch.get_or_insert_with(|| Batch {
            events: Vec::with_capacity(BATCH_EVENTS_MAX),
            first: place.clone(),
            last: place.clone(),
            bytes: 0,
        });
        batch.bytes += event.as_bytes().len();
        batch.events.push(event);
        batch.last = place;
        if batch.events.len() >= BATCH_EVENTS_MAX || batch.bytes >= BATCH_BYTES_MAX {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if let Some(batch) = self.batch.take()
            && self.wants_more
        {
            self.wants_more = (self.sink)(batch);
        }
    }
}
