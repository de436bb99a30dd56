//! The journal: the write-ahead log that all shards share, so that one sync commits all that waits.
//!
//! One thread owns the [`Journal`]. It fills a [`JournalFrame`] with batches and state records, seals and writes it,
//! and syncs it before it writes the next: [`Unsynced`] stands for that duty. Files are of one length, preallocated and
//! used again. After a restart none that holds a frame is gone on with: opening starts the next file, whose header names
//! the end and the chain value of the one before.
//!
//! A frame is there after a crash if its sync returned, and may be there if it had only been written.
//!
//! Promises: frames come back in order, each whole, and none that was synced is missed in silence.
//!
//! Does not: know what is in memory or in segments; it is told which files are no longer needed.

mod error;
mod files;
mod frame;
mod record;
mod recover;
#[cfg(test)]
mod tests;
mod writer;

pub use error::JournalError;
pub use files::JournalFiles;
pub use frame::JournalFrame;
pub(crate) use record::check_body;
pub use record::{JournalRecord, Mark, RecordedBatch};
pub use recover::{RecoverFrom, Recovered, recover, recover_sound};
pub use writer::{Journal, JournalOptions, RegisterFile, Unsynced};
