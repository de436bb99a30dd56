//! The commands, by name. What each takes and does stands in its own module.

use clap::{Parser, Subcommand};

use crate::{
    append, bench, completions, count, demo, import, info, inspect, partitions, plot, scan, serve, table, tail, verify,
};

/// Keeps immutable events in partitions ordered by time, serves them by time range, and hands them on in the order
/// in which they arrived.
#[derive(Parser)]
#[command(name = "annals", version, max_term_width = 120, after_help = crate::failure::EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One of the commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a server.
    Serve(serve::Args),
    /// Make, list, describe, change and drop tables.
    Table(table::Args),
    /// Append events written as JSON.
    Append(append::Args),
    /// Append the records of CSV or NDJSON files as events.
    Import(import::Args),
    /// Read a time range, in time order.
    Scan(scan::Args),
    /// Follow a table in arrival order.
    Tail(tail::Args),
    /// Count events and partitions.
    Count(count::Args),
    /// List partitions with their time bounds.
    Partitions(partitions::Args),
    /// Draw a scan's events over time in the terminal.
    Plot(plot::Args),
    /// Show the store at work on a week of real flights.
    Demo(demo::Args),
    /// Measure how fast a server appends, scans and tails.
    Bench(bench::Args),
    /// Read and check every byte of a closed store.
    Verify(verify::Args),
    /// Show what the files of a closed store hold.
    Inspect(inspect::Args),
    /// Show what a server is, and its limits.
    Info(info::Args),
    /// Print a shell's completions for these commands.
    Completions(completions::Args),
}

impl Command {
    /// Whether it runs a server in this process, or may.
    pub(crate) fn runs_server(&self) -> bool {
        matches!(self, Self::Serve(_) | Self::Demo(_) | Self::Bench(_))
    }

    /// Runs the command to its end.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Serve(args) => serve::run(&args),
            Self::Table(args) => table::run(&args),
            Self::Append(args) => append::run(&args),
            Self::Import(args) => import::run(&args),
            Self::Scan(args) => scan::run(&args),
            Self::Tail(args) => tail::run(&args),
            Self::Count(args) => count::run(&args),
            Self::Partitions(args) => partitions::run(&args),
            Self::Plot(args) => plot::run(&args),
            Self::Demo(args) => demo::run(&args),
            Self::Bench(args) => bench::run(&args),
            Self::Verify(args) => verify::run(&args),
            Self::Inspect(args) => inspect::run(&args),
            Self::Info(args) => info::run(&args),
            Self::Completions(args) => completions::run(&args),
        }
    }
}
