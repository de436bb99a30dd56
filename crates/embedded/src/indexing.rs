//! Places the events of a replayed journal in memtables, on a thread of its own: reading and checking the journal, and
//! looking up each event's partition, take about as long as each other and need not take turns.
//!
//! Batches are placed in the order in which they are handed over. What looks at a memtable waits for them first.

use std::io;
use std::sync::Arc;

use annals_storage::layout::FileNumber;

use super::memtable::{ArrivedBatch, Memtable};
use crate::sync::{Builder, JoinHandle, Receiver, Sender, bounded};

/// Batches that may wait to be placed: enough that neither side waits for the other often. They stay in memory anyway.
const WAITING_MAX: usize = 16;

/// The thread, and the way to it.
#[derive(Debug)]
pub(super) struct Indexing {
    /// None once it is to end.
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Work {
    /// A batch for a memtable, and the journal file that it lies in.
    Place { memtable: Arc<Memtable>, batch: ArrivedBatch, file: FileNumber },
    /// Somebody waits until all that came before is done.
    Tell(Sender<()>),
}

impl Indexing {
    /// Starts the thread. It ends when this is dropped.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(super) fn start() -> io::Result<Self> {
        let (work, waiting) = bounded(WAITING_MAX);
        let thread = Builder::new().name("annals-index".into()).spawn(move || run(&waiting))?;
        Ok(Self { work: Some(work), thread: Some(thread) })
    }

    /// Has a batch placed that follows on what the memtable was given before.
    pub(super) fn place(&self, memtable: Arc<Memtable>, batch: ArrivedBatch, file: FileNumber) {
        self.send(Work::Place { memtable, batch, file });
    }

    /// Waits until all that was handed over is placed.
    pub(super) fn wait(&self) {
        let (done, told) = bounded(1);
        self.send(Work::Tell(done));
        told.recv().expect("the thread tells whoever waits, unless it panicked");
    }

    fn send(&self, work: Work) {
        let sender = self.work.as_ref().expect("taken when this is dropped");
        sender.send(work).expect("the thread takes work, unless it panicked");
    }
}

impl Drop for Indexing {
    fn drop(&mut self) {
        drop(self.work.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, whoever handed work over has panicked for it.
            let _ = thread.join();
        }
    }
}

fn run(waiting: &Receiver<Work>) {
    while let Ok(work) = waiting.recv() {
        match work {
            Work::Place { memtable, batch, file } => memtable.add(&Arc::new(batch), file),
            Work::Tell(done) => {
                // Whoever waited cannot go away before it is told, unless it panics.
                let _ = done.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_model::{BatchBuilder, CommitTime, EventTime, Sequence, Shard};

    use super::*;

    #[test]
    fn what_was_handed_over_is_placed_once_it_was_waited_for() {
        let memtable = Arc::new(Memtable::new(Shard::ZERO, Sequence::FIRST, Arc::default()));
        let indexing = Indexing::start().expect("a thread");
        let mut next = Sequence::FIRST;
        for _ in 0..4 * WAITING_MAX {
            let mut events = BatchBuilder::default();
            (0..1_000).for_each(|time| events.push(&[b"key"], 0..3, EventTime::from_unix_nanos(time)));
            let commit_time = CommitTime::from_unix_nanos(1);
            let batch = ArrivedBatch { shard: Shard::ZERO, first_sequence: next, commit_time, batch: events.finish() };
            next = batch.next_sequence();
            indexing.place(Arc::clone(&memtable), batch, FileNumber::FIRST);
        }
        indexing.wait();
        assert_eq!(memtable.next_sequence(), next);
    }
}
