//! The nouns of Annals: names, keys, tokens, times, sequences, shards, tables, events and positions.
//!
//! The words are those of the field and of the contract in `proto/annals/v1`: a *partition* is the events that
//! share a key, a *shard* is the unit of arrival order. See `crates/README.md` for the table of words.
//!
//! Promises: a value that exists was checked as it was made.
//!
//! Does not: do I/O, ask the time, or know of files or of gRPC; the crates above do.

mod batch;
mod column;
mod event;
pub mod fault;
mod key;
pub mod limits;
mod moment;
mod page_token;
mod port;
mod resume_token;
mod sequence;
mod shard;
mod slices;
mod table;
mod table_name;
mod time;
mod token;

pub use batch::{BatchBuilder, EventBatch, Row};
pub use column::{Column, ColumnConflict, ColumnType, LearnedColumn, Schema, SchemaMode};
pub use event::StoredEvent;
pub use fault::{Fault, FaultKind, Reason};
pub use key::{KeyError, PartitionKey};
pub use moment::Moment;
pub use page_token::{PageToken, PageTokenError, ScanPosition};
pub use port::DEFAULT_PORT;
pub use resume_token::{ResumeToken, ResumeTokenError, ScopeDigest};
pub use sequence::Sequence;
pub use shard::{Shard, ShardCount, ShardCountError, Sharding};
pub use slices::{HashSlices, HashSlicesError, TokenRange};
pub use table::{Retention, Table, TableDefinition, TableId};
pub use table_name::{TableName, TableNameError};
pub use time::{CommitTime, EventTime, TimeRange, TimeRangeError};
pub use token::Token;
