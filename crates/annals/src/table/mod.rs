//! `annals table`: make, list, describe, change and drop tables.

mod confirmation;
mod create;
mod describe;
mod drop;
mod list;
mod shown;
mod update;

use std::str::FromStr;
use std::time::Duration;

use annals_client::ColumnType;
use annals_client::proto::{self, Column};

/// Its commands.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: TableCommand,
}

#[derive(clap::Subcommand)]
enum TableCommand {
    /// Make a table.
    Create(create::Args),
    /// List the tables.
    List(list::Args),
    /// Show a table's definition, columns and shards.
    Describe(describe::Args),
    /// Change retention, lateness or protection, or add columns.
    Update(update::Args),
    /// Remove a table with all its events.
    Drop(drop::Args),
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        TableCommand::Create(args) => create::run(args),
        TableCommand::List(args) => list::run(args),
        TableCommand::Describe(args) => describe::run(args),
        TableCommand::Update(args) => update::run(args),
        TableCommand::Drop(args) => drop::run(args),
    }
}

/// A column as `name:type`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ColumnArgument {
    name: String,
    column_type: proto::ColumnType,
}

impl FromStr for ColumnArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "write a column as name:type; types are bool, int64, double, string, bytes, timestamp, uuid";
        // The name may hold colons itself; types don't.
        let (name, type_name) = text.rsplit_once(':').ok_or(FORM)?;
        let column_type = proto::ColumnType::from_str_name(&format!("COLUMN_TYPE_{}", type_name.to_ascii_uppercase()))
            .filter(|column_type| *column_type != proto::ColumnType::Unspecified && !name.is_empty())
            .ok_or(FORM)?;
        Ok(Self { name: name.to_owned(), column_type })
    }
}

impl From<&ColumnArgument> for Column {
    fn from(column: &ColumnArgument) -> Self {
        Self { name: column.name.clone(), r#type: column.column_type.into() }
    }
}

/// The type of a column, as tables and errors name it; none for a type of a later version.
pub(crate) fn column_type_of(column: &Column) -> Option<ColumnType> {
    Some(match column.r#type() {
        proto::ColumnType::Unspecified => return None,
        proto::ColumnType::Bool => ColumnType::Bool,
        proto::ColumnType::Int64 => ColumnType::Int64,
        proto::ColumnType::Double => ColumnType::Double,
        proto::ColumnType::String => ColumnType::String,
        proto::ColumnType::Bytes => ColumnType::Bytes,
        proto::ColumnType::Timestamp => ColumnType::Timestamp,
        proto::ColumnType::Uuid => ColumnType::Uuid,
    })
}

/// A bound that can be taken away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound<T> {
    None,
    Set(T),
}

impl<T: FromStr> FromStr for Bound<T>
where
    T::Err: std::fmt::Display,
{
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            value => value.parse().map(Self::Set).map_err(|error: T::Err| error.to_string()),
        }
    }
}

/// A span as humans write it, `30d` or `1h30m`.
fn span_of(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 90s, 1h30m or 30d"))
}

fn bound_span_of(text: &str) -> Result<Bound<Duration>, String> {
    if text == "none" { Ok(Bound::None) } else { span_of(text).map(Bound::Set) }
}

fn proto_span(span: Duration) -> anyhow::Result<prost_types::Duration> {
    prost_types::Duration::try_from(span).map_err(|_| anyhow::anyhow!("{span:?} is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_name_and_a_type() {
        let column: ColumnArgument = "a:b:int64".parse().expect("a column");
        assert_eq!((column.name.as_str(), column.column_type), ("a:b", proto::ColumnType::Int64));
        for text in ["a", ":bool", "a:text", "a:unspecified", "a:"] {
            assert!(text.parse::<ColumnArgument>().is_err(), "{text}");
        }
    }
}
