//! The embedded engine: tables in files of its own.
//!
//! One thread commits: it owns the journal, gives out sequences, adds to memtables and publishes heads. Others sync,
//! flush memtables to segments, compact and trim. Readers take a shard's view, one `Arc`, and are in nobody's way.

mod admission;
mod clock;
mod compaction;
mod heap;
mod memtable;
mod merge;
mod retention;
mod runs;
mod shard_state;
mod table_state;
