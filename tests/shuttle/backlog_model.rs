//! The backlog: what is handed over is taken once, and whoever waits is told, by the work or by the end.

use std::sync::Arc;
use std::time::Duration;

use annals_model::Shard;
use shuttle::thread;

use crate::backlog::{Backlog, FrozenMemtable};
use crate::memtable::Memtable;
use crate::model::model;
use crate::table_state::TableState;

/// Longer than any test lets pass.
const LONG: Duration = Duration::from_hours(1);

fn frozen() -> FrozenMemtable {
    FrozenMemtable { table: Arc::new(TableState), shard: Shard::ZERO, memtable: Arc::new(Memtable) }
}

/// Takes and flushes until the end, as the flush thread does; gives how many it flushed.
fn flush_until_closed(backlog: &Backlog) -> usize {
    let mut flushed = 0;
    loop {
        let work = backlog.take(LONG);
        if work.is_closed {
            return flushed;
        }
        flushed += work.frozen.len();
        backlog.note_flushed(work.frozen.len());
    }
}

#[test]
fn each_memtable_is_flushed_once_and_whoever_waits_for_that_goes_on() {
    model(10, || {
        let backlog = Arc::new(Backlog::default());
        let flusher = thread::spawn({
            let backlog = Arc::clone(&backlog);
            move || flush_until_closed(&backlog)
        });
        let adders = [1, 2].map(|count| {
            let backlog = Arc::clone(&backlog);
            thread::spawn(move || {
                (0..count).for_each(|_| backlog.add_frozen(frozen()));
                backlog.wait_flushed(|| false);
            })
        });
        for adder in adders {
            adder.join().expect("goes on");
        }
        backlog.close();
        assert_eq!(flusher.join().expect("ends"), 3);
    });
}

#[test]
fn the_end_is_told_to_whoever_waits_for_work_or_for_a_flush() {
    model(10, || {
        let backlog = Arc::new(Backlog::default());
        backlog.add_frozen(frozen());
        let waiting = thread::spawn({
            let backlog = Arc::clone(&backlog);
            move || backlog.wait_flushed(|| false)
        });
        let flusher = thread::spawn({
            let backlog = Arc::clone(&backlog);
            move || {
                // Takes the work and does not come to flush it.
                while !backlog.take(LONG).is_closed {}
            }
        });
        backlog.close();
        waiting.join().expect("goes on");
        flusher.join().expect("ends");
    });
}

#[test]
fn whoever_waits_for_room_hears_of_an_obstacle_and_of_its_end() {
    model(10, || {
        let backlog = Arc::new(Backlog::default());
        let flusher = thread::spawn({
            let backlog = Arc::clone(&backlog);
            move || {
                backlog.note_obstacle(Some("the disk is full".to_owned()));
                backlog.note_obstacle(None);
                backlog.note_obstacle(Some("the disk is full again".to_owned()));
            }
        });
        // Looks, and if it is not yet as it will be in the end waits to be told.
        while backlog.obstacle().as_deref() != Some("the disk is full again") {
            backlog.obstacles().recv().expect("both ends live in the backlog");
        }
        flusher.join().expect("ends");
    });
}
