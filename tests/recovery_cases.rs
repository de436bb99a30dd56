//! The cases of `crates/storage/FORMAT.md` that take a whole store, one test each, and the check that every case has
//! one. A test's name begins with the label of its case; those of single files stand beside the code.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals_model::CommitTime;
use annals_storage::DamageCase;
use annals_storage::disk::Disk;
use annals_storage::journal::{JournalFrame, Mark};
use annals_storage::store::{self, OpenError};
use annals_testkit::disk::{Fault, MemoryDisk};
use annals_testkit::small_store::{self, Contents, Ledger, OPTIONS, Worker};

fn shared(disk: &MemoryDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

/// A store in which two sequences were committed, and which was left as by a killed process.
fn killed_store() -> (MemoryDisk, Ledger) {
    let (disk, mut ledger) = (MemoryDisk::new(), Ledger::default());
    let mut worker = Worker::open(&shared(&disk), &mut ledger).expect("opened");
    worker.commit(1).expect("committed");
    worker.commit(1).expect("committed");
    drop(worker);
    (disk, ledger)
}

fn closed_store() -> MemoryDisk {
    let (disk, mut ledger) = killed_store();
    Worker::open(&shared(&disk), &mut ledger).expect("opened").close().expect("closed");
    disk
}

fn newest(disk: &MemoryDisk, directory: &str, extension: &str) -> PathBuf {
    let is_one = |path: &PathBuf| path.starts_with(directory) && path.extension().is_some_and(|is| is == extension);
    disk.files().into_iter().map(|(path, _)| path).rfind(is_one).expect("a file")
}

fn file_after(path: &Path) -> PathBuf {
    let number = u64::from_str_radix(path.file_stem().and_then(|name| name.to_str()).expect("a name"), 16);
    let extension = path.extension().and_then(|extension| extension.to_str()).expect("an extension");
    path.with_file_name(format!("{:016x}.{extension}", number.expect("a number") + 1))
}

fn put(disk: &MemoryDisk, path: &Path, bytes: &[u8]) {
    if !disk.holds(path) {
        disk.create(path).expect("made");
    }
    disk.damage(path, |present| *present = bytes.to_vec());
}

fn reopen(disk: &MemoryDisk) -> Contents {
    let (store, contents) = small_store::open(&shared(disk), OPTIONS).expect("opened");
    drop(store);
    assert_eq!(small_store::read(disk).expect("opened again"), contents);
    contents
}

fn damage(disk: &MemoryDisk) -> (DamageCase, PathBuf) {
    let before = disk.files();
    let opened = small_store::open(&shared(disk), OPTIONS);
    let Err(OpenError::Damaged(damage)) = opened else { panic!("damage was to be found: {opened:?}") };
    assert_eq!(disk.files(), before, "nothing is written to a damaged store");
    (damage.case, damage.path)
}

#[test]
fn empty_file_is_gone_on_with() {
    let (disk, mut ledger) = killed_store();
    for _ in 0..3 {
        assert_eq!(reopen(&disk).sequences, [1, 2]);
    }
    assert_eq!(disk.files().iter().filter(|(path, _)| path.starts_with("journal")).count(), 2);
    Worker::open(&shared(&disk), &mut ledger).expect("opened").commit(1).expect("committed");
    assert_eq!(disk.files().iter().filter(|(path, _)| path.starts_with("journal")).count(), 2);
    assert_eq!(reopen(&disk).sequences, [1, 2, 3]);
}

#[test]
fn unwritten_header_and_torn_header_of_the_newest_file_are_removed() {
    let header = {
        let (disk, _) = killed_store();
        reopen(&disk);
        disk.bytes(newest(&disk, "journal", "journal"))
    };
    for written in [0, 512, 1024, 3584] {
        let (disk, _) = killed_store();
        let path = file_after(&newest(&disk, "journal", "journal"));
        let mut bytes = vec![0; header.len()];
        bytes[..written].copy_from_slice(&header[..written]);
        put(&disk, &path, &bytes);
        assert_eq!(reopen(&disk).sequences, [1, 2]);
    }
}

#[test]
fn spare_left_is_used_or_removed() {
    let (disk, _) = killed_store();
    put(&disk, Path::new("journal/0000000000000000.spare"), &[0; 4096]);
    put(&disk, Path::new("journal/0000000000000001.spare"), &vec![0; 32 * 1024]);
    put(&disk, Path::new("journal/spare.new"), &[0; 100]);
    assert_eq!(reopen(&disk).sequences, [1, 2]);
    let left: Vec<_> = disk.files().into_iter().filter(|(path, _)| path.to_string_lossy().contains("spare")).collect();
    assert!(left.iter().all(|(path, _)| path.starts_with("manifest")), "{left:?}");
}

#[test]
fn released_file_left_is_released_again() {
    let (disk, mut ledger) = killed_store();
    let old = newest(&disk, "journal", "journal");
    let bytes = disk.bytes(&old);
    let mut worker = Worker::open(&shared(&disk), &mut ledger).expect("opened");
    worker.commit(1).expect("committed");
    worker.release().expect("released");
    drop(worker);
    assert!(!disk.holds(&old));
    put(&disk, &old, &bytes);
    assert_eq!(reopen(&disk).sequences, [3]);
    assert!(!disk.holds(&old));
}

#[test]
fn replaced_manifest_left_is_removed() {
    let (disk, _) = killed_store();
    let old = newest(&disk, "manifest", "manifest");
    let bytes = disk.bytes(&old);
    reopen(&disk);
    assert!(!disk.holds(&old));
    put(&disk, &old, &bytes);
    assert_eq!(reopen(&disk).sequences, [1, 2]);
    assert!(!disk.holds(&old));
}

#[test]
fn unborn_manifest_gives_way_to_the_one_before() {
    let (disk, _) = killed_store();
    let old = newest(&disk, "manifest", "manifest");
    let next = file_after(&old);
    let bytes = {
        let later = disk.copy();
        reopen(&later);
        later.bytes(&next)
    };
    // The header torn, the header alone, and a snapshot without its last sector.
    for written in [512, 4096, 8192 - 512] {
        let disk = disk.copy();
        let mut unborn = vec![0; bytes.len()];
        unborn[..written].copy_from_slice(&bytes[..written]);
        put(&disk, &next, &unborn);
        assert_eq!(reopen(&disk).sequences, [1, 2]);
    }
}

#[test]
fn unfinished_store_is_no_store_and_is_made_again() {
    let counting = MemoryDisk::new();
    counting.set_fault(None);
    store::create(&counting, &small_store::identity(), OPTIONS).expect("made");
    let calls = counting.calls().all();
    for call in 0..calls - 1 {
        let disk = MemoryDisk::new();
        disk.set_fault(Some(Fault::PowerOff { call }));
        store::create(&disk, &small_store::identity(), OPTIONS).expect_err("the power is off");
        disk.power_cut(|_| call % 2 == 0);
        if matches!(small_store::read(&disk), Err(OpenError::NoStore)) {
            store::create(&disk, &small_store::identity(), OPTIONS).expect("made");
        }
        assert!(reopen(&disk).sequences.is_empty());
    }
}

#[test]
fn mark_without_close_is_a_crash_between_the_two() {
    let (disk, mut ledger) = killed_store();
    let mut worker = Worker::open(&shared(&disk), &mut ledger).expect("opened");
    let edit = worker.store.manifest.read(annals_storage::manifest::ManifestState::next_edit);
    let mut frame = JournalFrame::new();
    frame.push_mark(Mark::Close { edit });
    let time = CommitTime::from_unix_nanos(9);
    worker.store.journal.write(&mut frame, time).expect("written").sync().expect("synced");
    drop(worker);
    assert_eq!(reopen(&disk).sequences, [1, 2]);
}

#[test]
fn frames_missing_is_found_before_the_end_that_the_next_file_names() {
    let (disk, _) = killed_store();
    let path = newest(&disk, "journal", "journal");
    reopen(&disk);
    disk.damage(&path, |bytes| bytes[8192..12288].fill(0));
    assert_eq!(damage(&disk), (DamageCase::FramesMissing, path));
}

#[test]
fn frames_missing_is_found_before_a_place_that_the_manifest_knows() {
    let (disk, mut ledger) = killed_store();
    let mut worker = Worker::open(&shared(&disk), &mut ledger).expect("opened");
    worker.commit(1).expect("committed");
    worker.flush().expect("flushed");
    drop(worker);
    let path = newest(&disk, "journal", "journal");
    // Without the manifest's word this would look like a frame that was never synced.
    disk.damage(&path, |bytes| bytes[4096..4608].fill(0));
    assert_eq!(damage(&disk), (DamageCase::FramesMissing, path));
}

#[test]
fn file_missing_is_found_for_every_journal_file_and_the_manifest() {
    let (disk, _) = killed_store();
    reopen(&disk);
    reopen(&disk);
    for (path, _) in disk.files() {
        if path.extension().is_some_and(|extension| extension == "journal" || extension == "manifest") {
            let without = disk.copy();
            without.lose(&path);
            assert_eq!(damage(&without).0, DamageCase::FileMissing, "{}", path.display());
        }
    }
}

#[test]
fn header_damaged_is_a_header_that_is_gone_from_a_file_that_the_manifest_names() {
    let (disk, _) = killed_store();
    reopen(&disk);
    let path = newest(&disk, "journal", "journal");
    disk.damage(&path, |bytes| bytes.fill(0));
    assert_eq!(damage(&disk), (DamageCase::HeaderDamaged, path));
}

#[test]
fn chain_broken_is_a_file_that_does_not_follow_the_one_before() {
    // Two stores of one identity part ways: the file of one does not follow the other's.
    let (disk, ledger) = killed_store();
    let other = disk.copy();
    let path = newest(&disk, "journal", "journal");
    for (disk, count) in [(&disk, 1), (&other, 2)] {
        let mut ledger = ledger;
        let mut worker = Worker::open(&shared(disk), &mut ledger).expect("opened");
        worker.commit(count).expect("committed");
        worker.commit(1).expect("committed");
        drop(worker);
        reopen(disk);
    }
    let second = file_after(&path);
    let foreign = other.bytes(&second);
    disk.damage(&second, |bytes| *bytes = foreign);
    assert_eq!(damage(&disk), (DamageCase::ChainBroken, second));
}

#[test]
fn content_wrong_is_what_the_reader_of_the_records_refuses() {
    let (disk, mut ledger) = killed_store();
    let mut worker = Worker::open(&shared(&disk), &mut ledger).expect("opened");
    worker.ledger.acknowledged = 7;
    worker.commit(1).expect("committed");
    drop(worker);
    assert_eq!(damage(&disk), (DamageCase::ContentWrong, newest(&disk, "journal", "journal")));
}

#[test]
fn older_copy_of_the_manifest_is_found_after_a_close() {
    let disk = closed_store();
    let path = newest(&disk, "manifest", "manifest");
    let bytes = disk.bytes(&path);
    let mut ledger = Ledger { begun: 2, acknowledged: 2, ..Ledger::default() };
    let mut worker = Worker::open(&shared(&disk), &mut ledger).expect("opened");
    worker.commit(1).expect("committed");
    drop(worker);
    disk.lose(newest(&disk, "manifest", "manifest"));
    put(&disk, &path, &bytes);
    assert_eq!(damage(&disk).0, DamageCase::OlderCopy);
}

#[test]
fn older_copy_of_the_journal_is_found_after_a_close() {
    let (disk, mut ledger) = killed_store();
    let mut worker = Worker::open(&shared(&disk), &mut ledger).expect("opened");
    worker.commit(1).expect("committed");
    let path = newest(&disk, "journal", "journal");
    let bytes = disk.bytes(&path);
    worker.commit(1).expect("committed");
    worker.close().expect("closed");
    put(&disk, &path, &bytes);
    assert_eq!(damage(&disk), (DamageCase::FramesMissing, path));
}

#[test]
fn identity_damaged_is_any_flipped_bit() {
    let (disk, _) = killed_store();
    for byte in 0..64 {
        disk.damage("STORE", |bytes| bytes[byte] ^= 2);
        assert_eq!(damage(&disk).0, DamageCase::IdentityDamaged);
        disk.damage("STORE", |bytes| bytes[byte] ^= 2);
    }
}

#[test]
fn every_case_of_the_format_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect("a file of the repository");
    let format = read("crates/storage/FORMAT.md");
    let (_, cases) = format.split_once("### How a file ends: the cases").expect("the cases");
    let (cases, _) = cases.split_once("\n## ").expect("the next chapter");
    let tests = ["crates/storage/src/framed/tests.rs", "crates/storage/src/state/tests.rs", "tests/recovery_cases.rs"];
    let tests: String = tests.into_iter().map(read).collect();
    let labels: Vec<&str> =
        cases.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(label, _)| label).collect();
    assert!(labels.len() > 25, "the cases are found: {labels:?}");
    let untested: Vec<_> = labels.iter().filter(|label| !tests.contains(&label.replace('-', "_"))).collect();
    assert!(untested.is_empty(), "cases without a test: {untested:?}");
}
