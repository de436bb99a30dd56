//! How a command that failed says so, and the exit codes.
//!
//! One paragraph on stderr: what happened, then what to do. A closed pipe (`annals scan … | head`) is no failure: the
//! reader has what it wanted.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use annals_client::{Error, Reason};
use annals_model::DEFAULT_PORT;
use annals_storage::segment::ReadError;
use annals_storage::store::OpenError;
use annals_storage::{Damage, ReadFailure};

use crate::interrupt::Interruption;
use crate::output::printable_lines;
use crate::terminal::Stream;

/// The exit codes, as the help shows them.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed or refused; 2 wrong usage; 3 no server answers; \
4 the store is damaged; 130 and 143 ended by Ctrl-C or SIGTERM.";

const NO_SERVER: u8 = 3;
const DAMAGED: u8 = 4;

/// A store is not what was written. What is wrong was listed already.
#[derive(Debug)]
pub(crate) struct StoreDamaged(pub(crate) String);

impl fmt::Display for StoreDamaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreDamaged {}

/// Writes the error's paragraph to stderr; the command's exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let label = if Stream::of_stderr().has_colors() { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
    let refusal = error.chain().find_map(|cause| cause.downcast_ref::<Error>());
    let advice = refusal.and_then(advice_for).map(|advice| format!("\n  {advice}")).unwrap_or_default();
    // Nobody is left to tell when stderr itself can't be written.
    let _ = writeln!(io::stderr(), "{label} {}", printable_lines(&format!("{}{advice}", told_once(error))));
    if let Some(interruption) = error.chain().find_map(|cause| cause.downcast_ref::<Interruption>()) {
        return ExitCode::from(interruption.exit_code());
    }
    ExitCode::from(match refusal {
        Some(Error::Connect { .. }) => NO_SERVER,
        Some(Error::Refused(fault)) if fault.reason == Reason::StoreDamaged => DAMAGED,
        _ if error.chain().any(is_damage) => DAMAGED,
        _ => 1,
    })
}

/// The error and its causes, each told once: some name their own cause in their text.
fn told_once(error: &anyhow::Error) -> String {
    let mut told = String::new();
    let mut last = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let rest = if last.is_empty() { None } else { text.strip_prefix(&last) };
        match rest {
            _ if told.is_empty() => told.push_str(&text),
            Some(rest) => told.push_str(rest),
            None if told.contains(&text) => {}
            None => {
                told.push_str(": ");
                told.push_str(&text);
            }
        }
        last = text;
    }
    told
}

fn is_damage(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<StoreDamaged>()
        || cause.is::<Damage>()
        || matches!(cause.downcast_ref(), Some(OpenError::Damaged(_)))
        || matches!(cause.downcast_ref(), Some(ReadFailure::Damaged(_)))
        || matches!(cause.downcast_ref(), Some(ReadError::Damage(_)))
}

/// What a person at this command line can do, beyond what the message says.
fn advice_for(error: &Error) -> Option<String> {
    Some(match error {
        Error::Connect { .. } => format!(
            "Start a server with `annals serve --data DIR` (it listens on 127.0.0.1:{DEFAULT_PORT}), or name another \
             with --server HOST:PORT or ANNALS_SERVER."
        ),
        Error::Refused(fault) => {
            let advice = advice_for_reason(fault.reason);
            // The message names the first; a person wants the others as well.
            let others = fault.violations.iter().skip(1);
            let mut lines: Vec<String> = others.map(|one| format!("{}: {}", one.field, one.description)).collect();
            lines.extend(advice.map(str::to_owned));
            return (!lines.is_empty()).then(|| lines.join("\n  "));
        }
        Error::OutcomeUnknown(_) => {
            "Look with `annals scan` or `annals tail --start -1m` what is stored before appending again.".to_owned()
        }
        Error::Broken(_) => "Try again; if it stays, look at the server's log.".to_owned(),
        Error::Address { .. } | Error::Foreign { .. } | Error::Protocol(_) => return None,
    })
}

fn advice_for_reason(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::TableNotFound => Some("`annals table list` shows the tables, `annals table create NAME` makes one."),
        Reason::PartitionNotFound => Some("`annals partitions TABLE [PREFIX]` lists the keys."),
        Reason::UnknownColumn | Reason::ColumnTypeMismatch => {
            Some("`annals table describe TABLE` shows the columns and their types.")
        }
        Reason::TableProtected => Some("`annals table update NAME --protect false` clears the protection."),
        Reason::ScopeChanged => Some("--allow-scope-change takes the token all the same."),
        Reason::EventsRemoved => {
            Some("`annals table describe TABLE` shows the oldest sequences; --start earliest begins there.")
        }
        Reason::StoreDamaged => Some("Stop the server and run `annals verify DIR`."),
        _ => None,
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = |texts: &[&str]| {
            let mut texts = texts.iter().rev().map(|text| (*text).to_owned());
            let first = anyhow::Error::msg(texts.next().expect("a cause"));
            texts.fold(first, anyhow::Error::context)
        };
        assert_eq!(told_once(&error(&["a", "b", "c"])), "a: b: c");
        assert_eq!(told_once(&error(&["reading x: no such file", "no such file"])), "reading x: no such file");
        assert_eq!(told_once(&error(&["x", "x: y", "y"])), "x: y");
    }
}
