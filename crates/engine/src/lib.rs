//! The engine of Annals: group commit, memtables, flush, compaction, retention, reads and tails.
//!
//! [`Engine`] is the contract that a server stands on; [`contract`] tells what an implementor promises, and the
//! conformance suite in `tests/` checks it. The embedded engine keeps everything in files of its own, through
//! `annals-storage`.

pub mod contract;
pub mod embedded;
mod sync;

pub use contract::Engine;
pub use embedded::EmbeddedEngine;
