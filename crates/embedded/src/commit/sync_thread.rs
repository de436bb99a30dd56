//! The hand-off between the thread that commits and the one that syncs.
//!
//! At most one frame is under way: the commit thread hands it over, goes on working, and takes the result before it
//! writes the next. Everything that the two share is two channels with room for one.

use std::io;

use crate::sync::{Builder, JoinHandle, Receiver, Sender, bounded};

/// Something written that must be made durable.
pub(super) trait Durability: Send + 'static {
    /// What is known of it once it is durable, or why it may not be.
    type Outcome: Send + 'static;

    /// Makes it durable; waits for the disk.
    fn make_durable(self) -> Self::Outcome;
}

/// The thread that syncs. See the module.
#[derive(Debug)]
pub(super) struct SyncThread<D: Durability> {
    work: Option<Sender<D>>,
    outcomes: Receiver<D::Outcome>,
    thread: Option<JoinHandle<()>>,
}

impl<D: Durability> SyncThread<D> {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let (work, to_sync) = bounded::<D>(1);
        let (outcome, outcomes) = bounded(1);
        let thread = Builder::new().name("annals-sync".into()).spawn(move || {
            for written in to_sync {
                if outcome.send(written.make_durable()).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { work: Some(work), outcomes, thread: Some(thread) })
    }

    /// Hands over what was written. The outcome of the one before was taken.
    pub(super) fn begin(&self, written: D) {
        let work = self.work.as_ref().expect("the thread is stopped only when this is dropped");
        assert!(work.send(written).is_ok(), "the thread ends only with this");
    }

    /// Where the outcome comes: one for each that was begun.
    pub(super) fn outcomes(&self) -> &Receiver<D::Outcome> {
        &self.outcomes
    }
}

impl<D: Durability> Drop for SyncThread<D> {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the sync thread panicked");
        }
    }
}
