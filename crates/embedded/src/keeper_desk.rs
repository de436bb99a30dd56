//! Where the journal's keeper hears what happened: files that were begun, memory that was flushed, spares that are wanted.
//!
//! Promises: news that comes while the keeper works is not lost; of the states that files began with it keeps those that
//! may still be needed. Does not: know what the keeper does with it.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use annals_storage::framed::Position;
use annals_storage::layout::FileNumber;
use annals_storage::state::State;

use crate::sync::{Condvar, Mutex, MutexGuard};

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
pub(crate) struct News {
    pub(crate) wants_spare: bool,
    /// Nothing happened, for as long as it waits.
    pub(crate) is_silence: bool,
}

/// The state when a journal file was begun: it holds all records of the files before.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    pub(crate) file: FileNumber,
    pub(crate) end_before: Position,
    pub(crate) state: Arc<State>,
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
    pub(crate) fn forget_asked(&self) {
        self.open().asked_for = None;
    }

    /// Ends the keeper.
    pub(crate) fn close(&self) {
        self.open().is_closed = true;
        self.changed.notify_one();
    }

    /// Waits for news, or that there are none for so long; none once the keeper is to end.
    pub(crate) fn wait(&self, wait_max: Duration) -> Option<News> {
        let is_idle = |notes: &mut Notes| !notes.is_news && !notes.is_closed;
        let (mut notes, _) =
            self.changed.wait_timeout_while(self.open(), wait_max, is_idle).unwrap_or_else(PoisonError::into_inner);
        let is_silence = !std::mem::take(&mut notes.is_news);
        let wants_spare = std::mem::take(&mut notes.wants_spare);
        (!notes.is_closed).then_some(News { wants_spare, is_silence })
    }

    /// The newest file, of those that were begun, that is not after `file`; older ones are forgotten.
    pub(crate) fn newest_begun(&self, file: FileNumber) -> Option<Begun> {
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
