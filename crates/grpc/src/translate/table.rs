//! Tables as they are described.

use annals_engine::{ShardStats, TableStats};
use annals_model::{EventTime, LearnedColumn, SchemaMode, Sharding};
use annals_service::DescribedTable;
use annals_wire::v1;
use bytes::Bytes;

use super::{column, duration, retention};

pub(crate) fn table(DescribedTable { table, stats }: &DescribedTable) -> v1::Table {
    let definition = &table.definition;
    v1::Table {
        name: definition.name.to_string(),
        shard_count: definition.shard_count.get(),
        columns: table.schema.columns().iter().map(learned_column).collect(),
        schema_mode: match definition.schema_mode {
            SchemaMode::Open => v1::SchemaMode::Open,
            SchemaMode::Strict => v1::SchemaMode::Strict,
        }
        .into(),
        retention: retention::to_wire(&definition.retention),
        create_time_unix_nanos: table.created.unix_nanos(),
        stats: Some(table_stats(stats)),
        sharding: match definition.sharding {
            Sharding::Hash => v1::Sharding::Hash,
            Sharding::Explicit => v1::Sharding::Explicit,
        }
        .into(),
        deletion_protection: definition.deletion_protection,
        table_id: Bytes::copy_from_slice(table.id.as_bytes()),
        max_lateness: definition.lateness_max.map(duration::to_wire),
        value_format: v1::ValueFormat::Unspecified.into(),
    }
}

fn learned_column(learned: &LearnedColumn) -> v1::Column {
    column::to_wire(&learned.column)
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
