//! Tables and partitions as operators see them.

use annals_model::{Column, EventTime, PartitionKey, Retention, Sequence, Shard, TableId, Token};
use std::time::Duration;

/// A change of a table. What is `None` stays.
#[derive(Clone, Debug)]
pub struct UpdateTable {
    /// The table.
    pub table: TableId,
    /// The revision that the change was decided on.
    pub expected_revision: u64,
    /// A new retention; takes effect at the next trim.
    pub retention: Option<Retention>,
    /// Columns to declare.
    pub add_columns: Vec<Column>,
    /// Sets or clears deletion protection.
    pub deletion_protection: Option<bool>,
    /// A new lateness.
    pub lateness_max: Option<Duration>,
}

/// What a table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableStats {
    /// Retained events.
    pub event_count: u64,
    /// Partitions with retained events; may lag behind the newest commits by a few seconds.
    pub partition_count: u64,
    /// Bytes on disk, journal left out.
    pub stored_bytes: u64,
    /// By shard.
    pub shards: Vec<ShardStats>,
}

/// What a shard holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardStats {
    /// The shard.
    pub shard: Shard,
    /// The oldest retained sequence; zero if nothing is retained.
    pub first_sequence: Sequence,
    /// The newest durable sequence; zero if there never was one.
    pub last_sequence: Sequence,
    /// The earliest event time retained.
    pub min_time: Option<EventTime>,
    /// The latest event time retained.
    pub max_time: Option<EventTime>,
}

/// What a partition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStats {
    /// The partition.
    pub key: PartitionKey,
    /// The key's token.
    pub token: Token,
    /// Retained events.
    pub event_count: u64,
    /// The earliest retained event time.
    pub min_time: EventTime,
    /// The latest retained event time.
    pub max_time: EventTime,
    /// The sequence of its last retained event; in a table with explicit sharding the highest of all shards.
    pub last_sequence: Sequence,
}

/// One page of a list of partitions, in the byte order of their keys.
#[derive(Clone, Debug)]
pub struct PartitionList {
    /// The table.
    pub table: TableId,
    /// Only keys that begin with this.
    pub key_prefix: Vec<u8>,
    /// Only keys after this one.
    pub after: Option<PartitionKey>,
    /// At most so many; at least 1.
    pub partitions_max: usize,
}

/// Whether a trim removes or only tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimMode {
    /// Tells what would go.
    Plan,
    /// Removes it.
    Apply,
}

/// What a trim removes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Events.
    pub events: u64,
    /// Bytes on disk.
    pub bytes: u64,
}
