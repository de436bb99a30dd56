//! What is changed, lost or put back behind a closed store's back is found, and what a crash leaves is told from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use annals_storage::disk::Disk;
use annals_storage::journal::JournalOptions;
use annals_storage::manifest::ManifestOptions;
use annals_storage::store::{OpenError, StoreOptions};
use annals_storage::verify::verify;
use annals_testkit::disk::{Failure, Fault, MemoryDisk, Operation, Unsynced};
use annals_testkit::seed::seeds;
use annals_testkit::small_store::{self, Contents, Ledger, OPTIONS, Worker};

/// Files of a few blocks, so that every bit of them can be tried.
const TINY: StoreOptions = StoreOptions {
    journal: JournalOptions { file_bytes: 12 * 1024, short_file_bytes: 12 * 1024, spare_files_max: 1 },
    manifest: ManifestOptions { file_bytes: 24 * 1024 },
};

fn shared(disk: &MemoryDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

/// A store that was closed, with two journal files that are needed and a snapshot of the state.
fn closed_store() -> (MemoryDisk, Contents) {
    let (disk, mut ledger) = (MemoryDisk::new(), Ledger::default());
    for run in 0..3 {
        let mut worker = Worker::open_with(&shared(&disk), TINY, &mut ledger).expect("opened");
        worker.commit(2).expect("committed");
        if run == 1 {
            worker.release().expect("released");
            worker.flush().expect("flushed");
        }
        worker.close().expect("closed");
    }
    let contents = small_store::read(&disk).expect("sound");
    assert!(verify(&disk).expect("a store").is_sound());
    assert_eq!(contents.sequences, [3, 4, 5, 6]);
    (disk, contents)
}

/// The files that hold something; a spare or a lock does not.
fn files(disk: &MemoryDisk) -> Vec<(PathBuf, usize)> {
    let holds =
        |path: &Path| path.extension().is_none_or(|extension| extension != "spare") && path != Path::new("LOCK");
    disk.files().into_iter().filter(|(path, _)| holds(path)).collect()
}

/// Whether the sector at the beginning of `bytes` was written in this life of a framed file.
fn is_live(path: &Path, bytes: &[u8]) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
    let number = u32::from_str_radix(name, 16).unwrap_or(1);
    !path.starts_with("journal") && !path.starts_with("manifest") || bytes[500..504] == number.to_le_bytes()
}

/// Asserts that `verify` would find what was done to a store, and that reading it fails or changes nothing.
fn assert_found(disk: &MemoryDisk, contents: &Contents, what: &dyn Fn() -> String) {
    let verified = verify(disk).expect("a store");
    assert!(!verified.is_sound(), "{} is not found", what());
    if let Ok(read) = small_store::read(disk) {
        assert_eq!(read, *contents, "{} changes what is read", what());
    }
}

/// All bits take minutes, so only one part in so many is tried; `ANNALS_TEST_CASES=61` tries all of them.
const PARTS: u64 = 61;

#[test]
fn every_flipped_bit_of_a_closed_store_is_found() {
    let (disk, contents) = closed_store();
    let parts = seeds(1);
    thread::scope(|scope| {
        for (path, length) in disk.files().into_iter().filter(|(_, length)| *length > 0) {
            let (disk, contents, parts) = (disk.copy(), &contents, parts.clone());
            scope.spawn(move || {
                for (byte, bit) in (0..length).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
                    // What tells sectors, headers and frames apart is tried whole.
                    let is_telling = byte < 8192 && (byte % 512 >= 500 || byte % 4096 < 72);
                    if is_telling || parts.contains(&((byte as u64 * 8 + bit) % PARTS)) {
                        disk.damage(&path, |bytes| bytes[byte] ^= 1 << bit);
                        assert_found(&disk, contents, &|| format!("bit {bit} of byte {byte} of {}", path.display()));
                        disk.damage(&path, |bytes| bytes[byte] ^= 1 << bit);
                    }
                }
                assert_eq!(small_store::read(&disk).expect("all was put back"), *contents);
            });
        }
    });
}

#[test]
fn a_file_of_a_closed_store_that_is_cut_short_is_found_at_each_length() {
    let (disk, contents) = closed_store();
    for (path, length) in files(&disk) {
        for left in (0..length).filter(|left| left % 512 < 3 || left % 61 == 0) {
            let short = disk.copy();
            short.damage(&path, |bytes| bytes.truncate(left));
            assert_found(&short, &contents, &|| format!("{} cut to {left} bytes", path.display()));
        }
    }
}

#[test]
fn a_file_of_a_closed_store_that_is_missing_is_found() {
    let (disk, _) = closed_store();
    for (path, _) in files(&disk) {
        let without = disk.copy();
        without.lose(&path);
        let opened = small_store::read(&without).expect_err("it is missed");
        if path == Path::new("STORE") {
            assert!(matches!(opened, OpenError::NoStore));
        } else {
            assert!(matches!(opened, OpenError::Damaged(_)), "{}: {opened}", path.display());
        }
    }
}

