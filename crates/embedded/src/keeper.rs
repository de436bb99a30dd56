//! The keeper of the journal's files: makes a spare before the next one is needed, gives up those that are not needed
//! any more, so that the commit thread waits for neither, and gives spares back after a silence.
//!
//! A journal file may go once everything in it lies elsewhere: its events in segments that the manifest names, its
//! state records in a snapshot that the manifest names. Both are durable before the manifest says that the file is
//! released, and that is durable before the file is touched.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

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
    /// Whether a spare is to be made.
    wants_spare: bool,
    /// The file that a spare was asked for, so that a full disk is not tried at each commit.
    asked_for: Option<FileNumber>,
    is_closed: bool,
}

/// What the keeper wakes up for.
#[derive(Clone, Copy, Debug)]
struct News {
    wants_spare: bool,
    /// Nothing happened, for as long as it waits.
    is_silence: bool,
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

    /// Asks for a spare to follow this file; asking again changes nothing.
    pub(crate) fn ask_for_spare(&self, file: FileNumber) {
        let mut notes = self.open();
        if notes.asked_for == Some(file) {
            return;
        }
        (notes.asked_for, notes.wants_spare, notes.is_news) = (Some(file), true, true);
        self.changed.notify_one();
    }

    /// Has who asked for a spare ask again.
    fn forget_asked(&self) {
        self.open().asked_for = None;
    }

    /// Ends the keeper.
    pub(crate) fn close(&self) {
        self.open().is_closed = true;
        self.changed.notify_one();
    }

    /// Waits for news, or that there are none for so long; none once the keeper is to end.
    fn wait(&self, wait_max: Duration) -> Option<News> {
        let is_idle = |notes: &mut Notes| !notes.is_news && !notes.is_closed;
        let (mut notes, _) =
            self.changed.wait_timeout_while(self.open(), wait_max, is_idle).unwrap_or_else(PoisonError::into_inner);
        let is_silence = !std::mem::take(&mut notes.is_news);
        let wants_spare = std::mem::take(&mut notes.wants_spare);
        (!notes.is_closed).then_some(News { wants_spare, is_silence })
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
            let mut reached = None;
            while let Some(news) = self.store.keeper_desk().wait(self.store.options().journal_idle_after) {
                if self.store.read_only().is_some() {
                    continue;
                }
                if news.is_silence {
                    // What trickles in makes no news, but is no silence either.
                    let before = std::mem::replace(&mut reached, self.store.journal_reached());
                    if reached == before {
                        self.give_back();
                    }
                    continue;
                }
                self.prepare(news.wants_spare);
                self.release();
            }
        })
    }

    /// Gives back the space that only a busy store needs.
    fn give_back(&self) {
        self.store.keeper_desk().forget_asked();
        match self.files.give_back() {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "spare journal files were given back, since nothing is written"),
            Err(error) => tracing::warn!("spare journal files could not be given back, which is tried again: {error}"),
        }
    }

    fn prepare(&self, wants_spare: bool) {
        let made = if wants_spare { self.files.prepare_spare() } else { self.files.prepare_reserve() };
        if let Err(error) = made {
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
