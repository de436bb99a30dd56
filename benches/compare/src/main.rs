//! Annals beside what a user would pick instead: the same events and the same work, on one machine in one run.
//!
//! Each peer is installed into a cache and started, on loopback, by a script of its own with its configuration beside
//! it (`peers/NAME`), does each work, is stopped by its process id, and its data is removed. Rounds go through all
//! peers in turn, so that a slow quarter of an hour of the machine falls on all of them; the table has medians. A peer
//! that fails is named with the reason, and the others are measured all the same.
//!
//! It compares what a client of each store gets; it does not tune the peers beyond what their files in `peers/` say.

mod args;
mod driver;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the file is that of `annals bench`: the same events for the same seed")
)]
#[path = "../../../crates/annals/src/bench/source.rs"]
mod events;
mod figure;
mod install;
mod machine;
mod peer;
mod peers;
mod report;
mod results;
mod rounds;
mod server;
mod work;

use std::fs;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use args::Args;
use results::Results;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut results = Results::new(args.works());
    let peers = install::all(&args, &mut results)?;
    if args.install_only {
        return Ok(());
    }
    // What was measured is told even when the rest is cut short. Dropping the rounds kills the server that runs.
    let mut terminated = signal(SignalKind::terminate())?;
    let outcome = tokio::select! {
        outcome = rounds::run(&args, &peers, &mut results) => outcome,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted: these are the rounds up to then")),
        _ = terminated.recv() => Err(anyhow::anyhow!("terminated: these are the rounds up to then")),
    };
    println!("{}", report::markdown(&args, &results));
    if let Some(path) = &args.json {
        fs::write(path, report::json(&args, &results)).with_context(|| format!("writing {}", path.display()))?;
    }
    outcome
}
