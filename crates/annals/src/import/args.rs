//! What `annals import` takes, and what it makes of it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use annals_client::ColumnType;
use annals_model::TableName;
use clap::Parser;

use super::column_types::ColumnTypes;
use super::input::{Format, Input};
use super::mapping::Columns;
use super::rows::ReadOptions;
use super::time_format::{RepeatedTime, TimeFormat, TimeReader, Zone};
use crate::connect::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  annals import flights.nyc flights.csv.gz --key carrier,flight --time time_hour --null NA --create
  annals import shop.orders orders.ndjson --key customer --time at --time-format ms --type order=int64
  zcat log.csv.gz | annals import ops.log --key host --time t --time-format '%d/%m/%Y %H:%M:%S' --time-zone Europe/Zurich
  annals scan shop.orders -o csv | annals import shop.copy \\
    --key key --time time --id id --exclude shard,sequence,commit_time

A cell is stored as it is written, or its row is bad. Decimals go to the nearest double where a column was given or has \
that type; otherwise digits that a double would lose make the column text. Bytes are base64, with base64: before it or \
without. In CSV an empty field is null, \"\" is an empty text in a column of text and null elsewhere, a quote inside of \
quotes is written twice, and nothing stands behind the quote that closes a field. In NDJSON nested values are stored as \
text, as they are written.
";

/// Its arguments.
#[derive(clap::Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The table, as keyspace.table.
    pub(super) table: TableName,
    /// CSV or NDJSON files, plain or gzipped, read one after another; - is stdin, and so is none.
    files: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) server: ServerArgs,
    /// Makes the table if there is none of that name.
    #[arg(long)]
    pub(super) create: bool,
    /// The shards of the table that --create makes.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "create")]
    pub(super) shards: u32,
    /// Reads and checks everything and sends nothing.
    #[arg(long)]
    pub(super) dry_run: bool,

    /// The column that is the partition key; of several, joined by --key-separator. In one column a key that is not text
    /// is written base64:AAEC.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', required = true, help_heading = "Key and time")]
    key: Vec<String>,
    /// What stands between the parts of a key.
    #[arg(long, value_name = "TEXT", default_value = "/", help_heading = "Key and time")]
    key_separator: String,
    /// The column that is the event's time; of several, joined by a space. Left out: the time of the import.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', help_heading = "Key and time")]
    time: Vec<String>,
    /// How times are written: rfc3339, a number of s, ms, us or ns since 1970, or a pattern of strftime (%.f reads the
    /// decimals of a second; %Z is not read). With more than nine decimals of a second, or a second 60, a row is bad.
    #[arg(long, value_name = "FORMAT", default_value = "rfc3339", help_heading = "Key and time")]
    time_format: TimeFormat,
    /// The zone of times that have no offset: UTC, +01:00, or a name like `America/New_York`.
    #[arg(long, value_name = "ZONE", default_value = "UTC", allow_hyphen_values = true, help_heading = "Key and time")]
    time_zone: Zone,
    /// Which of the two is meant where the zone's clocks showed a time twice. Left out: such a row is bad.
    #[arg(long, value_name = "WHICH", help_heading = "Key and time")]
    repeated_time: Option<RepeatedTime>,
    /// The column that is the event's id, a UUID. Left out, or empty in a row: the server makes one.
    #[arg(long, value_name = "COLUMN", help_heading = "Key and time")]
    id: Option<String>,
    /// Stores the columns of key, time and id as cells as well.
    #[arg(long, help_heading = "Key and time")]
    keep_mapped: bool,

    /// Stores only these columns.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', help_heading = "Columns")]
    columns: Vec<String>,
    /// Does not store these columns.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', help_heading = "Columns")]
    exclude: Vec<String>,
    /// Stores a column under another name.
    #[arg(long, value_name = "OLD=NEW,…", value_delimiter = ',', value_parser = parse_rename, help_heading = "Columns")]
    rename: Vec<(String, String)>,
    /// The type of a column, by the name under which it is stored: bool, int64, double, string, bytes (base64),
    /// timestamp or uuid; timestamp:ms and so on for times written in another way. Left out: the type that the table's
    /// column has, else the one that the first rows agree on, with double for every number.
    #[arg(long = "type", value_name = "COLUMN=TYPE,…", value_delimiter = ',', value_parser = parse_type, help_heading = "Columns")]
    types: Vec<GivenType>,
    /// A text that means null, besides CSV's empty field. May be given several times.
    #[arg(long = "null", value_name = "TEXT", help_heading = "Columns")]
    null_texts: Vec<String>,

    /// The format. Left out: told by the first bytes.
    #[arg(long, help_heading = "Rows")]
    format: Option<Format>,
    /// What stands between the fields of CSV; \t for a tab.
    #[arg(long, value_name = "CHAR", default_value = ",", value_parser = parse_delimiter, help_heading = "Rows")]
    delimiter: u8,
    /// The columns of CSV files that have no header line.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', help_heading = "Rows")]
    header: Option<Vec<String>>,
    /// Leaves out the first line of each CSV file: --header takes its place.
    #[arg(long, requires = "header", help_heading = "Rows")]
    skip_header: bool,
    /// Leaves out so many rows at the start: goes on after an import that stopped.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Rows")]
    skip_rows: u64,
    /// Reads at most so many rows.
    #[arg(long, value_name = "N", help_heading = "Rows")]
    rows: Option<u64>,
    /// Leaves out up to so many bad rows, and reports them.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Rows")]
    skip_bad: u64,
    /// How many rows at the start of the input tell the columns' types; of a pipe, at most those of the first half
    /// second.
    #[arg(long, value_name = "N", default_value_t = 1000, help_heading = "Rows")]
    sample: usize,
}

