//! The engine's contract, compiled from its own files over shuttle's primitives, for `tests/shuttle`.
//!
//! A library of its own, so that the contract's unit tests, which run on real threads, are not compiled along.

#![cfg(not(test))]

#[path = "../../../crates/engine/src/append.rs"]
mod append;

#[path = "../../../crates/engine/src/engine.rs"]
mod engine;

#[path = "../../../crates/engine/src/errors.rs"]
mod errors;

#[path = "../../../crates/engine/src/head.rs"]
mod head;

#[path = "../../../crates/engine/src/read.rs"]
mod read;

#[path = "../../../crates/engine/src/tables.rs"]
mod tables;

#[path = "../../../crates/engine/src/watch_index.rs"]
mod watch_index;

#[path = "../../../crates/engine/src/watch_scope.rs"]
mod watch_scope;

/// As `crates/engine/src/sync.rs`; a map is gone through in an order that follows from what was added.
mod sync {
    use std::hash::{BuildHasherDefault, DefaultHasher};

    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
    pub(crate) use tokio::sync::Notify;

    pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<DefaultHasher>>;
}

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
