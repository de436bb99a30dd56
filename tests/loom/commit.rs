//! The group commit: what a reader finds at a head is durable, every outcome comes once, and the end waits for no one.

use std::sync::Arc;

use annals_model::{Sequence, Shard, ShardCount};
use loom::model::Builder;
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use crate::head::HeadBoard;
use crate::sync_thread::{Durability, SyncThread};

/// A frame of the journal, and the disk that it is synced to.
struct Frame {
    number: u64,
    disk: Arc<AtomicU64>,
}

impl Durability for Frame {
    type Outcome = u64;

    fn make_durable(self) -> u64 {
        self.disk.store(self.number, Ordering::Release);
        self.number
    }
}

/// Tries all orders with at most three preemptions, which is where such errors show.
fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(test);
}

#[test]
fn what_a_reader_finds_at_a_head_is_durable_and_in_memory() {
    model(|| {
        let disk = Arc::new(AtomicU64::new(0));
        let memtable = Arc::new(Mutex::new(0));
        let board = HeadBoard::empty(ShardCount::ONE);
        let reader = {
            let (disk, memtable, board) = (Arc::clone(&disk), Arc::clone(&memtable), Arc::clone(&board));
            thread::spawn(move || {
                let head = board.head(Shard::ZERO).get();
                assert!(disk.load(Ordering::Acquire) >= head, "seen before it was durable");
                assert!(*memtable.lock().expect("whole") >= head, "seen and not there");
            })
        };
        // As the commit thread does: frame n is synced while its events are added, and published before n + 1 is begun.
        let syncs = SyncThread::start().expect("a thread");
        for number in 1..=2 {
            syncs.begin(Frame { number, disk: Arc::clone(&disk) });
            *memtable.lock().expect("whole") = number;
            let durable = syncs.outcomes().recv().expect("the thread lives");
            assert_eq!(durable, number, "the outcome of what was begun");
            board.publish(Shard::ZERO, Sequence::new(durable));
        }
        reader.join().expect("reads");
    });
}

#[test]
fn the_sync_thread_ends_with_its_owner_whether_the_outcome_was_taken_or_not() {
    for is_taken in [true, false] {
        model(move || {
            let disk = Arc::new(AtomicU64::new(0));
            let syncs = SyncThread::start().expect("a thread");
            syncs.begin(Frame { number: 1, disk: Arc::clone(&disk) });
            if is_taken {
                assert_eq!(syncs.outcomes().recv(), Some(1));
            }
            drop(syncs);
            assert_eq!(disk.load(Ordering::Acquire), 1, "what was begun was synced");
        });
    }
}
