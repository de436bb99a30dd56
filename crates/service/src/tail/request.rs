//! What a caller asks to follow.

use std::time::Duration;

use annals_model::CommitTime;
use bytes::Bytes;

use crate::AskedSlices;

/// A tail as it is asked for; nothing of it is checked.
#[derive(Clone, Debug, Default)]
pub struct TailRequest {
    /// `keyspace.table`.
    pub table: String,
    /// Only these partitions; none: all.
    pub partition_keys: Vec<Bytes>,
    /// Only these shards; none: all.
    pub shards: Vec<u32>,
    /// Only the partitions of these slices.
    pub hash_slices: Option<AskedSlices>,
    /// Only these columns; none: all.
    pub columns: Vec<String>,
    /// Only events that match; empty: all.
    pub filter: String,
    /// Where to start; it must be said.
    pub start: Option<TailStart>,
    /// Takes a token that was made for other keys, shards or slices.
    pub allow_scope_change: bool,
    /// Ends once all is delivered that the table held at the beginning.
    pub stop_at_head: bool,
    /// Ends once all is delivered that this token covers; empty: not.
    pub end_token: Bytes,
    /// How long nothing is delivered before a heartbeat comes, from 1 s to 60 s; none leaves it to the service.
    pub heartbeat: Option<Duration>,
    /// What operators see; empty: what the caller calls itself, or where it is.
    pub client_name: String,
}

/// Where a tail starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TailStart {
    /// At the oldest events that are stored.
    Earliest,
    /// Behind the newest.
    Latest,
    /// Behind what a resume token covers.
    Token(Bytes),
    /// At a sequence of each shard that is named here, and at the oldest event of the others.
    Sequences(Vec<(u32, u64)>),
    /// At the first event of each shard that was committed at or after this time.
    CommitTime(CommitTime),
}

impl TailRequest {
    /// A tail over all of a table, which does not end.
    pub fn of(table: impl Into<String>, start: TailStart) -> Self {
        Self { table: table.into(), start: Some(start), ..Self::default() }
    }
}
