//! `annals demo`: the store at work on a week of real flights through a blizzard.
//!
//! It opens a store in a folder that it names and keeps, serves it on a port of its own, and does everything through
//! that port: what it shows is what any client would get. Each part names the command that shows the same.
//!
//! The week's events have one order of arrival, and a table of one shard gives the n-th of them sequence n. So a demo
//! that was broken off goes on after the newest sequence, and one that is run again finds the week stored.

mod day;
mod flight;
mod late;
mod live;
mod page;
mod storm;
mod week;

use std::path::PathBuf;

use annals_client::Client;
use anyhow::Context;

use self::page::Page;
use crate::connect::block_on;
use crate::in_process::InProcessServer;

/// Its arguments.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The folder of the store; made if need be, and kept.
    #[arg(long, alias = "dir", value_name = "DIR", default_value = "annals-demo")]
    data: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut page = Page::new();
    let server = InProcessServer::start(&args.data)
        .with_context(|| "the demo can't begin; another folder can be named with --data".to_owned())?;
    let folder = args.data.display().to_string();
    page.title("Annals: a week of flights through a blizzard")?;
    page.text(&format!("The store lies in {folder} and is served on {} meanwhile.", server.address()))?;
    let shown = block_on(async {
        let client = Client::connect(server.address().to_string()).await?;
        show(&client, &mut page).await
    });
    // Also after a failure: what is stored is to be closed well.
    let stopped = server.stop();
    shown.and(stopped)?;
    page.farewell(&folder)
}

async fn show(client: &Client, page: &mut Page) -> anyhow::Result<()> {
    let week = week::store(client, page).await?;
    day::show(client, page).await?;
    live::show(client, page, week).await?;
    late::show(client, page).await?;
    storm::show(client, page).await
}
