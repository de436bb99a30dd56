//! How a command that failed says so, and the exit codes.
//!
//! One paragraph on stderr: what happened, then what to do. A closed pipe (`annals scan … | head`) is no failure: the
//! reader has what it wanted.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::terminal::Stream;

/// The exit codes, as the help shows them.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 no server answers, \
4 a store is damaged or in use.";

/// Writes the error's paragraph to stderr; the command's exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let label = if Stream::of_stderr().has_colors() { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
    // Nobody is left to tell when stderr itself can't be written.
    let _ = writeln!(io::stderr(), "{label} {error:#}");
    ExitCode::FAILURE
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
