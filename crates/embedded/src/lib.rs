//! The embedded engine: tables in files of its own.
//!
//! One thread commits: it owns the journal, gives out sequences, adds to memtables and publishes heads. Others sync,
//! flush memtables to segments, compact and trim. Readers take a shard's view, one `Arc`, and are in nobody's way.
//!
//! Promises: what the contract in `annals_engine` says, with one sync for all that waits.
//!
//! Does not: know any protocol, or files other than through `annals_storage`.

mod admission;
#[cfg(test)]
mod admission_tests;
mod ages;
mod background;
mod backlog;
mod catalog;
mod clock;
mod commit;
mod commit_clock;
mod compaction;
mod directory_keeper;
mod engine;
mod flush;
mod heap;
mod indexing;
mod journal_keeper;
mod keeper_desk;
mod maintenance;
mod maintenance_desk;
mod memtable;
mod merge;
mod open;
mod options;
mod pace;
mod pool;
mod read;
mod retention;
mod runs;
mod scan_lease;
mod segment_set;
mod shard_state;
mod sources;
mod store;
mod sync;
mod system_clock;
mod table_state;

pub use annals_storage::store::{CloseError, OpenError};
pub use clock::Clock;
pub use compaction::merged_run_bytes_max;
pub use engine::EmbeddedEngine;
pub use options::{OpenMode, Options};
pub use system_clock::SystemClock;
