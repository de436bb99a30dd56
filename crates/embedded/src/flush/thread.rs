//! The thread that flushes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{FlushError, flush};
use crate::background;
use crate::backlog::FrozenMemtable;
use crate::maintenance_desk::MaintenanceDesk;
use crate::segment_set::SegmentSet;
use crate::store::Store;
use crate::sync::JoinHandle;
use annals_engine::ReadOnlyReason;

/// Event bytes after which a segment takes no more memtables. Larger files are no cheaper to write, and the memory of
/// all their memtables is given back only at their end.
const SEGMENT_EVENT_BYTES: u64 = 128 * 1024 * 1024;

/// How long the thread waits before it tries a full disk again: short, so that appends go on soon after there is space.
const FULL_DISK_WAIT: Duration = Duration::from_millis(200);

/// How long it waits for work at a time; it is woken when there is some.
const IDLE_WAIT: Duration = Duration::from_mins(1);

/// What the flush thread works on.
#[derive(Debug)]
pub(crate) struct Flusher {
    /// The store.
    pub(crate) store: Arc<Store>,
    /// Its segments.
    pub(crate) segments: Arc<SegmentSet>,
    /// Where the maintenance thread hears of new runs.
    pub(crate) maintenance: Arc<MaintenanceDesk>,
}

impl Flusher {
    /// Starts the thread. It ends when the store's backlog is closed; what waits then stays in the journal.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(crate) fn start(self) -> io::Result<JoinHandle<()>> {
        let store = Arc::clone(&self.store);
        background::start(&store, "flush", move || self.run())
    }

    fn run(self) {
        let mut waiting: Vec<FrozenMemtable> = Vec::new();
        let mut wait = IDLE_WAIT;
        loop {
            let work = self.store.backlog().take(wait);
            waiting.extend(work.frozen);
            if let Some(newest) = self.store.keeper_desk().newest() {
                self.maintenance.note_dropped(work.dropped.iter().map(|table| table.id()), newest.next());
            }
            if work.is_closed {
                return;
            }
            wait = match self.flush_all(&mut waiting) {
                Ok(()) => {
                    self.store.backlog().note_obstacle(None);
                    IDLE_WAIT
                }
                Err(FlushError::DiskFull(error)) => {
                    tracing::warn!("memory cannot be written to segments, which is tried again: {error}");
                    self.store.backlog().note_obstacle(Some(error));
                    FULL_DISK_WAIT
                }
                Err(FlushError::Failed(error)) => {
                    tracing::error!("{error}: the store takes no appends until it is opened again");
                    self.store.set_read_only(ReadOnlyReason::SyncFailed(error));
                    self.store.backlog().note_look();
                    IDLE_WAIT
                }
            };
        }
    }

    /// Flushes all that waits, a segment at a time; what fails still waits afterwards.
    fn flush_all(&self, waiting: &mut Vec<FrozenMemtable>) -> Result<(), FlushError> {
        while !waiting.is_empty() && self.store.read_only().is_none() {
            let count = first_segment(waiting);
            let (pace, clock) = (self.store.pace(), &self.store.options().clock);
            let compression = pace.begin(clock.monotonic_nanos());
            flush(&self.segments, &waiting[..count], self.store.journal_reached(), compression)?;
            pace.end(clock.monotonic_nanos());
            waiting.drain(..count);
            self.store.backlog().note_flushed(count);
            self.store.keeper_desk().note_flushed();
            self.maintenance.note_runs();
        }
        Ok(())
    }
}

/// How many of the memtables go into the next segment: as many as make its size, and at least one.
fn first_segment(waiting: &[FrozenMemtable]) -> usize {
    let mut bytes = 0;
    let full = waiting.iter().position(|frozen| {
        bytes += frozen.memtable.event_bytes();
        bytes >= SEGMENT_EVENT_BYTES
    });
    full.map_or(waiting.len(), |last| last + 1)
}
