//! A table as people and programs see it.

use std::time::Duration;

use annals_client::EventTime;
use annals_client::proto::{Retention, SchemaMode, ShardStats, Sharding, Table};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::column_type_of;
use crate::output::{TextTable, printable, write_json, write_text};
use crate::size_argument::{ByteSize, counted};
use crate::span_text::span_text;
use crate::terminal::Stream;

/// Writes the table to stdout.
pub(super) fn show_table(table: &Table, json: bool) -> anyhow::Result<()> {
    if json {
        return write_json(&mut std::io::stdout(), &table_object(table));
    }
    let stats = table.stats.clone().unwrap_or_default();
    let schema = match table.schema_mode() {
        SchemaMode::Strict => "strict: declared columns only",
        SchemaMode::Open | SchemaMode::Unspecified => "open: a new column takes the type of its first cell",
    };
    let sharding = match table.sharding() {
        Sharding::Explicit => "chosen by the appender",
        Sharding::Hash | Sharding::Unspecified => "by the hash of the partition key",
    };
    let text = format!(
        "{}\n  id          {}\n  made        {}\n  events      {} in {}, {} on disk\n  shards      {}, {sharding}\n  \
         schema      {schema}\n  retention   {}\n  protected   {}",
        printable(&table.name),
        id_text(table),
        EventTime::from_unix_nanos(table.create_time_unix_nanos),
        counted(stats.event_count, "event"),
        counted(stats.partition_count, "partition"),
        ByteSize(stats.stored_bytes),
        table.shard_count,
        ages_and_bytes(table.retention.as_ref()),
        if table.deletion_protection { "yes" } else { "no" },
    );
    write_text(&text)?;
    if let Some(lateness) = span(table.max_lateness) {
        write_text(&format!("  lateness    at most {}", span_text(lateness)))?;
    }
    show_columns(table)?;
    show_shards(&stats.shards)
}

fn show_columns(table: &Table) -> anyhow::Result<()> {
    if table.columns.is_empty() {
        return Ok(());
    }
    write_text("")?;
    let mut shown = TextTable::new(Stream::of_stdout(), ["column", "type"]);
    for column in &table.columns {
        shown.add_row([column.name.clone(), type_text(column)]);
    }
    shown.write(&mut std::io::stdout())
}

fn show_shards(shards: &[ShardStats]) -> anyhow::Result<()> {
    if shards.is_empty() {
        return Ok(());
    }
    write_text("")?;
    let header = ["shard", "first sequence", "last sequence", "earliest event", "latest event"];
    let mut shown = TextTable::new(Stream::of_stdout(), header);
    shown.align_right(0..3);
    for shard in shards {
        shown.add_row([
            shard.shard.to_string(),
            shard.first_sequence.to_string(),
            shard.last_sequence.to_string(),
            time_text(shard.min_time_unix_nanos).unwrap_or_default(),
            time_text(shard.max_time_unix_nanos).unwrap_or_default(),
        ]);
    }
    shown.write(&mut std::io::stdout())
}

/// The table as a JSON object.
pub(super) fn table_object(table: &Table) -> Json {
    let stats = table.stats.clone().unwrap_or_default();
    let columns = table.columns.iter().map(|column| json!({"name": column.name, "type": type_text(column)}));
    let shards = stats.shards.iter().map(|shard| {
        json!({
            "shard": shard.shard,
            "first_sequence": shard.first_sequence,
            "last_sequence": shard.last_sequence,
            "min_time": time_text(shard.min_time_unix_nanos),
            "max_time": time_text(shard.max_time_unix_nanos),
        })
    });
    let retention = table.retention.unwrap_or_default();
    json!({
        "name": table.name,
        "table_id": id_text(table),
        "create_time": time_text(Some(table.create_time_unix_nanos)),
        "shard_count": table.shard_count,
        "sharding": if table.sharding() == Sharding::Explicit { "explicit" } else { "hash" },
        "schema_mode": if table.schema_mode() == SchemaMode::Strict { "strict" } else { "open" },
        "columns": columns.collect::<Vec<_>>(),
        "retention": {
            "max_age": span(retention.max_age).map(span_text),
            "max_bytes": (retention.max_bytes > 0).then_some(retention.max_bytes),
        },
        "max_lateness": span(table.max_lateness).map(span_text),
        "deletion_protection": table.deletion_protection,
        "events": stats.event_count,
        "partitions": stats.partition_count,
        "stored_bytes": stats.stored_bytes,
        "shards": shards.collect::<Vec<_>>(),
    })
}

/// A retention in words.
pub(super) fn ages_and_bytes(retention: Option<&Retention>) -> String {
    let retention = retention.copied().unwrap_or_default();
    let age = span(retention.max_age).map(span_text);
    let bytes = (retention.max_bytes > 0).then(|| ByteSize(retention.max_bytes).to_string());
    match (age, bytes) {
        (None, None) => "for ever".to_owned(),
        (Some(age), None) => age,
        (None, Some(bytes)) => bytes,
        (Some(age), Some(bytes)) => format!("{age}, at most {bytes}"),
    }
}

fn type_text(column: &annals_client::proto::Column) -> String {
    column_type_of(column).map_or_else(|| format!("type {}", column.r#type), |known| known.to_string())
}

fn id_text(table: &Table) -> String {
    Uuid::from_slice(&table.table_id).map(|id| id.to_string()).unwrap_or_default()
}

fn time_text(nanos: Option<i64>) -> Option<String> {
    nanos.map(|nanos| EventTime::from_unix_nanos(nanos).to_string())
}

fn span(span: Option<prost_types::Duration>) -> Option<Duration> {
    span.and_then(|span| span.try_into().ok())
}