#[test]
fn a_sector_of_a_closed_store_that_is_zeroed_or_swapped_with_another_is_found() {
    let (disk, contents) = closed_store();
    for (path, length) in files(&disk) {
        let before = disk.bytes(&path);
        for sector in 0..length / 512 {
            let at = sector * 512;
            let other = (at + 3 * 512) % (length / 512 * 512);
            for what in ["zeroed", "swapped"] {
                let changed = disk.copy();
                changed.damage(&path, |bytes| {
                    if what == "zeroed" {
                        bytes[at..at + 512].fill(0);
                    } else {
                        (0..512).for_each(|byte| bytes.swap(at + byte, other + byte));
                    }
                });
                let place = format!("sector {sector} of {} {what}", path.display());
                match small_store::read(&changed) {
                    Ok(read) => assert_eq!(read, contents, "{place}"),
                    Err(OpenError::Damaged(_)) => {}
                    Err(error) => panic!("{place}: {error}"),
                }
                // One kind of sector that was never written is as good as the other.
                let is_same = changed.bytes(&path) == before;
                let is_as_good = what == "zeroed" && !is_live(&path, &before[at..]);
                // The last edit, half gone, is as a crash while the store was closed would have left it.
                let verified = verify(&changed).expect("a store");
                let is_found = !verified.is_sound() || !verified.torn.is_empty();
                assert!(is_same || is_as_good || is_found, "{place} is not found");
            }
        }
    }
}

