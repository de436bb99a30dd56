//! A store as a whole: making it, opening it, closing it.
//!
//! Opening reads the identity, the manifest, the snapshot of the state and the journal, in this order, checks that
//! they agree with one another, and only then writes: a new manifest file, a new journal file. Damage in any of them
//! is an error, and nothing was written then. Segments are not read.
//!
//! Promises: a store that is opened agrees with itself; where it does not, the error says in what, and nothing was
//! written.
//!
//! Does not: read events, or run threads.

mod agreement;
mod create;
mod error;
mod open;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, Lock};
use crate::framed::{Position, remove_if_there};
use crate::identity::StoreIdentity;
use crate::journal::{Journal, JournalFrame, JournalOptions, Mark};
use crate::layout::{self, FileNumber};
use crate::manifest::{Edit, Manifest, ManifestError, ManifestOptions};
use crate::state::{SnapshotPlace, State, write_snapshot};
use annals_model::CommitTime;

pub use create::create;
pub use error::{CloseError, OpenError};
pub use open::{OpenReport, ReadStore, Replay, lock_for_reading, open, open_read_only};

/// How a store's files are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreOptions {
    /// The journal's.
    pub journal: JournalOptions,
    /// The manifest's.
    pub manifest: ManifestOptions,
}

/// A store that is open for writing. Its parts go to the threads that they belong to.
#[derive(Debug)]
pub struct OpenStore {
    /// The store's files.
    pub disk: Arc<dyn Disk>,
    /// Which store it is.
    pub identity: StoreIdentity,
    /// Keeps other processes out while it is held.
    pub lock: Box<dyn Lock>,
    /// What the store consists of.
    pub manifest: Arc<Manifest>,
    /// The write-ahead log, in a new file.
    pub journal: Journal,
    /// The state after all that was replayed.
    pub state: State,
    /// What was found.
    pub report: OpenReport,
}

/// Closes a store: a mark ends the journal, and the manifest says where, so that from now on whatever is missing of
/// either is missed. The frame before must be synced. All other edits are done.
///
/// # Errors
/// The store was not closed cleanly; nothing that was durable is lost.
pub fn close(journal: &mut Journal, manifest: &Manifest, commit_time: CommitTime) -> Result<(), CloseError> {
    // A journal file that is started now is registered with the manifest, which the closure below holds locked.
    let mut longest = JournalFrame::new();
    longest.push_mark(Mark::Close { edit: u64::MAX });
    journal.make_room(&longest)?;
    manifest.close(|edit| {
        let mut frame = JournalFrame::new();
        frame.push_mark(Mark::Close { edit });
        let place = journal.write(&mut frame, commit_time)?.sync()?;
        Ok(place.end)
    })
}

/// Writes the state as it stands at `position` of the journal to a file, has the manifest name it, and removes the
/// file that was named before. Afterwards journal files up to `position` are not needed for the state.
///
/// # Errors
/// `Full` when there is no space; the file before still counts.
pub fn snapshot_state(
    disk: &dyn Disk,
    identity: &StoreIdentity,
    manifest: &Manifest,
    state: &State,
    position: Position,
) -> Result<SnapshotPlace, ManifestError> {
    let before = manifest.read(|state| state.snapshot().copied());
    let number = before.map_or(FileNumber::FIRST, |place| place.number.next());
    let full = |error: io::Error| ManifestError::Full(Arc::new(error));
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => full(error),
        _ => ManifestError::Failed { path: layout::state_file(number), source: Arc::new(error) },
    };
    let place = write_snapshot(disk, identity, number, state, position).map_err(failed)?;
    manifest.append(&[Edit::StateSnapshot(place)])?;
    if let Some(before) = before {
        remove_if_there(disk, &layout::state_file(before.number)).map_err(failed)?;
    }
    Ok(place)
}