/// The arguments alone, as a command line.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// A column's type as it was given.
#[derive(Clone, Debug)]
struct GivenType {
    column: String,
    column_type: ColumnType,
    time_format: Option<TimeFormat>,
}

impl Args {
    /// The arguments that these words give, as if typed after `annals import`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn of_words(words: &str) -> anyhow::Result<Self> {
        Ok(Line::try_parse_from(std::iter::once("import").chain(words.split_whitespace()))?.args)
    }

    /// The inputs, in order.
    pub(super) fn inputs(&self) -> Vec<Input> {
        if self.files.is_empty() {
            return vec![Input::Stdin];
        }
        self.files.iter().cloned().map(Input::from_argument).collect()
    }

    /// How they are read.
    pub(super) fn read_options(&self) -> ReadOptions {
        ReadOptions {
            format: self.format,
            delimiter: self.delimiter,
            header: self.header.clone(),
            skip_header: self.skip_header,
            skip_rows: self.skip_rows,
            rows_max: self.rows.unwrap_or(u64::MAX),
            sample_rows: self.sample,
            skip_bad_max: self.skip_bad,
        }
    }

    /// What their columns are for.
    pub(super) fn columns(&self) -> Columns {
        let set = |names: &[String]| names.iter().cloned().collect::<HashSet<_>>();
        Columns {
            key: self.key.clone(),
            key_separator: self.key_separator.clone(),
            time: self.time.clone(),
            times: self.time_reader(self.time_format.clone()),
            id: self.id.clone(),
            only: (!self.columns.is_empty()).then(|| set(&self.columns)),
            except: set(&self.exclude),
            renamed: self.rename.iter().cloned().collect::<HashMap<_, _>>(),
            null_texts: set(&self.null_texts),
            keep_mapped: self.keep_mapped,
        }
    }

    /// The types that were given. Timestamps among the cells are calendar times in the zone that was given.
    pub(super) fn types(&self) -> ColumnTypes {
        let mut types = ColumnTypes::new(self.time_reader(TimeFormat::Calendar));
        for given in &self.types {
            let times = given.time_format.clone().map(|format| self.time_reader(format));
            types.give(&Arc::from(given.column.as_str()), given.column_type, times);
        }
        types
    }

    fn time_reader(&self, format: TimeFormat) -> TimeReader {
        TimeReader { format, zone: self.time_zone, repeated: self.repeated_time }
    }
}

fn parse_rename(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("write OLD=NEW".to_owned()),
    }
}

fn parse_type(text: &str) -> Result<GivenType, String> {
    const HELP: &str =
        "write COLUMN=TYPE with one of bool, int64, double, string, bytes, timestamp, uuid, or timestamp:FORMAT";
    let (column, type_text) = text.rsplit_once('=').filter(|(column, _)| !column.is_empty()).ok_or(HELP)?;
    let (name, time_format) = match type_text.split_once(':') {
        Some(("timestamp", format)) => ("timestamp", Some(format.parse::<TimeFormat>()?)),
        _ => (type_text, None),
    };
    let column_type = match name {
        "bool" => ColumnType::Bool,
        "int64" => ColumnType::Int64,
        "double" => ColumnType::Double,
        "string" => ColumnType::String,
        "bytes" => ColumnType::Bytes,
        "timestamp" => ColumnType::Timestamp,
        "uuid" => ColumnType::Uuid,
        _ => return Err(HELP.to_owned()),
    };
    Ok(GivenType { column: column.to_owned(), column_type, time_format })
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        _ if text == "\\t" => Ok(b'\t'),
        [byte] if !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err("write one ASCII character, or \\t for a tab".to_owned()),
    }
}
