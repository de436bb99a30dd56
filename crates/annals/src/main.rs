//! Annals, a wide-column event store: the server and every command in one binary.
//!
//! `cli` says which commands there are; each has a file of its own with its arguments and its `run`. A command writes
//! data to stdout and everything else to stderr; how it ended is its exit code, and `failure` lists those.

mod allocator;
mod append;
mod bench;
mod cli;
mod closed_store;
mod completions;
mod connect;
mod count;
mod demo;
mod double;
mod exact_time;
mod failure;
mod foreign_format;
mod import;
mod in_process;
mod info;
mod inspect;
mod interrupt;
mod json_members;
mod memory_limit;
mod output;
mod partitions;
mod plot;
#[cfg(test)]
mod round_trip_tests;
mod scan;
mod selection;
mod serve;
mod size_argument;
mod span_text;
mod table;
mod tail;
mod terminal;
mod time_argument;
mod token_argument;
mod verify;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    if cli.command.runs_server() {
        allocator::set_for_server();
    }
    match cli.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
