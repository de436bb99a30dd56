//! The embedded engine of Annals, compiled from its own files over shuttle's primitives, for `tests/shuttle`.
//!
//! A library of its own, so that the engine's unit tests, which run on real threads, are not compiled along.

#![cfg(not(test))]

#[path = "../../../crates/embedded/src/admission/mod.rs"]
mod admission;

#[path = "../../../crates/embedded/src/ages/mod.rs"]
mod ages;

#[path = "../../../crates/embedded/src/background.rs"]
mod background;

#[path = "../../../crates/embedded/src/backlog.rs"]
mod backlog;

#[path = "../../../crates/embedded/src/catalog.rs"]
mod catalog;

#[path = "../../../crates/embedded/src/clock.rs"]
mod clock;

#[path = "../../../crates/embedded/src/commit/mod.rs"]
mod commit;

#[path = "../../../crates/embedded/src/commit_clock.rs"]
mod commit_clock;

#[path = "../../../crates/embedded/src/compaction/mod.rs"]
mod compaction;

#[path = "../../../crates/embedded/src/directory_keeper/mod.rs"]
mod directory_keeper;

#[path = "../../../crates/embedded/src/engine/mod.rs"]
mod engine;

#[path = "../../../crates/embedded/src/flush/mod.rs"]
mod flush;

#[path = "../../../crates/embedded/src/heap.rs"]
mod heap;

#[path = "../../../crates/embedded/src/indexing.rs"]
mod indexing;

#[path = "../../../crates/embedded/src/journal_keeper.rs"]
mod journal_keeper;

#[path = "../../../crates/embedded/src/keeper_desk.rs"]
mod keeper_desk;

#[path = "../../../crates/embedded/src/maintenance.rs"]
mod maintenance;

#[path = "../../../crates/embedded/src/maintenance_desk.rs"]
mod maintenance_desk;

#[path = "../../../crates/embedded/src/memtable/mod.rs"]
mod memtable;

#[path = "../../../crates/embedded/src/merge/mod.rs"]
mod merge;

#[path = "../../../crates/embedded/src/open.rs"]
mod open;

#[path = "../../../crates/embedded/src/options.rs"]
mod options;

#[path = "../../../crates/embedded/src/pace.rs"]
mod pace;

#[path = "../../../crates/embedded/src/pool.rs"]
mod pool;

#[path = "../../../crates/embedded/src/read/mod.rs"]
mod read;

#[path = "../../../crates/embedded/src/retention/mod.rs"]
mod retention;

#[path = "../../../crates/embedded/src/runs.rs"]
mod runs;

#[path = "../../../crates/embedded/src/scan_lease.rs"]
mod scan_lease;

#[path = "../../../crates/embedded/src/segment_set.rs"]
mod segment_set;

#[path = "../../../crates/embedded/src/shard_state.rs"]
mod shard_state;

#[path = "../../../crates/embedded/src/sources/mod.rs"]
mod sources;

#[path = "../../../crates/embedded/src/store.rs"]
mod store;

#[path = "../../../crates/embedded/src/system_clock.rs"]
mod system_clock;

#[path = "../../../crates/embedded/src/table_state.rs"]
mod table_state;

#[expect(missing_docs, clippy::missing_errors_doc, reason = "as what each stands for, in std, crossbeam and tokio")]
pub mod sync;

pub use annals_storage::store::{CloseError, OpenError};
pub use clock::Clock;
pub use compaction::merged_run_bytes_max;
pub use engine::EmbeddedEngine;
pub use options::{OpenMode, Options};
pub use system_clock::SystemClock;
