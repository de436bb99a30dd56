//! `annals table drop`: remove a table with all its events, after asking.

use super::confirmation::confirm;
use crate::connect::{ServerArgs, block_on};
use crate::size_argument::counted;
use crate::terminal::note;

/// Its arguments.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The table, as keyspace.table.
    name: String,
    /// Do not ask.
    #[arg(long, short = 'y')]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    block_on(async {
        let client = args.server.connect().await?;
        if !args.yes {
            let events = client.table(&args.name).await?.stats.unwrap_or_default().event_count;
            confirm(&format!("dropping {} removes its {} for good", args.name, counted(events, "event")), &args.name)?;
        }
        client.drop_table(&args.name).await?;
        note(&format!("table {} is dropped", args.name));
        Ok(())
    })
}
