//! `annals table list`: the tables, by name.

use super::shown::{ages_and_bytes, table_object};
use crate::connect::{ServerArgs, block_on};
use crate::output::{FormArgs, TextTable, write_json};
use crate::size_argument::{ByteSize, grouped};
use crate::terminal::{Stream, note};

/// Its arguments.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Only tables of this keyspace.
    keyspace: Option<String>,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let tables = block_on(async { Ok(args.server.connect().await?.tables(args.keyspace.as_deref()).await?) })?;
    let mut out = std::io::stdout();
    if args.form.json() {
        return tables.iter().try_for_each(|table| write_json(&mut out, &table_object(table)));
    }
    if tables.is_empty() {
        note("no tables; `annals table create KEYSPACE.TABLE` makes one");
        return Ok(());
    }
    let header = ["table", "events", "partitions", "on disk", "shards", "columns", "retention"];
    let mut shown = TextTable::new(Stream::of_stdout(), header);
    shown.align_right(1..6);
    for table in &tables {
        let stats = table.stats.clone().unwrap_or_default();
        shown.add_row([
            table.name.clone(),
            grouped(stats.event_count),
            grouped(stats.partition_count),
            ByteSize(stats.stored_bytes).to_string(),
            table.shard_count.to_string(),
            table.columns.len().to_string(),
            ages_and_bytes(table.retention.as_ref()),
        ]);
    }
    shown.write(&mut out)
}
