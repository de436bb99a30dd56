//! Tables and partitions in the contract's words, both ways.

use std::time::Duration;

use annals_engine::{PartitionStats, ShardStats, TableStats};
use annals_model::limits::COLUMN_NAME_BYTES_MAX;
use annals_model::{Column, ColumnType, EventTime, Fault, LearnedColumn, Retention, SchemaMode, Sharding, Table};
use annals_wire::v1;
use bytes::Bytes;

use crate::faults;

pub(super) fn table(table: &Table, stats: Option<&TableStats>) -> v1::Table {
    let definition = &table.definition;
    v1::Table {
        name: definition.name.to_string(),
        shard_count: definition.shard_count.get(),
        columns: table.schema.columns().iter().map(column).collect(),
        schema_mode: match definition.schema_mode {
            SchemaMode::Open => v1::SchemaMode::Open,
            SchemaMode::Strict => v1::SchemaMode::Strict,
        }
        .into(),
        retention: (!definition.retention.keeps_everything()).then(|| v1::Retention {
            max_age: definition.retention.age_max.map(duration),
            max_bytes: definition.retention.bytes_max.unwrap_or(0),
            max_events_per_partition: 0,
        }),
        create_time_unix_nanos: table.created.unix_nanos(),
        stats: stats.map(table_stats),
        sharding: match definition.sharding {
            Sharding::Hash => v1::Sharding::Hash,
            Sharding::Explicit => v1::Sharding::Explicit,
        }
        .into(),
        deletion_protection: definition.deletion_protection,
        table_id: Bytes::copy_from_slice(table.id.as_bytes()),
        max_lateness: definition.lateness_max.map(duration),
        value_format: v1::ValueFormat::Unspecified.into(),
    }
}

fn column(learned: &LearnedColumn) -> v1::Column {
    let column_type = match learned.column.column_type {
        ColumnType::Bool => v1::ColumnType::Bool,
        ColumnType::Int64 => v1::ColumnType::Int64,
        ColumnType::Double => v1::ColumnType::Double,
        ColumnType::String => v1::ColumnType::String,
        ColumnType::Bytes => v1::ColumnType::Bytes,
        ColumnType::Timestamp => v1::ColumnType::Timestamp,
        ColumnType::Uuid => v1::ColumnType::Uuid,
    };
    v1::Column { name: learned.column.name.clone(), r#type: column_type.into() }
}

fn table_stats(stats: &TableStats) -> v1::TableStats {
    v1::TableStats {
        event_count: stats.event_count,
        partition_count: stats.partition_count,
        stored_bytes: stats.stored_bytes,
        shards: stats.shards.iter().map(shard_stats).collect(),
    }
}

fn shard_stats(stats: &ShardStats) -> v1::ShardStats {
    v1::ShardStats {
        shard: stats.shard.get(),
        first_sequence: stats.first_sequence.get(),
        last_sequence: stats.last_sequence.get(),
        min_time_unix_nanos: stats.min_time.map(EventTime::unix_nanos),
        max_time_unix_nanos: stats.max_time.map(EventTime::unix_nanos),
        low_watermark_unix_nanos: None,
    }
}

pub(super) fn partition(stats: &PartitionStats) -> v1::PartitionStats {
    v1::PartitionStats {
        partition_key: stats.key.to_bytes(),
        token: stats.token.get(),
        event_count: stats.event_count,
        min_time_unix_nanos: Some(stats.min_time.unix_nanos()),
        max_time_unix_nanos: Some(stats.max_time.unix_nanos()),
        last_sequence: stats.last_sequence.get(),
    }
}

fn duration(time: Duration) -> prost_types::Duration {
    // A table's times came from a `prost_types::Duration`, or from a file that was written from one.
    prost_types::Duration::try_from(time).unwrap_or(prost_types::Duration { seconds: i64::MAX, nanos: 0 })
}

/// A span of time that a request gives; one of no length or less is refused.
pub(super) fn parse_duration(field: &str, time: &prost_types::Duration) -> Result<Duration, Fault> {
    let checked = Duration::try_from(*time).ok().filter(|time| !time.is_zero());
    checked.ok_or_else(|| faults::invalid(field, "it is a span of time above zero; leave it out for none"))
}

pub(super) fn parse_retention(field: &str, retention: Option<&v1::Retention>) -> Result<Retention, Fault> {
    let Some(retention) = retention else { return Ok(Retention::default()) };
    if retention.max_events_per_partition > 0 {
        return Err(faults::not_supported(&format!("{field}.max_events_per_partition")));
    }
    let age_max = retention.max_age.as_ref().map(|age| parse_duration(&format!("{field}.max_age"), age));
    Ok(Retention { age_max: age_max.transpose()?, bytes_max: (retention.max_bytes > 0).then_some(retention.max_bytes) })
}

/// Columns that a request declares, each name once.
pub(super) fn parse_columns(field: &str, columns: Vec<v1::Column>) -> Result<Vec<Column>, Fault> {
    let mut seen = std::collections::HashSet::new();
    let mut parsed = Vec::with_capacity(columns.len());
    for (index, column) in columns.into_iter().enumerate() {
        let at = |part: &str| format!("{field}[{index}].{part}");
        if !(1..=COLUMN_NAME_BYTES_MAX).contains(&column.name.len()) {
            let description = format!("a name of {} bytes; it has 1 to {COLUMN_NAME_BYTES_MAX}", column.name.len());
            return Err(faults::invalid(&at("name"), description));
        }
        if !seen.insert(column.name.clone()) {
            return Err(faults::invalid(&at("name"), format!("{:?} is declared twice", column.name)));
        }
        let column_type = match v1::ColumnType::try_from(column.r#type) {
            Ok(v1::ColumnType::Bool) => ColumnType::Bool,
            Ok(v1::ColumnType::Int64) => ColumnType::Int64,
            Ok(v1::ColumnType::Double) => ColumnType::Double,
            Ok(v1::ColumnType::String) => ColumnType::String,
            Ok(v1::ColumnType::Bytes) => ColumnType::Bytes,
            Ok(v1::ColumnType::Timestamp) => ColumnType::Timestamp,
            Ok(v1::ColumnType::Uuid) => ColumnType::Uuid,
            Ok(v1::ColumnType::Unspecified) | Err(_) => {
                return Err(faults::invalid(&at("type"), "a declared column has one of the column types"));
            }
        };
        parsed.push(Column { name: column.name, column_type });
    }
    Ok(parsed)
}