#[test]
fn a_file_that_was_put_back_from_an_older_copy_is_found() {
    let (disk, mut ledger) = (MemoryDisk::new(), Ledger::default());
    let mut copies: Vec<BTreeMap<PathBuf, Vec<u8>>> = Vec::new();
    let copy = |disk: &MemoryDisk| files(disk).into_iter().map(|(path, _)| (path.clone(), disk.bytes(path))).collect();
    for _ in 0..3 {
        let mut worker = Worker::open(&shared(&disk), &mut ledger).expect("opened");
        for count in [2, 3] {
            worker.commit(count).expect("committed");
            copies.push(copy(&disk));
            worker.flush().expect("flushed");
            copies.push(copy(&disk));
        }
        worker.close().expect("closed");
        copies.push(copy(&disk));
    }
    let contents = small_store::read(&disk).expect("sound");
    let mut older = 0;
    for copy in &copies {
        for (path, bytes) in copy.iter().filter(|(path, bytes)| !disk.holds(path) || disk.bytes(path) != **bytes) {
            let put_back = disk.copy();
            if !disk.holds(path) {
                // An older manifest file beside the newest, or in its place.
                let newest = files(&disk).into_iter().find(|(path, _)| path.starts_with("manifest")).expect("one").0;
                put_back.lose(newest);
                put_back.create(path).expect("made");
            }
            put_back.damage(path, |present| present.clone_from(bytes));
            let read = small_store::read(&put_back);
            match read {
                Err(OpenError::Damaged(_)) => older += 1,
                // One edit older, the manifest is as a crash between the mark and the close would have left it.
                Ok(read) => assert_eq!(read, contents, "{}", path.display()),
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }
    assert!(older > 10, "only {older} older copies were tried");
}

/// Every subset of the sectors of a frame of one block, in a file that is new and in one that is used again.
#[test]
fn whatever_sectors_of_the_last_frame_were_written_it_is_cut_or_whole() {
    let (disk, mut ledger) = (MemoryDisk::new(), Ledger::default());
    for is_used_again in [false, true] {
        if is_used_again {
            let mut worker = Worker::open(&shared(&disk), &mut ledger).expect("opened");
            (0..4).for_each(|_| worker.commit(25).expect("committed"));
            worker.release().expect("released");
            worker.close().expect("closed");
        }
        for kept in 0..=255_u32 {
            check_torn_frame(&disk.copy(), ledger, kept);
        }
    }
}

fn check_torn_frame(disk: &MemoryDisk, mut ledger: Ledger, kept: u32) {
    let mut worker = Worker::open(&shared(disk), &mut ledger).expect("opened");
    worker.commit(2).expect("committed");
    let end = worker.store.journal.end();
    let path = format!("journal/{:016x}.journal", end.file.get());
    disk.set_fault(Some(Fault::PowerOff { call: 0 }));
    worker.commit(3).expect_err("the power is off");
    drop(worker);
    let first = end.offset / 512;
    let mut seen = 0;
    disk.power_cut(|unsynced| match unsynced {
        Unsynced::Sector { path: of, sector } if of == Path::new(&path) => {
            seen += 1;
            kept >> (sector - first) & 1 == 1
        }
        _ => true,
    });
    assert_eq!(seen, 8, "the frame is one block");
    let expected_torn = usize::from(kept != 0 && kept != 255);
    let (store, contents) = small_store::open(&shared(disk), OPTIONS).expect("opened");
    assert_eq!(store.report.torn.len(), expected_torn, "{kept:#010b}");
    let expected_last = if kept == 255 { ledger.begun } else { ledger.acknowledged };
    assert_eq!(contents.sequences.last(), Some(&expected_last), "{kept:#010b}");
    let aside = disk.files().iter().filter(|(path, _)| path.starts_with("quarantine")).count();
    assert_eq!(aside, expected_torn, "torn bytes are kept aside");
    drop(store);
    assert_eq!(small_store::read(disk).expect("opened again"), contents);
}

#[test]
fn a_sync_that_fails_is_final_and_what_it_did_not_confirm_is_not_acknowledged() {
    let counting = MemoryDisk::new();
    counting.set_fault(None);
    small_store::work(&shared(&counting), &mut Ledger::default()).expect("nothing fails");
    for sync in 0..counting.calls().of(Operation::Sync) {
        let (disk, mut ledger) = (MemoryDisk::new(), Ledger::default());
        disk.set_fault(Some(Fault::Nth { operation: Operation::Sync, nth: sync, failure: Failure::Io }));
        small_store::work(&shared(&disk), &mut ledger).expect_err("a sync failed");
        disk.power_cut(|_| false);
        match small_store::read(&disk) {
            Ok(contents) => {
                small_store::check(&contents, &ledger).unwrap_or_else(|wrong| panic!("sync {sync}: {wrong}"));
            }
            Err(OpenError::NoStore) => assert_eq!(ledger, Ledger::default()),
            Err(error) => panic!("sync {sync}: {error}"),
        }
    }
}

#[test]
fn after_a_failed_sync_the_journal_touches_the_disk_no_more() {
    let (disk, mut ledger) = (MemoryDisk::new(), Ledger::default());
    let mut worker = Worker::open(&shared(&disk), &mut ledger).expect("opened");
    disk.set_fault(Some(Fault::Nth { operation: Operation::Sync, nth: 0, failure: Failure::Io }));
    worker.commit(1).expect_err("the sync fails");
    let calls = disk.calls();
    for _ in 0..3 {
        let refused = worker.commit(1).expect_err("it is final");
        assert!(refused.to_string().contains("until the store is opened again"), "{refused}");
    }
    assert_eq!(disk.calls(), calls);
}

#[test]
fn any_call_that_fails_ends_in_an_error_or_in_nothing_and_never_in_a_wrong_store() {
    let counting = MemoryDisk::new();
    counting.set_fault(None);
    small_store::work(&shared(&counting), &mut Ledger::default()).expect("nothing fails");
    for kind in [std::io::ErrorKind::Other, std::io::ErrorKind::StorageFull] {
        for call in 0..counting.calls().all() {
            let (disk, mut ledger) = (MemoryDisk::new(), Ledger::default());
            disk.set_fault(Some(Fault::Once { call, kind }));
            let _ended = small_store::work(&shared(&disk), &mut ledger);
            disk.power_cut(|_| true);
            match small_store::read(&disk) {
                Ok(contents) => {
                    small_store::check(&contents, &ledger).unwrap_or_else(|wrong| panic!("call {call}: {wrong}"));
                }
                Err(OpenError::NoStore) => assert_eq!(ledger, Ledger::default()),
                Err(error) => panic!("call {call}, {kind}: {error}"),
            }
        }
    }
}

#[test]
fn on_a_full_disk_things_can_be_removed_and_appends_go_on_once_there_is_space() {
    let (disk, mut ledger) = (MemoryDisk::new(), Ledger::default());
    let mut worker = Worker::open(&shared(&disk), &mut ledger).expect("opened");
    worker.flush().expect("flushed");
    disk.set_capacity(Some(disk.used()));
    let refused = (0..100).find_map(|_| worker.commit(5).err()).expect("the disk is full");
    assert!(refused.to_string().contains("the disk is full"), "{refused}");
    // A change of the state, as a dropped table is, and edits that remove, have space of their own.
    worker.mark().expect("a frame without events");
    let segment = worker.store.manifest.read(|state| *state.segments().keys().next().expect("one"));
    let removed = [annals_storage::manifest::Edit::SegmentRemoved { segment }];
    worker.store.manifest.append(&removed).expect("removed");
    disk.set_capacity(None);
    worker.commit(5).expect("there is space again");
    worker.close().expect("closed");
    assert_eq!(small_store::read(&disk).expect("sound").sequences.last(), Some(&ledger.acknowledged));
}
