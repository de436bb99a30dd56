//! The keeper of the journal's files: makes a spare before the next one is needed, and gives up those that are not
//! needed any more, so that the commit thread waits for neither.
//!
//! A journal file may go once everything in it lies elsewhere: its events in segments that the manifest names, its
//! state records in a snapshot that the manifest names. Both are durable before the manifest says that the file is
//! released, and that is durable before the file is touched.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, PoisonError};

use annals_storage::framed::Position;
use annals_storage::journal::JournalFiles;
use annals_storage::layout::FileNumber;
use annals_storage::manifest::{Edit, Manifest, ManifestError, ManifestState};
use annals_storage::state::State;
use annals_storage::store::snapshot_state;

use super::background;
use super::maintenance_desk::MaintenanceDesk;
use super::store::Store;
use crate::sync::{Condvar, JoinHandle, Mutex, MutexGuard};
use annals_engine::ReadOnlyReason;

/// What the keeper is told.
#[derive(Debug, Default)]
pub(crate) struct KeeperDesk {
    notes: Mutex<Notes>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Notes {
    /// The state at the beginning of each journal file that was begun, the oldest first.
    begun: VecDeque<Begun>,
    /// Whether something happened since the keeper last looked.
    is_news: bool,
    is_closed: bool,
}

/// The state when a journal file was begun: it holds all records of the files before.
#[derive(Clone, Debug)]
struct Begun {
    file: FileNumber,
    end_before: Position,
    state: Arc<State>,
}

/// What a keeper works on.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) store: Arc<Store>,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) files: Arc<JournalFiles>,
    pub(crate) maintenance: Arc<MaintenanceDesk>,
}

impl KeeperDesk {
    /// Notes that a journal file was begun when the one before ended at `end_before` and the state was `state`.
    pub(crate) fn note_begun(&self, file: FileNumber, end_before: Position, state: State) {
        let mut notes = self.open();
        notes.begun.push_back(Begun { file, end_before, state: Arc::new(state) });
        notes.is_news = true;
        self.changed.notify_one();
    }

    /// Notes that memtables were flushed, durably: journal files may have become free.
    pub(crate) fn note_flushed(&self) {
        self.open().is_news = true;
        self.changed.notify_one();
    }

    /// Ends the keeper.
    pub(crate) fn close(&self) {
        self.open().is_closed = true;
        self.changed.notify_one();
    }

    /// Waits for news; false once the keeper is to end.
    fn wait(&self) -> bool {
        let is_idle = |notes: &mut Notes| !notes.is_news && !notes.is_closed;
        let mut notes = self.changed.wait_while(self.open(), is_idle).unwrap_or_else(PoisonError::into_inner);
        notes.is_news = false;
        !notes.is_closed
    }

    /// The newest file, of those that were begun, that is not after `file`; older ones are forgotten.
    fn newest_begun(&self, file: FileNumber) -> Option<Begun> {
        let mut notes = self.open();
        while notes.begun.get(1).is_some_and(|next| next.file <= file) {
            notes.begun.pop_front();
        }
        notes.begun.front().filter(|oldest| oldest.file <= file).cloned()
    }

    /// The newest journal file; none before the first was begun.
    pub(crate) fn newest(&self) -> Option<FileNumber> {
        self.open().begun.back().map(|begun| begun.file)
    }

    fn open(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    /// Starts the thread. It ends when the desk is closed.
    pub(crate) fn start(self) -> io::Result<JoinHandle<()>> {
        let store = Arc::clone(&self.store);
        background::start(&store, "keeper", move || {
            while self.store.keeper_desk().wait() {
                if self.store.read_only().is_some() {
                    continue;
                }
                self.prepare();
                self.release();
            }
        })
    }

    fn prepare(&self) {
        if let Err(error) = self.files.prepare_spare() {
            // The commit thread finds out by itself, and says so where it matters.
            tracing::warn!("no journal file could be made ahead: {error}");
        }
    }

    /// Gives up all journal files before the present one while the store is opened, if the next opening would read more
    /// than it may: whoever dies again and again, long before the journal is rolled or memory is short, would else leave a
    /// file each time. Waits for the flush, so nothing can be appended before; only a full disk has the store open with
    /// more files.
    pub(crate) fn keep_bound(&self) {
        let (count, count_max) = (self.files.count(), self.store.options().journal_files_max as usize);
        if count <= count_max {
            return;
        }
        tracing::info!(journal_files = count, "writing out what the journal holds, since it has too many files");
        self.store.freeze_all();
        let backlog = self.store.backlog();
        backlog.wait_flushed(|| self.store.read_only().is_some() || backlog.obstacle().is_some());
        if self.store.read_only().is_none() {
            self.release();
        }
    }

    fn release(&self) {
        // The order matters: what is written after the newest file was looked up lies in it or after it.
        let Some(newest) = self.store.keeper_desk().newest() else { return };
        let needed = self.store.oldest_journal_file().map_or(newest, |oldest| oldest.min(newest));
        let Some(begun) = self.store.keeper_desk().newest_begun(needed) else { return };
        if self.manifest.read(ManifestState::journal_first_needed) >= begun.file {
            return;
        }
        match self.release_before(&begun) {
            Ok(()) => self.maintenance.note_released(),
            Err(ManifestError::Failed { path, source }) => {
                let message = format!("{}: {source}", path.display());
                tracing::error!("{message}: the store takes no appends until it is opened again");
                self.store.set_read_only(ReadOnlyReason::SyncFailed(message));
            }
            Err(error) => tracing::warn!("journal files could not be given up, which is tried again: {error}"),
        }
    }

    fn release_before(&self, begun: &Begun) -> Result<(), ManifestError> {
        let disk = &*self.store.options().disk;
        snapshot_state(disk, self.store.identity(), &self.manifest, &begun.state, begun.end_before)?;
        self.manifest.append(&[Edit::JournalReleased { first_needed: begun.file }])?;
        let released = self.files.release_before(begun.file).map_err(|error| ManifestError::Full(Arc::new(error)))?;
        tracing::debug!(released, first_needed = %begun.file, "journal files were given up");
        Ok(())
    }
}
