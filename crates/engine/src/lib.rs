//! The contract between a server and the engine under it.
//!
//! An engine keeps tables of shards of event bytes. It speaks of tables, shards, sequences and encoded events, not of
//! files and not of gRPC. Routing events to shards, checking a client's bytes and turning positions into tokens lie
//! above it. It promises nothing that one conditional write on one shard of a distributed database could not keep.
//!
//! Promises, which a conformance suite asks of every engine:
//! 1. **Durable when answered.** What an answered call stored survives the loss of power.
//! 2. **Dense order.** The events of a shard carry the sequences 1, 2, 3, … in the order of their commits. A batch
//!    takes consecutive sequences, in its own order, and is committed whole or not at all.
//! 3. **Commit times never go back** within a shard.
//! 4. **Bit for bit.** A reader gets the bytes that were appended.
//! 5. **Published once durable.** A head never shows an event that a crash could take back, and an event at or below
//!    a head can be read at once.
//! 6. **Refused means untouched.** A refused append stores nothing and teaches no column.
//! 7. **Never in silence.** What is no longer stored, damaged or out of reach is an error, never a shorter answer.
//!
//! Does not: store anything: engines are crates of their own.

mod append;
mod engine;
mod errors;
mod head;
#[cfg(test)]
mod head_tests;
mod read;
mod sync;
mod tables;
mod watch_index;
#[cfg(test)]
mod watch_index_tests;
mod watch_scope;

pub use append::{Append, Appended, CommitTurn, NewColumn, ShardAppended, ShardBatch};
pub use engine::Engine;
pub use errors::{AppendError, CatalogError, ReadError, ReadOnlyReason};
pub use head::{HeadBoard, HeadWatch, WatchClosed};
pub use read::{
    ArrivalPage, ArrivalRead, ArrivalScope, CountedScan, PageBounds, PartitionPage, PartitionRead, PartitionSelection,
    ScanOrder, SizeEstimate,
};
pub use tables::{PartitionList, PartitionStats, ShardStats, TableStats, TrimMode, Trimmed, UpdateTable};
pub use watch_scope::WatchScope;
