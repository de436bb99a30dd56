//! `annals count`: how many events and partitions a scan would return.

use annals_client::Counted;
use serde_json::json;

use crate::connect::{ServerArgs, block_on};
use crate::output::{FormArgs, write_json, write_text};
use crate::selection::SelectionArgs;
use crate::size_argument::counted;

/// Its arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let scan = args.selection.to_scan()?;
    let Counted { events, partitions } = block_on(async { Ok(args.server.connect().await?.count(scan).await?) })?;
    if args.form.json() {
        return write_json(&mut std::io::stdout(), &json!({"events": events, "partitions": partitions}));
    }
    write_text(&format!("{} in {}", counted(events, "event"), counted(partitions, "partition")))
}
