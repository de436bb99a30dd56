//! The power goes at every call that the store makes to the disk: it opens again, with all that was acknowledged.

use std::sync::Arc;

use annals_storage::disk::Disk;
use annals_storage::store::{self, OpenError};
use annals_testkit::disk::{Fault, MemoryDisk, Unsynced};
use annals_testkit::seed::{announce, seeds};
use annals_testkit::small_store::{self, Contents, Ledger, OPTIONS, Worker};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn shared(disk: &MemoryDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

/// Runs the workload until the power goes at `call`; gives the ledger, and whether it got to its end.
fn work_until(disk: &MemoryDisk, call: u64) -> (Ledger, bool) {
    let mut ledger = Ledger::default();
    disk.set_fault(Some(Fault::PowerOff { call }));
    let is_done = small_store::work(&shared(disk), &mut ledger).is_ok();
    (ledger, is_done)
}

/// What the store holds; nothing where it was not made yet.
fn reopened(disk: &MemoryDisk) -> Contents {
    let before = match small_store::read(disk) {
        Ok(contents) => contents,
        Err(OpenError::NoStore) => return Contents::default(),
        Err(error) => panic!("reading only: {error}"),
    };
    let (store, contents) = small_store::open(&shared(disk), OPTIONS).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(before, contents, "opened for reading only and for writing a store holds the same");
    drop(store);
    contents
}

/// After a crash the store holds what it must, and goes on: more is committed, closed, and read again.
fn check_and_go_on(disk: &MemoryDisk, ledger: &Ledger) {
    let contents = reopened(disk);
    small_store::check(&contents, ledger).unwrap_or_else(|wrong| panic!("{wrong}"));
    let last = contents.sequences.last().copied().unwrap_or(ledger.acknowledged);
    let segment = contents.segments.last().copied().unwrap_or(0);
    let mut ledger =
        Ledger { begun: last, acknowledged: last, segment_begun: segment, segment_acknowledged: segment, ..*ledger };
    let mut worker = Worker::open(&shared(disk), &mut ledger).expect("opened again");
    worker.commit(3).expect("committed");
    worker.close().expect("closed");
    let contents = reopened(disk);
    small_store::check(&contents, &ledger).unwrap_or_else(|wrong| panic!("after going on: {wrong}"));
}

fn calls_of_the_workload() -> u64 {
    let disk = MemoryDisk::new();
    disk.set_fault(None);
    let mut ledger = Ledger::default();
    small_store::work(&shared(&disk), &mut ledger).expect("nothing fails");
    small_store::check(&reopened(&disk.copy()), &ledger).expect("all is there");
    disk.calls().all()
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_goes_at_any_call_and_nothing_unsynced_is_kept() {
    for call in 0..calls_of_the_workload() {
        let disk = MemoryDisk::new();
        let (ledger, _) = work_until(&disk, call);
        disk.power_cut(|_| false);
        check_and_go_on(&disk, &ledger);
    }
}

#[test]
fn nothing_is_lost_when_the_process_dies_at_any_call() {
    for call in 0..calls_of_the_workload() {
        let disk = MemoryDisk::new();
        let (ledger, _) = work_until(&disk, call);
        disk.power_cut(|_| true);
        check_and_go_on(&disk, &ledger);
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_any_sectors_and_names_are_kept() {
    let calls = calls_of_the_workload();
    for seed in seeds(1_000) {
        let _announced = announce(seed);
        let mut random = StdRng::seed_from_u64(seed);
        let disk = MemoryDisk::new();
        let (ledger, _) = work_until(&disk, random.random_range(0..calls));
        let share = random.random_range(0.0..1.0);
        disk.power_cut(|unsynced| match unsynced {
            Unsynced::Sector { .. } => random.random_bool(share),
            Unsynced::Name { .. } => random.random(),
        });
        // The power goes a second time, while the store is opened.
        let call = random.random_range(0..120);
        disk.set_fault(Some(Fault::PowerOff { call }));
        drop(small_store::open(&shared(&disk), OPTIONS));
        disk.power_cut(|_| random.random_bool(share));
        check_and_go_on(&disk, &ledger);
    }
}

#[test]
fn a_store_is_made_after_all_when_the_power_went_several_times_while_it_was_made() {
    for seed in seeds(1_000) {
        let _announced = announce(seed);
        let mut random = StdRng::seed_from_u64(seed);
        let disk = MemoryDisk::new();
        for _ in 0..3 {
            disk.set_fault(Some(Fault::PowerOff { call: random.random_range(0..60) }));
            // Whether this attempt gets to its end does not matter.
            let _ = store::create(&disk, &small_store::identity(), OPTIONS);
            disk.power_cut(|_| random.random());
        }
        let (ledger, is_done) = work_until(&disk, u64::MAX);
        assert!(is_done, "the store is made and used");
        check_and_go_on(&disk, &ledger);
    }
}
