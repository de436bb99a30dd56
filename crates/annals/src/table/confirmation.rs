//! Asking before events are removed for good.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, ensure};

/// Lets a person type the table's name; without a person, refuses. `loss` says what goes, as a sentence without its end.
pub(super) fn confirm(loss: &str, name: &str) -> anyhow::Result<()> {
    ensure!(std::io::stdin().is_terminal(), "{loss}; say --yes where nobody can be asked");
    let mut screen = std::io::stderr();
    write!(screen, "{loss}. Type the table's name to go on: ").and_then(|()| screen.flush()).context("asking")?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).context("reading the answer")?;
    ensure!(typed.trim() == name, "that is not the table's name; nothing was removed");
    Ok(())
}
