//! `annals import`: the rows of CSV or NDJSON files as events of a table.
//!
//! A row becomes one event or stops the import; with `--skip-bad` a bounded number of bad rows is left out and
//! reported. Rows are sent in their order, so that in a table of one shard they arrive in it, and the message of an
//! import that stopped says how many rows are stored.

mod args;
mod bad_row;
mod cell;
mod column_types;
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

use std::io::{self, Write};

use indicatif::HumanCount;

use self::column_types::TypeSource;
use self::load::load;
use self::mapping::Mapping;
use self::progress::Progress;
use self::rows::{ReadReport, read_rows};
use crate::connect::block_on;

pub(crate) use args::Args;

/// Bytes of one row as it is written: an event of 3 MiB in base64 or escaped fits, and a file whose rows never end
/// does not fill the memory.
const ROW_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let inputs = args.inputs();
    let sizes = inputs.iter().map(input::Input::size).sum::<Option<u64>>();
    if args.dry_run {
        return dry_run(args, &inputs);
    }
    block_on(async {
        let client = args.server.connect().await?;
        let mut types = args.types();
        if args.create {
            table::make(&client, &args.table, args.shards).await?;
        }
        table::look_up(&client, &args.table, &mut types).await?;
        let mapping = Mapping::new(args.columns(), types);
        let progress = Progress::new(sizes);
        let options = args.read_options();
        let report = load(&client, args.table.as_str(), inputs, options, mapping, &progress).await?;
        let done = progress.finish(report.events);
        let mut out = io::stderr().lock();
        writeln!(out, "imported {done} into {}", args.table)?;
        tell_of_bad_rows(&mut out, &report.read)?;
        tell_of_unmet(&mut out, &report.mapping)
    })
}

/// Reads everything as an import would and shows what it would store.
fn dry_run(args: &Args, inputs: &[input::Input]) -> anyhow::Result<()> {
    let mut mapping = Mapping::new(args.columns(), args.types());
    let mut events = 0;
    let report = read_rows(inputs, &args.read_options(), &mut mapping, &std::sync::Arc::default(), |batch| {
        events += batch.events.len() as u64;
        true
    })?;
    let mut out = io::stderr().lock();
    writeln!(out, "{} events would be imported into {}", HumanCount(events), args.table)?;
    for (name, column_type, source) in mapping.types().sorted() {
        let source = match source {
            TypeSource::Given => "given",
            TypeSource::Table => "as in the table",
            TypeSource::Sampled => "by the first rows",
            TypeSource::FirstCell => "by its first cell",
        };
        writeln!(out, "  {name}: {column_type} ({source})")?;
    }
    tell_of_bad_rows(&mut out, &report)?;
    tell_of_unmet(&mut out, &mapping)
}

fn tell_of_bad_rows(out: &mut impl Write, report: &ReadReport) -> anyhow::Result<()> {
    if report.bad_rows == 0 {
        return Ok(());
    }
    writeln!(out, "{} of {} rows were bad and left out:", HumanCount(report.bad_rows), HumanCount(report.rows))?;
    for bad in &report.shown_bad_rows {
        writeln!(out, "  {bad}")?;
    }
    let more = report.bad_rows - report.shown_bad_rows.len() as u64;
    if more > 0 {
        writeln!(out, "  and {} more", HumanCount(more))?;
    }
    Ok(())
}

/// A name that no row had is likely misspelt.
fn tell_of_unmet(out: &mut impl Write, mapping: &Mapping) -> anyhow::Result<()> {
    let unmet: Vec<_> = mapping.unmet().collect();
    if !unmet.is_empty() {
        writeln!(out, "no row had a column {}; see whether it is spelt so in the input", unmet.join(" or "))?;
    }
    Ok(())
}
