//! The whole engine where its disk gives trouble, and where retention takes away what others read: whoever waits is told,
//! and goes on where that is possible.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use annals_embedded_on_shuttle::Options;
use annals_engine_on_shuttle::{AppendError, CatalogError, Engine, ReadError, TrimMode};
use annals_model::{Retention, Shard};
use annals_storage_on_shuttle::journal::JournalOptions;
use annals_testkit_on_shuttle::disk::{Failure, Fault, MemoryDisk, Operation};
use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use crate::engine_model::{Stage, answered, head_found_again, is_closed};
use crate::model::model;
use crate::sync::time;

/// Each append fills the memory: the next waits for its flush.
fn little_memory(options: &mut Options) {
    (options.memtable_bytes_max, options.run_bytes_max) = (1024, 1024);
}

#[test]
fn a_failed_flush_is_told_to_all_who_wait_for_its_memory() {
    model(4, || {
        let disk = MemoryDisk::new();
        let stage = Stage::new(&disk, |options| {
            little_memory(options);
            // So large that hardly any but flushes make files.
            options.journal =
                JournalOptions { file_bytes: 256 * 1024, short_file_bytes: 256 * 1024, spare_files_max: 1 };
        });
        // Seldom it is a spare journal file or a merged run, which are made later.
        let nth = thread_rng().gen_range(0..3);
        disk.set_fault(Some(Fault::Nth { operation: Operation::Create, nth, failure: Failure::Io }));
        let is_told = |error: &AppendError| matches!(error, AppendError::ReadOnly(_));
        let appending = [4, 4].map(|count| stage.appending(count, 5 * 1024, is_told));
        let answered = answered(appending);
        stage.engine.close().expect("closes");
        let head = stage.head();
        assert!(answered.iter().copied().eq(1..=head), "{answered:?} answered, the head is at {head}");
        drop(stage);
        disk.set_fault(None);
        assert_eq!(head_found_again(&disk), head, "what was answered is there");
    });
}

#[test]
fn a_disk_that_is_full_for_a_while_refuses_appends_and_then_takes_them() {
    let full_disks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&full_disks);
    model(4, move || {
        let disk = MemoryDisk::new();
        let stage = Stage::new(&disk, little_memory);
        disk.set_capacity(Some(disk.used() + thread_rng().gen_range(0..32 * 1024)));
        let is_full = |error: &AppendError| matches!(error, AppendError::DiskFull(_));
        let before = answered([20, 20].map(|count| stage.appending(count, 5 * 1024, is_full)));
        // Seldom all find room, since merges and used journal files give it back.
        counted.fetch_add(usize::from(before.len() < 40), Ordering::Relaxed);
        disk.set_capacity(None);
        let is_over = Arc::new(AtomicBool::new(false));
        let clock = thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || {
                while !is_over.load(Ordering::SeqCst) {
                    time::advance(Duration::from_millis(100));
                    thread::yield_now();
                }
            }
        });
        let after = loop {
            match stage.append(5 * 1024) {
                Ok(sequence) => break sequence,
                Err(error) => assert!(is_full(&error), "{error}"),
            }
            thread::yield_now();
        };
        assert_eq!(after, before.len() as u64 + 1, "{before:?} were stored");
        stage.engine.close().expect("closes");
        is_over.store(true, Ordering::SeqCst);
        clock.join().expect("ends");
        drop(stage);
        assert_eq!(head_found_again(&disk), after, "what was answered is there");
    });
    assert!(full_disks.load(Ordering::Relaxed) > 0, "the disk was full in some schedules");
}

/// Reads up to a sequence, or until the store closes. Of what is gone it is told, and goes on behind that.
fn read_what_retention_leaves(stage: &Stage, through: u64) {
    let mut watch = stage.watch();
    let mut next = 1;
    while next <= through {
        let head = watch.head(Shard::ZERO);
        if head.get() < next {
            if block_on(watch.changed()).is_err() {
                return;
            }
            continue;
        }
        next = match stage.read(next, head) {
            Ok(sequences) => {
                let end = next + sequences.len() as u64;
                assert!(end > next && sequences.iter().copied().eq(next..end), "{sequences:?} from {next}");
                end
            }
            Err(ReadError::Trimmed { first_retained, .. }) => {
                assert!(
                    first_retained.get() > next,
                    "{next} is said to be gone, all from {first_retained} on is there"
                );
                first_retained.get()
            }
            Err(ReadError::Closed) => return,
            Err(error) => panic!("{error}"),
        };
    }
}

#[test]
fn retention_beside_appends_and_reads_leaves_no_hole_that_nobody_is_told_of() {
    model(4, || {
        let disk = MemoryDisk::new();
        let stage = Stage::new(&disk, little_memory);
        let appending = [3, 3].map(|count| stage.appending(count, 5 * 1024, is_closed));
        let trimming = thread::spawn({
            let stage = stage.clone();
            move || {
                let everything = Retention { age_max: None, bytes_max: Some(0) };
                for _ in 0..3 {
                    match block_on(stage.engine.trim(stage.table, everything, TrimMode::Apply)) {
                        Ok(_) | Err(CatalogError::Closed | CatalogError::Read(ReadError::Closed)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
        let reading = thread::spawn({
            let stage = stage.clone();
            move || read_what_retention_leaves(&stage, 6)
        });
        let closing = thread_rng().gen_bool(0.3).then(|| stage.closing());
        let answered = answered(appending);
        trimming.join().expect("is told");
        reading.join().expect("is told");
        closing.unwrap_or_else(|| stage.closing()).join().expect("comes to its end");
        let head = stage.head();
        assert!(answered.iter().copied().eq(1..=head), "{answered:?} answered, the head is at {head}");
        drop(stage);
        assert_eq!(head_found_again(&disk), head, "heads stay where they were");
    });
}
