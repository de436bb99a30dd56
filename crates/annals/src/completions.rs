//! `annals completions`: a shell's completions for these commands, on stdout.

use std::io::Write;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

/// Write the completions to the file that your shell reads them from, for example:
///   annals completions bash > ~/.local/share/bash-completion/completions/annals
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "annals", &mut script);
    std::io::stdout().write_all(&script).context("writing the completions")
}
