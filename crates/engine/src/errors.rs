//! What can go wrong, an enum for each kind of call, so that a caller can match all cases.
//!
//! A message says what happened and what to do. The server turns each into a status in one place.

use std::time::Duration;

use annals_model::limits::TABLE_COLUMNS_MAX;
use annals_model::{ColumnConflict, Sequence, Shard, ShardCount, Table, TableId, TableName};

/// Why a store takes no appends any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadOnlyReason {
    /// A sync of the journal or the manifest failed. It is final: what the disk holds is known again only after a
    /// restart.
    #[error("a sync failed ({0}); check the disk, then restart the server")]
    SyncFailed(String),
    /// A thread of the engine panicked, which is a bug; this is its name. What it was to do is left.
    #[error("its {0} thread panicked, the log says where; restart the server, and report it")]
    Panicked(String),
    /// The store was opened for reading only.
    #[error("the store was opened for reading only")]
    OpenedReadOnly,
}

/// Why an append was refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// The table is not there, or no longer.
    #[error("table {0} does not exist (any more)")]
    UnknownTable(TableId),
    /// The table has no such shard.
    #[error("the table has {count} shards; shard {shard} is not one of them", count = .count.get())]
    UnknownShard {
        /// The shard asked for.
        shard: Shard,
        /// How many the table has.
        count: ShardCount,
    },
    /// An event holds a cell of another type than its column's.
    #[error("event {event_index}: {conflict}")]
    ColumnConflict {
        /// The event's index in the client's request.
        event_index: u32,
        /// The column and its types.
        conflict: ColumnConflict,
    },
    /// The events would teach the table more columns than it can have.
    #[error("event {event_index}: column {name:?} would be the table's {nth}th; a table has at most {TABLE_COLUMNS_MAX}", nth = TABLE_COLUMNS_MAX + 1)]
    TooManyColumns {
        /// The index, in the client's request, of the event with the first column too many.
        event_index: u32,
        /// That column.
        name: String,
    },
    /// A strict table does not have the column.
    #[error("event {event_index}: column {name:?} is not declared, and the table's schema is strict")]
    UndeclaredColumn {
        /// The event's index in the client's request.
        event_index: u32,
        /// The column.
        name: String,
    },
    /// More waits to be written than the engine takes in.
    #[error("the store is overloaded: {waiting_bytes} bytes wait to be written; try again in {retry_after:?}")]
    Overloaded {
        /// What waits.
        waiting_bytes: u64,
        /// When to try again.
        retry_after: Duration,
    },
    /// The disk is full. Appends go on by themselves once there is space.
    #[error("the disk is full ({0}); free some space, appends then go on without a restart")]
    DiskFull(String),
    /// The store takes no appends any more.
    #[error("the store takes no appends: {0}")]
    ReadOnly(ReadOnlyReason),
    /// The store is shutting down.
    #[error("the store is shutting down")]
    Closed,
    /// A write or sync failed under way: the events may or may not be stored.
    #[error("whether the events are stored is not known: {0}")]
    Unknown(String),
}

/// Why a read failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The table is not there, or no longer.
    #[error("table {0} does not exist (any more)")]
    UnknownTable(TableId),
    /// The table has no such shard.
    #[error("the table has {count} shards; shard {shard} is not one of them", count = .count.get())]
    UnknownShard {
        /// The shard asked for.
        shard: Shard,
        /// How many the table has.
        count: ShardCount,
    },
    /// Retention has removed what was asked for.
    #[error("shard {shard} holds events from sequence {first_retained} on; retention has removed sequence {asked}")]
    Trimmed {
        /// The shard.
        shard: Shard,
        /// The sequence asked for.
        asked: Sequence,
        /// The oldest that is still stored.
        first_retained: Sequence,
    },
    /// The scan's moment can no longer be read: retention has removed events of it since it began.
    #[error(
        "the scan has expired: retention has removed events of its moment from shard {shard}; start it again, without as_of \
         and page_token, for what is stored now"
    )]
    ScanExpired {
        /// The shard.
        shard: Shard,
    },
    /// The moment lies past what the store holds.
    #[error(
        "shard {shard} has come to sequence {head}; sequence {asked} is not stored: the token is of another store, or this store was put back to an older copy"
    )]
    MomentAhead {
        /// The shard.
        shard: Shard,
        /// The sequence asked for.
        asked: Sequence,
        /// The shard's newest.
        head: Sequence,
    },
    /// Stored bytes are not what was written.
    #[error("the store is damaged: {0}; run `annals verify` on it")]
    Damaged(String),
    /// The operating system refused a read.
    #[error("reading failed: {0}")]
    Io(String),
    /// More reads wait than the engine takes in.
    #[error("too many reads wait; try again in {retry_after:?}")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store is shutting down.
    #[error("the store is shutting down")]
    Closed,
}

/// Why a change of a table failed. Nothing is changed then, but for `Unknown`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is a table of that name.
    #[error("table {} exists already", .0.definition.name)]
    AlreadyExists(Box<Table>),
    /// The table is not there, or no longer.
    #[error("table {0} does not exist (any more)")]
    UnknownTable(TableId),
    /// Something else changed the table first.
    #[error("table {0} was changed by somebody else at the same time; look at it again, then try again")]
    RevisionChanged(TableName),
    /// The table's deletion protection is set.
    #[error("table {0} is protected from deletion; clear deletion_protection first")]
    Protected(TableName),
    /// A column is there with another type.
    #[error(transparent)]
    ColumnConflict(#[from] ColumnConflict),
    /// The table would have more columns than it can.
    #[error("table {0} would have more than {TABLE_COLUMNS_MAX} columns")]
    TooManyColumns(TableName),
    /// More tables than an engine holds.
    #[error("the store holds {0} tables already, the most it can; drop one first")]
    TooManyTables(usize),
    /// The disk is full.
    #[error("the disk is full ({0}); free some space, changes then go on without a restart")]
    DiskFull(String),
    /// The store takes no changes any more.
    #[error("the store takes no changes: {0}")]
    ReadOnly(ReadOnlyReason),
    /// A read that the change needed failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store is shutting down.
    #[error("the store is shutting down")]
    Closed,
    /// A write or sync failed under way: the change may or may not be stored.
    #[error("whether the change is stored is not known: {0}")]
    Unknown(String),
}
