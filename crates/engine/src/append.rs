//! Appending: what goes in and what comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annals_model::{Column, CommitTime, EventBatch, Sequence, Shard, TableId};

/// Batches for shards of one table, appended together.
#[derive(Clone, Debug)]
pub struct Append {
    /// The table, as it was looked up.
    pub table: TableId,
    /// At most one batch for a shard, none of them empty; at least one.
    pub shards: Vec<ShardBatch>,
    /// The columns of these events that the table did not know when it was looked up, each once. All others were
    /// checked against the table's schema then; that stays true, since a column never changes its type.
    pub new_columns: Vec<NewColumn>,
    /// Where the engine tells how far it has come.
    pub place: CommitTurn,
}

/// Whether an append has its place among the others. Clones are of the same append.
///
/// Until it has one, dropping the append's future takes the append back; from then on it may be committed, whether or
/// not anybody waits for it.
#[derive(Clone, Debug, Default)]
pub struct CommitTurn(Arc<AtomicBool>);

impl CommitTurn {
    /// Notes that the append has its place. For engines, before anything is done that can't be taken back.
    pub fn take(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the append has its place. What this says after the append's future was dropped stays so.
    pub fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A column that these events would teach the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewColumn {
    /// Its name and the type of its first cell.
    pub column: Column,
    /// The shard of the event that holds the first cell.
    pub shard: Shard,
    /// The index of that event in its shard's batch.
    pub row: u32,
    /// The index of that event in the client's request, for messages.
    pub event_index: u32,
}

/// A batch for one shard.
#[derive(Clone, Debug)]
pub struct ShardBatch {
    /// The shard.
    pub shard: Shard,
    /// Its events, in order.
    pub batch: EventBatch,
}

/// The answer to an append: durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// In the order of the append's batches.
    pub shards: Vec<ShardAppended>,
}

/// Where a shard's batch went: `event_count` consecutive sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardAppended {
    /// The shard.
    pub shard: Shard,
    /// The sequence of the batch's first event.
    pub first_sequence: Sequence,
    /// The batch's events.
    pub event_count: u64,
    /// When the batch was made durable.
    pub commit_time: CommitTime,
}
