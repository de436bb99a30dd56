//! Which form events are written in.

use clap::ValueEnum;

use crate::terminal::Stream;

/// The form of events on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Rows under column names, for people
    Table,
    /// A line for each event, its columns as name=value, for people who watch
    Lines,
    /// A JSON object for each event, for programs; `annals append` takes it back
    Ndjson,
    /// Comma-separated values, for spreadsheets; an empty field is a column that the event does not have, "" an empty
    /// text; `annals import` takes it back
    Csv,
}

/// The arguments of commands that write an answer and no events.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct FormArgs {
    /// Write JSON, an object a line, also on a terminal; elsewhere that is how it is written anyway.
    #[arg(long)]
    json: bool,
    /// Write for people, also where stdout is no terminal.
    #[arg(long, conflicts_with = "json")]
    text: bool,
}

impl FormArgs {
    /// Whether JSON is wanted: by the flag, or because no person looks.
    pub(crate) fn json(self) -> bool {
        self.json || !(self.text || Stream::of_stdout().is_terminal())
    }
}

/// The arguments of commands that write events.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct FormatArgs {
    /// How to write the events. Left out: for people on a terminal, ndjson elsewhere.
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Short for --format ndjson.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl FormatArgs {
    /// What was asked for, else `for_people` on a terminal, else NDJSON.
    pub(crate) fn or(self, for_people: Format) -> Format {
        let default = if Stream::of_stdout().is_terminal() { for_people } else { Format::Ndjson };
        if self.json { Format::Ndjson } else { self.format.unwrap_or(default) }
    }
}
