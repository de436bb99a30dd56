//! `annals plot`: the events of a scan over time, or the numbers of a column, drawn in the terminal.
//!
//! Events are counted as the scan brings them; only the counts are held, so a plot of any number of events takes the
//! memory of a screen. A plot shows one moment of the table.

mod args;
mod canvas;
mod panel;
mod series;
#[cfg(test)]
mod tests;
mod time_axis;
mod value_axis;

use std::borrow::Cow;
use std::io::{self, Write};

use annals_client::{Client, EventTime, Scan, TimeRange};
use anyhow::Context;
use futures_util::StreamExt;
use serde_json::json;

use crate::connect::block_on;
use crate::output::{absent_column, cell_to_text};
use crate::terminal::{Stream, terminal_width};
use crate::time_argument::now;

pub(crate) use args::Args;
pub(crate) use panel::{Look, Measure, draw};
pub(crate) use series::{Collector, SERIES_MAX, Series};
pub(crate) use time_axis::TimeAxis;

/// Columns of a drawing that does not go to a terminal.
const PLAIN_WIDTH: usize = 100;

/// The narrowest drawing in which axes can be read.
const WIDTH_MIN: usize = 30;

/// What of the scanned events is drawn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Question<'a> {
    /// The column whose numbers are drawn.
    pub(crate) column: Option<&'a str>,
    /// The column whose values make the series.
    pub(crate) by: Option<&'a str>,
    /// The series that are drawn; none: the largest.
    pub(crate) only: &'a [String],
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    block_on(async {
        let keys = args.selection.partitions.keys()?;
        let scan = args.selection.scan_of(&keys)?;
        let client = args.server.connect().await?;
        let stdout = Stream::of_stdout();
        let look = Look {
            width: args.width.map_or_else(|| drawing_width(stdout), usize::from),
            rows: args.height.map_or(0, usize::from),
            colors: stdout.has_colors(),
        };
        let question = Question { column: args.column.as_deref(), by: args.by.as_deref(), only: &args.only };
        let columns: Vec<&str> = question.by.into_iter().chain(question.column).collect();
        if !columns.is_empty() {
            let absent = absent_column(&client.table(&args.selection.table).await?, &columns);
            anyhow::ensure!(absent.is_none(), "{}", absent.unwrap_or_default());
        }
        let Some((first, last)) = range_of(&client, args, &keys).await? else {
            anyhow::bail!("{} holds no events there; see `annals table describe {0}`", args.selection.table);
        };
        let axis = TimeAxis::new(first, last, args.bucket, look.room(), args.time_zone)?;
        let series = ask(&client, scan, question, &axis, (first, last)).await?;
        if args.form.json() {
            return write_json(&series, &axis, question);
        }
        if series.iter().all(|one| one.total.events == 0) {
            anyhow::bail!("{} holds no such events from {first} to {last}", args.selection.table);
        }
        write_lines(&draw(&series, &axis, question.measure(), look.with_rows_for(series.len())))
    })
}

/// Columns for a drawing on stdout.
pub(crate) fn drawing_width(stdout: Stream) -> usize {
    let terminal = stdout.is_terminal().then(terminal_width).flatten();
    terminal.map_or(PLAIN_WIDTH, usize::from).max(WIDTH_MIN)
}

/// Runs `scan` from the first to the last time, both included, and counts what comes.
pub(crate) async fn ask(
    client: &Client,
    mut scan: Scan,
    question: Question<'_>,
    axis: &TimeAxis,
    (first, last): (EventTime, EventTime),
) -> anyhow::Result<Vec<Series>> {
    let end = last.unix_nanos().checked_add(1).map(EventTime::from_unix_nanos);
    scan = scan.times(TimeRange::new(Some(first), end)?);
    let columns: Vec<&str> = question.by.into_iter().chain(question.column).collect();
    if !columns.is_empty() {
        scan = scan.columns(columns);
    }
    let mut collector = Collector::new(axis);
    let mut events = client.scan(scan);
    while let Some(event) = events.next().await {
        let event = event.context("the scan failed")?;
        let view = event.view()?;
        let value = question.column.and_then(|column| view.get(column)).and_then(|value| value.as_f64());
        let by = question.by.map(|column| view.get(column).map_or(Cow::Borrowed("(none)"), cell_to_text));
        collector.add(by.as_deref(), view.time().unwrap_or(first), value);
    }
    Ok(collector.finish(question.only, SERIES_MAX))
}

impl<'a> Question<'a> {
    fn measure(self) -> Measure<'a> {
        self.column.map_or(Measure::Events, Measure::Column)
    }
}

impl Look {
    /// Rows by the number of panels, unless they were given.
    fn with_rows_for(self, panels: usize) -> Self {
        const ROWS_BY_PANELS: [usize; 4] = [12, 12, 7, 6];
        let rows = if self.rows > 0 { self.rows } else { ROWS_BY_PANELS.get(panels).copied().unwrap_or(4) };
        Self { rows, ..self }
    }
}

/// From the first to the last time to draw: as asked for, and else as far as there are events; none if there are none.
async fn range_of(client: &Client, args: &Args, keys: &[Vec<u8>]) -> anyhow::Result<Option<(EventTime, EventTime)>> {
    let (from, to) = args.selection.bounds(now());
    let last = to.map(|to| EventTime::from_unix_nanos(to.unix_nanos().saturating_sub(1)));
    if let Some(both) = from.zip(last) {
        anyhow::ensure!(both.0 <= both.1, "the range is empty: --to must be later than --from");
        return Ok(Some(both));
    }
    let Some(stored) = stored_range(client, &args.selection.table, keys).await? else { return Ok(None) };
    let (first, last) = (from.unwrap_or(stored.0), last.unwrap_or(stored.1));
    Ok((first <= last).then_some((first, last)))
}

async fn stored_range(
    client: &Client,
    table: &str,
    keys: &[Vec<u8>],
) -> anyhow::Result<Option<(EventTime, EventTime)>> {
    let mut bounds = Vec::new();
    for key in keys {
        let partition = client.partition(table, key.clone()).await?;
        bounds.push((partition.min_time_unix_nanos, partition.max_time_unix_nanos));
    }
    if keys.is_empty() {
        let stats = client.table(table).await?.stats.unwrap_or_default();
        bounds.extend(stats.shards.iter().map(|shard| (shard.min_time_unix_nanos, shard.max_time_unix_nanos)));
    }
    let first = bounds.iter().filter_map(|(min, _)| *min).min();
    let last = bounds.iter().filter_map(|(_, max)| *max).max();
    Ok(first.zip(last).map(|(first, last)| (EventTime::from_unix_nanos(first), EventTime::from_unix_nanos(last))))
}

fn write_lines(lines: &[String]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

fn write_json(series: &[Series], axis: &TimeAxis, question: Question<'_>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for one in series {
        for (index, bucket) in one.buckets.iter().enumerate() {
            let mut object = json!({
                "series": one.name,
                "start": axis.start_of(index).to_string(),
                "seconds": axis.width().as_secs_f64(),
                "events": bucket.events,
            });
            if question.column.is_some() {
                object["values"] = bucket.values.into();
                if let Some((min, mean, max)) = bucket.range() {
                    object["min"] = min.into();
                    object["mean"] = mean.into();
                    object["max"] = max.into();
                }
            }
            writeln!(out, "{object}")?;
        }
    }
    Ok(out.flush()?)
}
