//! Where the maintenance thread hears of news, and who waits for it is told.
//!
//! Promises: news that comes while the thread works is not lost. Does not: know what the thread does with it.

use std::sync::PoisonError;
use std::time::Duration;

use annals_model::TableId;
use annals_storage::layout::FileNumber;

use crate::sync::{Condvar, HashMap, HashSet, Mutex, MutexGuard};

/// How soon whoever waits for the thread looks again whether it will come to an end.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What the maintenance thread is told.
#[derive(Debug, Default)]
pub(crate) struct MaintenanceDesk {
    notes: Mutex<Notes>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Notes {
    is_news: bool,
    is_closed: bool,
    /// Tables that were dropped and whose runs are to be removed, with the first journal file that holds nothing of them.
    dropped: HashMap<TableId, FileNumber>,
    /// How often somebody asked to be told when nothing is left to do, and up to which of them that was so.
    settle_asked: u64,
    settle_done: u64,
}

impl MaintenanceDesk {
    /// Notes that there are new runs, or fewer that are retained.
    pub(crate) fn note_runs(&self) {
        self.open().is_news = true;
        self.changed.notify_all();
    }

    /// Notes that journal files were released: nothing may be left of a dropped table.
    pub(crate) fn note_released(&self) {
        self.note_runs();
    }

    /// Notes that tables were dropped, durably, by a record in a journal file before `file`. Whoever calls this adds no
    /// more runs of them.
    pub(crate) fn note_dropped(&self, tables: impl IntoIterator<Item = TableId>, file: FileNumber) {
        let mut notes = self.open();
        let before = notes.dropped.len();
        notes.dropped.extend(tables.into_iter().map(|table| (table, file)));
        if notes.dropped.len() > before {
            notes.is_news = true;
            self.changed.notify_all();
        }
    }

    /// Tables that were dropped and of which runs may be left.
    pub(crate) fn dropped(&self) -> HashMap<TableId, FileNumber> {
        self.open().dropped.clone()
    }

    /// Notes that no runs of these tables are left.
    pub(crate) fn note_removed(&self, tables: &HashSet<TableId>) {
        self.open().dropped.retain(|table, _| !tables.contains(table));
    }

    /// Ends the thread.
    pub(crate) fn close(&self) {
        self.open().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits until nothing is left to do, or the thread ends, or `is_given_up` holds; it is asked now and then.
    pub(crate) fn wait_settled(&self, is_given_up: impl Fn() -> bool) {
        let mut notes = self.open();
        notes.settle_asked += 1;
        notes.is_news = true;
        let asked = notes.settle_asked;
        self.changed.notify_all();
        while notes.settle_done < asked && !notes.is_closed && !is_given_up() {
            (notes, _) = self.changed.wait_timeout(notes, LOOK_AGAIN).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn note_settled(&self, asked: u64) {
        self.open().settle_done = asked;
        self.changed.notify_all();
    }

    pub(crate) fn settle_asked(&self) -> u64 {
        self.open().settle_asked
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.open().is_closed
    }

    /// Waits for news, or for `wait_max`; false once the thread is to end.
    pub(crate) fn wait(&self, wait_max: Duration) -> bool {
        let is_idle = |notes: &mut Notes| !notes.is_news && !notes.is_closed;
        let (mut notes, _) =
            self.changed.wait_timeout_while(self.open(), wait_max, is_idle).unwrap_or_else(PoisonError::into_inner);
        notes.is_news = false;
        !notes.is_closed
    }

    fn open(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
