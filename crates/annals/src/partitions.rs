//! `annals partitions`: the partitions of a table, by key, with their time bounds.

use std::io::{BufWriter, Write};

use annals_client::EventTime;
use annals_client::proto::PartitionStats;
use anyhow::Context;
use futures_util::StreamExt;
use serde_json::json;

use crate::connect::{ServerArgs, block_on};
use crate::output::{FormArgs, TextTable, key_from_text, key_to_text};
use crate::size_argument::grouped;
use crate::terminal::{Stream, note};

/// Its arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The table, as keyspace.table.
    table: String,
    /// Only keys that begin with this.
    #[arg(value_parser = key_from_text, default_value = "", hide_default_value = true)]
    prefix: KeyBytes,
    /// At most so many partitions.
    #[arg(long, short = 'n', value_name = "PARTITIONS")]
    limit: Option<usize>,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// A key's bytes; an alias, because clap takes a plain `Vec<u8>` for a list of numbers.
type KeyBytes = Vec<u8>;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    block_on(async {
        let client = args.server.connect().await?;
        let mut pages = client.partitions(&args.table, args.prefix.clone());
        let mut out = BufWriter::new(std::io::stdout());
        let mut left = args.limit.unwrap_or(usize::MAX);
        let mut listed = 0_usize;
        while left > 0
            && let Some(page) = pages.next().await
        {
            let mut page = page?;
            page.truncate(left);
            left -= page.len();
            listed += page.len();
            let written = if args.form.json() { write_objects(&page, &mut out) } else { write_table(&page, &mut out) };
            written?;
            out.flush().context("writing the partitions")?;
        }
        if listed == 0 && !args.form.json() {
            note("no partition matches");
        }
        Ok(())
    })
}

fn time_text(nanos: Option<i64>) -> Option<String> {
    nanos.map(|nanos| EventTime::from_unix_nanos(nanos).to_string())
}

fn write_objects(page: &[PartitionStats], out: &mut impl Write) -> anyhow::Result<()> {
    for one in page {
        let object = json!({
            "key": key_to_text(&one.partition_key),
            "token": one.token,
            "events": one.event_count,
            "min_time": time_text(one.min_time_unix_nanos),
            "max_time": time_text(one.max_time_unix_nanos),
            "last_sequence": one.last_sequence,
        });
        writeln!(out, "{object}").context("writing the partitions")?;
    }
    Ok(())
}

fn write_table(page: &[PartitionStats], out: &mut impl Write) -> anyhow::Result<()> {
    if page.is_empty() {
        return Ok(());
    }
    let mut table = TextTable::new(Stream::of_stdout(), ["key", "events", "first", "last", "last sequence"]);
    table.align_right([1, 4]);
    for one in page {
        table.add_row([
            key_to_text(&one.partition_key).into_owned(),
            grouped(one.event_count),
            time_text(one.min_time_unix_nanos).unwrap_or_default(),
            time_text(one.max_time_unix_nanos).unwrap_or_default(),
            one.last_sequence.to_string(),
        ]);
    }
    table.write(out)
}
