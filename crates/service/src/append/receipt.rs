//! The answer to an append.

use annals_engine::ShardAppended;
use bytes::Bytes;

/// Where the events of a request went: durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendReceipt {
    /// By shard, without those to which none went.
    pub shards: Vec<ShardAppended>,
    /// A token that covers them.
    pub resume_token: Bytes,
}
