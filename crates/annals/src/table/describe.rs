//! `annals table describe`: a table's definition, columns and shards.

use super::shown::show_table;
use crate::connect::{ServerArgs, block_on};
use crate::output::FormArgs;

/// Its arguments.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The table, as keyspace.table.
    name: String,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let table = block_on(async { Ok(args.server.connect().await?.table(&args.name).await?) })?;
    show_table(&table, args.form.json())
}
