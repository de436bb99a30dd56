//! What the two output streams are: a person's terminal, or a file or pipe that must stay free of colours and bars.

use std::io::{IsTerminal, Write};

use crate::output::printable_lines;

/// What may be written to a stream besides plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// A file or a pipe: plain text only.
    Plain,
    /// A terminal that shall not be coloured: bars and lines fitted to its width.
    Terminal,
    /// A terminal: colours as well.
    ColorTerminal,
}

impl Stream {
    /// What stdout is; looks at `NO_COLOR` and `TERM` too.
    pub(crate) fn of_stdout() -> Self {
        Self::of(&std::io::stdout())
    }

    /// What stderr is; looks at `NO_COLOR` and `TERM` too.
    pub(crate) fn of_stderr() -> Self {
        Self::of(&std::io::stderr())
    }

    fn of(stream: &impl IsTerminal) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colors = !dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match stream.is_terminal() {
            false => Self::Plain,
            true if colors => Self::ColorTerminal,
            true => Self::Terminal,
        }
    }

    /// Whether a person looks at it.
    pub(crate) fn is_terminal(self) -> bool {
        self != Self::Plain
    }

    /// Whether colours may be used.
    pub(crate) fn has_colors(self) -> bool {
        self == Self::ColorTerminal
    }
}

/// The width of the terminal, in characters; none where there is no terminal, or one that nobody gave a size
/// (`script`, `docker run -t`): that one says 0, and the crate takes that for none.
pub(crate) fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size().map(|(width, _)| width.0)
}

/// Tells the person, on stderr, something that is no data and no error. Control characters are escaped: it may quote
/// data.
pub(crate) fn note(text: &str) {
    let text = printable_lines(text);
    let (dim, plain) = if Stream::of_stderr().has_colors() { ("\u{1b}[2m", "\u{1b}[0m") } else { ("", "") };
    // A note that can't be written is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{dim}{text}{plain}");
}
