//! What a watch waits for, of the commits to a table.

use std::sync::Arc;

use annals_model::{HashSlices, PartitionKey, Shard};

/// What a watch waits for.
#[derive(Clone, Debug)]
pub enum WatchScope {
    /// Any commit to these shards.
    Shards(Vec<Shard>),
    /// Commits to these shards of a key in these slices.
    Slices(Vec<Shard>, HashSlices),
    /// Commits to these shards of one of these keys.
    Partitions(Vec<Shard>, Arc<[PartitionKey]>),
}
