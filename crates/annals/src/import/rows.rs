//! The rows of all inputs, one after another, as events in batches.
//!
//! A bad row ends the import, unless a number of them may be left out; those are counted and the first are kept to be
//! shown. Nothing is left out in silence.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

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

/// How long a row from a pipe waits at most for more rows to share its request, or to tell the types: a person who
/// follows a log sees it within the second.
const HELD_BACK_MAX: Duration = Duration::from_millis(500);

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
    /// Leaves out the first line of each CSV file, where the columns are given.
    pub(super) skip_header: bool,
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
    /// Header lines of CSV files, or what was given instead.
    pub(super) headers: u64,
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
    mut sink: impl FnMut(Batch) -> bool + Send,
) -> anyhow::Result<ReadReport> {
    let reading = Mutex::new(Reading::new(options, mapping, |batch| batch.is_ok_and(&mut sink)));
    let outcome = read_inputs(inputs, options, bytes_read, &reading);
    ended(reading, outcome)
}

/// As [`read_rows`], and gives what has come through a pipe to `sink` soon, however little it is and however many rows
/// are still to tell the types. A bad row among them goes there too, as nobody knows when the pipe's next row comes.
///
/// # Errors
/// As [`read_rows`].
pub(super) fn read_rows_as_they_come(
    inputs: &[Input],
    options: &ReadOptions,
    mapping: &mut Mapping,
    bytes_read: &Arc<AtomicU64>,
    sink: impl FnMut(anyhow::Result<Batch>) -> bool + Send,
) -> anyhow::Result<ReadReport> {
    let reading = Mutex::new(Reading::new(options, mapping, sink));
    if inputs.iter().all(|input| !input.is_pipe()) {
        let outcome = read_inputs(inputs, options, bytes_read, &reading);
        return ended(reading, outcome);
    }
    let (stop, end) = mpsc::channel::<()>();
    let outcome = thread::scope(|scope| {
        let reading = &reading;
        scope.spawn(move || {
            while end.recv_timeout(HELD_BACK_MAX / 2) == Err(mpsc::RecvTimeoutError::Timeout) {
                locked(reading).hand_out_what_is_old();
            }
        });
        let outcome = read_inputs(inputs, options, bytes_read, reading);
        drop(stop);
        outcome
    });
    ended(reading, outcome)
}

fn locked<T>(reading: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked takes the import with it: the scope and the joins see to that.
    reading.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was read before a mistake is good and is stored; the message tells how far that is.
fn ended<S: FnMut(anyhow::Result<Batch>) -> bool>(
    reading: Mutex<Reading<'_, S>>,
    outcome: anyhow::Result<()>,
) -> anyhow::Result<ReadReport> {
    let mut reading = reading.into_inner().unwrap_or_else(PoisonError::into_inner);
    let settled = reading.settle();
    reading.flush();
    // A bad row among those that were held comes before what ended the reading.
    settled.and(outcome).map(|()| reading.report)
}

fn read_inputs<S: FnMut(anyhow::Result<Batch>) -> bool>(
    inputs: &[Input],
    options: &ReadOptions,
    bytes_read: &Arc<AtomicU64>,
    reading: &Mutex<Reading<'_, S>>,
) -> anyhow::Result<()> {
    for input in inputs {
        let name: Arc<str> = Arc::from(input.name());
        let opened = input.open(options.format, Arc::clone(bytes_read))?;
        let mut rows = match opened.format {
            Format::Csv => Rows::Csv(
                CsvRows::open(opened.reader, options.delimiter, options.header.as_deref())
                    .with_context(|| format!("cannot read {name}"))?,
            ),
            Format::Ndjson => Rows::Ndjson(NdjsonRows::open(opened.reader)),
        };
        if let Rows::Csv(csv) = &mut rows {
            if options.skip_header {
                csv.next().with_context(|| format!("cannot read {name}"))?;
            }
            locked(reading).meet_header(csv.names(), inputs.len() == 1)?;
        }
        while locked(reading).wants_another() {
            let Some((line, row)) = rows.next(&name)? else { break };
            locked(reading).come(&name, line, row)?;
        }
        locked(reading).settle()?;
    }
    Ok(())
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

/// A row that tells the types, with its input and its line.
type Sampled = (Arc<str>, u64, Result<Row, Problem>);

struct Reading<'a, S> {
    options: &'a ReadOptions,
    mapping: &'a mut Mapping,
    sink: S,
    /// The rows that tell the types, with their places, until they are enough; none once they were.
    sample: Option<Vec<Sampled>>,
    batch: Option<Batch>,
    /// When the oldest row that was not handed out came.
    held_since: Option<Instant>,
    wants_more: bool,
    report: ReadReport,
}

impl<'a, S: FnMut(anyhow::Result<Batch>) -> bool> Reading<'a, S> {
    fn new(options: &'a ReadOptions, mapping: &'a mut Mapping, sink: S) -> Self {
        let (sample, report) = (Some(Vec::new()), ReadReport::default());
        Self { options, mapping, sink, sample, batch: None, held_since: None, wants_more: true, report }
    }

    fn wants_another(&self) -> bool {
        self.wants_more && (self.sample.is_some() || !self.is_at_its_end())
    }

    /// A header names the columns before anything is sent; where another input follows, that may have what is missing.
    fn meet_header(&mut self, names: &[Arc<str>], is_all: bool) -> anyhow::Result<()> {
        self.report.headers += 1;
        self.mapping.meet(names);
        match self.mapping.unmet_problem().filter(|_| is_all) {
            Some(problem) => Err(anyhow::anyhow!(problem)),
            None => Ok(()),
        }
    }

    /// Takes a row, or keeps it until the types are told.
    fn come(&mut self, input: &Arc<str>, line: u64, row: Result<Row, Problem>) -> anyhow::Result<()> {
        if self.report.rows == 0
            && let Ok(row) = &row
        {
            row.refuse_event(input)?;
        }
        self.held_since.get_or_insert_with(Instant::now);
        let Some(sample) = &mut self.sample else { return self.take(input, line, row) };
        sample.push((Arc::clone(input), line, row));
        if sample.len() >= self.options.sample_rows { self.settle() } else { Ok(()) }
    }

    /// Lets the rows so far tell the types, unless they have, and takes them.
    fn settle(&mut self) -> anyhow::Result<()> {
        let Some(sample) = self.sample.take() else { return Ok(()) };
        self.mapping.sample(sample.iter().filter_map(|(.., row)| row.as_ref().ok()));
        for (input, line, row) in sample {
            if !self.is_at_its_end() {
                self.take(&input, line, row)?;
            }
        }
        Ok(())
    }

    /// Hands out what has waited for more rows long enough.
    fn hand_out_what_is_old(&mut self) {
        if self.held_since.is_none_or(|since| since.elapsed() < HELD_BACK_MAX / 2) {
            return;
        }
        let settled = self.settle();
        self.flush();
        if let Err(error) = settled {
            self.wants_more = (self.sink)(Err(error));
        }
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
        self.held_since = None;
        if let Some(batch) = self.batch.take()
            && self.wants_more
        {
            self.wants_more = (self.sink)(Ok(batch));
        }
    }
}
