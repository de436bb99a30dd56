//! `annals import`: the rows of CSV or NDJSON files as events of a table.
//!
//! A row becomes one event or stops the import; with `--skip-bad` a bounded number of bad rows is left out and
//! reported. Rows are sent in their order, so that in a table of one shard they arrive in it, and the message of an
//! import that stopped says how many rows are stored.

mod args;
mod bad_row;
mod cell;
mod column_types;
mod csv_records;
#[cfg(test)]
mod csv_records_tests;
mod csv_rows;
mod input;
mod load;
mod mapping;
mod ndjson_rows;
mod progress;
mod row;
mod rows;
mod table;
#[cfg(test)]
mod tests;
mod time_format;
#[cfg(test)]
mod time_format_tests;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use annals_client::{Client, ColumnType, Event};
use anyhow::Context;
use indicatif::HumanCount;

use self::column_types::TypeSource;
use self::load::{Target, load};
use self::mapping::Mapping;
use self::progress::Progress;
use self::rows::{ReadReport, read_rows};
use crate::connect::block_on;
use crate::output::printable_lines;
use crate::size_argument::counted;

pub(crate) use args::Args;
pub(crate) use input::Input;

/// Bytes of one row as it is written: an event of 3 MiB in base64 or escaped fits, and a file whose rows never end
/// does not fill the memory.
const ROW_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let inputs = args.inputs();
    if args.dry_run {
        return dry_run(args, &inputs);
    }
    block_on(async {
        let client = args.server.connect().await?;
        let done = import(&client, args, inputs).await?;
        writeln!(io::stderr(), "{}", printable_lines(&done)).context("writing what was done")
    })
}

/// Imports `inputs` as the arguments say; what was done, in words.
///
/// # Errors
/// When a row is bad, an input can't be read, or the server refuses.
pub(crate) async fn import(client: &Client, args: &Args, inputs: Vec<Input>) -> anyhow::Result<String> {
    let mut types = args.types();
    let is_there = table::look_up(client, &args.table, &mut types, args.create).await?;
    let progress = Progress::new(inputs.iter().map(Input::size).sum());
    let mapping = Mapping::new(args.columns(), types);
    // Made with the first event: an import that fails before leaves no table.
    let shards = (!is_there).then_some(args.shards);
    let target = Target { client, table: &args.table, to_make: shards };
    let report = load(target, inputs, args.read_options(), mapping, &progress).await?;
    let mut done = format!("imported {} into {}", progress.finish(report.events), args.table);
    tell_of_bad_rows(&mut done, &report.read);
    tell_of_no_rows(&mut done, &report.read);
    tell_of_times(&mut done, &report.mapping);
    // Without rows nobody knows which columns they would have had, but for a header, which was looked at.
    if report.read.rows > 0
        && let Some(problem) = report.mapping.unmet_problem()
    {
        anyhow::bail!("{done}, but {problem}");
    }
    Ok(done)
}

/// The events that an import of `inputs` would send.
///
/// # Errors
/// When a row is bad or an input can't be read.
pub(crate) fn events_of(args: &Args, inputs: &[Input]) -> anyhow::Result<Vec<Event>> {
    events_into(args, inputs, &[])
}

/// The events that an import of `inputs` would send to a table that has these columns.
///
/// # Errors
/// As above.
pub(crate) fn events_into(args: &Args, inputs: &[Input], columns: &[(&str, ColumnType)]) -> anyhow::Result<Vec<Event>> {
    let mut types = args.types();
    for (name, column_type) in columns {
        types.set(&Arc::from(*name), *column_type, TypeSource::Table);
    }
    let mut mapping = Mapping::new(args.columns(), types);
    let mut events = Vec::new();
    read_rows(inputs, &args.read_options(), &mut mapping, &Arc::default(), |batch| {
        events.extend(batch.events);
        true
    })?;
    Ok(events)
}

/// Reads everything as an import would and shows what it would store.
fn dry_run(args: &Args, inputs: &[Input]) -> anyhow::Result<()> {
    let mut mapping = Mapping::new(args.columns(), args.types());
    let mut events = 0;
    let report = read_rows(inputs, &args.read_options(), &mut mapping, &Arc::default(), |batch| {
        events += batch.events.len() as u64;
        true
    })?;
    if report.rows > 0
        && let Some(problem) = mapping.unmet_problem()
    {
        anyhow::bail!(problem);
    }
    let mut told = format!("{} would be imported into {}", counted(events, "event"), args.table);
    for (name, column_type, source) in mapping.types().sorted() {
        let source = match source {
            TypeSource::Given => "given",
            TypeSource::Table => "as in the table",
            TypeSource::Sampled => "by the first rows",
            TypeSource::FirstCell => "by its first cell",
        };
        let _ = write!(told, "\n  {name}: {column_type} ({source})");
    }
    tell_of_bad_rows(&mut told, &report);
    tell_of_no_rows(&mut told, &report);
    tell_of_times(&mut told, &mapping);
    writeln!(io::stderr(), "{}", printable_lines(&told)).context("writing what was found")
}

// Writing to a string does not fail.
fn tell_of_bad_rows(told: &mut String, report: &ReadReport) {
    if report.bad_rows == 0 {
        return;
    }
    let (bad, all) = (HumanCount(report.bad_rows), HumanCount(report.rows));
    let _ = write!(told, "\n{bad} of {all} rows were bad and left out:");
    for bad in &report.shown_bad_rows {
        let _ = write!(told, "\n  {bad}");
    }
    let more = report.bad_rows - report.shown_bad_rows.len() as u64;
    if more > 0 {
        let _ = write!(told, "\n  and {} more", HumanCount(more));
    }
}

fn tell_of_no_rows(told: &mut String, report: &ReadReport) {
    if report.rows == 0 {
        told.push_str(if report.headers > 0 { "\nthe input has a header and no rows" } else { "\nthe input is empty" });
    }
}

/// Seconds that are taken for milliseconds, or those for microseconds, are times all the same.
fn tell_of_times(told: &mut String, mapping: &Mapping) {
    if mapping.has_suspicious_times() {
        told.push_str("\nall times lie in January 1970; is the unit right? --time-format gives it");
    }
}
