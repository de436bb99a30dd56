//! The keeper of the journal's files: makes a spare before the next one is needed, gives up those that are not needed
//! any more, so that the commit thread waits for neither, and gives spares back after a silence.
//!
//! A journal file may go once everything in it lies elsewhere: its events in segments that the manifest names, its
//! state records in a snapshot that the manifest names. Both are durable before the manifest says that the file is
//! released, and that is durable before the file is touched.

use std::io;
use std::sync::Arc;

use annals_storage::journal::JournalFiles;
use annals_storage::manifest::{Edit, Manifest, ManifestError, ManifestState};
use annals_storage::store::snapshot_state;

use super::background;
use super::keeper_desk::Begun;
use super::maintenance_desk::MaintenanceDesk;
use super::store::Store;
use crate::sync::JoinHandle;
use annals_engine::ReadOnlyReason;

/// What a keeper works on.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) store: Arc<Store>,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) files: Arc<JournalFiles>,
    pub(crate) maintenance: Arc<MaintenanceDesk>,
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
