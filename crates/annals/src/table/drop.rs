//! `annals table drop`: remove a table with all its events, after asking.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, ensure};

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
            confirm(&args.name, events)?;
        }
        client.drop_table(&args.name).await?;
        note(&format!("table {} is dropped", args.name));
        Ok(())
    })
}

/// Lets a person type the table's name; without a person, refuses.
fn confirm(name: &str, events: u64) -> anyhow::Result<()> {
    ensure!(
        std::io::stdin().is_terminal(),
        "dropping {name} removes its {} for good; say --yes where nobody can be asked",
        counted(events, "event")
    );
    let mut screen = std::io::stderr();
    write!(
        screen,
        "This removes {name} and its {} for good. Type the table's name to go on: ",
        counted(events, "event")
    )
    .and_then(|()| screen.flush())
    .context("asking")?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).context("reading the answer")?;
    ensure!(typed.trim() == name, "that is not the table's name; nothing was dropped");
    Ok(())
}
