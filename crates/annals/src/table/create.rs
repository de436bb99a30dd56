//! `annals table create`: make a table.

use annals_client::proto::{CreateTableRequest, Retention, SchemaMode, Sharding, Table};
use clap::ValueEnum;

use super::shown::show_table;
use super::{ColumnArgument, proto_span, span_of};
use crate::connect::{ServerArgs, block_on};
use crate::output::FormArgs;
use crate::size_argument::ByteSize;

/// Its arguments.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  annals table create flights.events
  annals table create sensors.readings --shards 4 --column value:double --strict --retention-age 30d")]
pub(super) struct Args {
    /// The table, as keyspace.table.
    name: String,
    /// How many arrival orders the table has, 1 to 256; can't be changed later.
    #[arg(long, default_value_t = 1)]
    shards: u32,
    /// Who chooses an event's shard; can't be changed later.
    #[arg(long, value_enum, default_value_t = ShardingArgument::Hash)]
    sharding: ShardingArgument,
    /// Declare a column; may be given several times.
    #[arg(long, value_name = "NAME:TYPE")]
    column: Vec<ColumnArgument>,
    /// Take declared columns only; without it a new column takes the type of its first cell.
    #[arg(long)]
    strict: bool,
    /// Remove events this long after they were stored, for example 30d.
    #[arg(long, value_name = "SPAN", value_parser = span_of)]
    retention_age: Option<std::time::Duration>,
    /// Remove the oldest events once the table takes more than this on disk, for example 10GiB.
    #[arg(long, value_name = "BYTES")]
    retention_bytes: Option<ByteSize>,
    /// How late an event may come and still not hold back the low watermark.
    #[arg(long, value_name = "SPAN", value_parser = span_of)]
    max_lateness: Option<std::time::Duration>,
    /// Refuse to drop the table, or to remove events at once, until `table update --protect false`.
    #[arg(long)]
    protect: bool,
    /// Be content if the table is there and agrees with these arguments.
    #[arg(long)]
    if_not_exists: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ShardingArgument {
    /// The hash of its partition key
    Hash,
    /// The appender
    Explicit,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let retention = match (args.retention_age, args.retention_bytes) {
        (None, None) => None,
        (age, bytes) => Some(Retention {
            max_age: age.map(proto_span).transpose()?,
            max_bytes: bytes.map_or(0, |size| size.0),
            ..Retention::default()
        }),
    };
    let table = Table {
        name: args.name.clone(),
        shard_count: args.shards,
        columns: args.column.iter().map(Into::into).collect(),
        schema_mode: if args.strict { SchemaMode::Strict } else { SchemaMode::Open }.into(),
        retention,
        sharding: match args.sharding {
            ShardingArgument::Hash => Sharding::Hash,
            ShardingArgument::Explicit => Sharding::Explicit,
        }
        .into(),
        deletion_protection: args.protect,
        max_lateness: args.max_lateness.map(proto_span).transpose()?,
        ..Table::default()
    };
    let request = CreateTableRequest { table: Some(table), if_not_exists: args.if_not_exists };
    let made = block_on(async { Ok(args.server.connect().await?.create_table(request).await?) })?;
    show_table(&made, args.form.json())
}
