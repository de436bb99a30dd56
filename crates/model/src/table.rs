//! Tables: what is fixed when one is made, and what may change later.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::column::{Schema, SchemaMode};
use crate::shard::{ShardCount, Sharding};
use crate::table_name::TableName;
use crate::time::CommitTime;

/// What a table is known by in files and tokens; never reused, not even by a table of the same name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId([u8; 16]);

impl TableId {
    /// An id by its bytes, as read from a file or a token, or freshly made.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The id's 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableId({self})")
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).fmt(f)
    }
}

/// When old events go, in whole runs: once all events of a run are past a bound. None set: kept for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Retention {
    /// Counted from an event's commit time, never from its producer's clock.
    pub age_max: Option<Duration>,
    /// Of the table's stored events on disk, oldest first, over all shards.
    pub bytes_max: Option<u64>,
}

impl Retention {
    /// Whether events are kept for ever.
    pub fn keeps_everything(&self) -> bool {
        self.age_max.is_none() && self.bytes_max.is_none()
    }
}

/// What an operator says of a table.
#[derive(Clone, Debug)]
pub struct TableDefinition {
    /// `keyspace.table`.
    pub name: TableName,
    /// Fixed when the table is made.
    pub shard_count: ShardCount,
    /// Fixed when the table is made.
    pub sharding: Sharding,
    /// Fixed when the table is made.
    pub schema_mode: SchemaMode,
    /// May change.
    pub retention: Retention,
    /// May change. While set, the table can't be dropped, nor its retention be made to remove events at once.
    pub deletion_protection: bool,
    /// May change. How late an event may come and still not hold back the low watermark.
    pub lateness_max: Option<Duration>,
}

/// A table as an engine knows it at one moment.
#[derive(Clone, Debug)]
pub struct Table {
    /// Never reused.
    pub id: TableId,
    /// What its operator said of it.
    pub definition: TableDefinition,
    /// Its columns, declared and learned.
    pub schema: Arc<Schema>,
    /// When it was made.
    pub created: CommitTime,
    /// Counts the changes of the table's state, learned columns among them; expected by compare-and-set.
    pub revision: u64,
}
