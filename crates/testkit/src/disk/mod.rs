//! A disk in memory that loses what was not synced, fails when told to, and fills up.
//!
//! The fault model:
//! - A write is seen at once by all readers. Until the file is synced, each 512-byte sector of it may, after a power
//!   cut, hold what was there before or what was written; nothing else, and each sector for itself.
//! - A file's new length is durable with a sync. After a cut a file reaches at least as far as any sector that was kept.
//! - Names that were made, renamed or removed in a directory are durable once the directory is synced; before that each
//!   change is kept or lost, for itself. A file is renamed within a directory wholly or not at all.
//! - A sync that fails drops what it should have made durable: later syncs succeed, reads show it, a cut loses it. This
//!   is what Linux does with pages that could not be written.
//! - A full disk refuses to let files grow. Writing over bytes that are there always has space.

mod fault;
mod file;
mod gate;
mod memory;
mod memory_file;
mod names;
mod recording;
mod state;
mod suite;

pub use fault::{Calls, Failure, Fault, Operation};
pub use gate::HeldSyncs;
pub use memory::MemoryDisk;
pub use recording::{Playback, Recording};
pub use state::Unsynced;
pub use suite::keeps_the_contract;
