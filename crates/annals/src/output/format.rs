//! Which form events are written in.

use clap::ValueEnum;

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

/// The arguments of commands that write events.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct FormatArgs {
    /// How to write the events.
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Short for --format ndjson.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl FormatArgs {
    /// What was asked for, else `default`.
    pub(crate) fn or(self, default: Format) -> Format {
        if self.json { Format::Ndjson } else { self.format.unwrap_or(default) }
    }
}
