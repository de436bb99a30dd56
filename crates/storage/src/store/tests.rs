//! Making, opening and closing a store on the real disk.

use std::sync::Arc;

use annals_model::{BatchBuilder, CommitTime, EventTime, Sequence, Shard, TableId};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::damage::{Damage, DamageCase};
use crate::disk::RealDisk;
use crate::framed::FrameInfo;
use crate::journal::RecordedBatch;
use crate::manifest::ManifestState;
use crate::state::StateRecord;

const OPTIONS: StoreOptions = StoreOptions {
    journal: JournalOptions { file_bytes: 32 * 1024, short_file_bytes: 32 * 1024, spare_files_max: 2 },
    manifest: ManifestOptions { file_bytes: 32 * 1024 },
};

#[derive(Debug, Default)]
struct Seen {
    first_sequences: Vec<u64>,
    changes: usize,
}

impl Replay for Seen {
    fn begin(&mut self, _: &StoreIdentity, _: &ManifestState, _: &State) {}

    fn batch(&mut self, _: &FrameInfo, batch: RecordedBatch, _: &State) -> Result<(), String> {
        self.first_sequences.push(batch.first_sequence.get());
        Ok(())
    }

    fn changed(&mut self, _: &FrameInfo, _: &StateRecord, _: &State) -> Result<(), String> {
        self.changes += 1;
        Ok(())
    }

    fn end(&mut self, _: &State, _: Option<&Damage>) -> Result<(), String> {
        Ok(())
    }
}

fn new_store() -> (TempDir, Arc<dyn Disk>) {
    let directory = TempDir::new().expect("a directory");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(directory.path()));
    let identity = StoreIdentity { uuid: Uuid::from_u128(1), salt: 2, created_unix_nanos: 3 };
    create(&*disk, &identity, OPTIONS).expect("a store");
    (directory, disk)
}

fn open_store(disk: &Arc<dyn Disk>) -> (OpenStore, Seen) {
    let mut seen = Seen::default();
    let store = open(Arc::clone(disk), OPTIONS, &mut seen).expect("a store without damage");
    (store, seen)
}

fn commit(store: &mut OpenStore, first_sequence: u64) -> Position {
    let mut batch = BatchBuilder::default();
    batch.push(&[b"key and event"], 0..3, EventTime::from_unix_nanos(1));
    let mut frame = JournalFrame::new();
    frame.push_batch(TableId::from_bytes([1; 16]), Shard::ZERO, Sequence::new(first_sequence), &batch.finish());
    frame.push_state(&StateRecord::DroppedForgotten { table: TableId::from_bytes([2; 16]) });
    let time = CommitTime::from_unix_nanos(i64::try_from(first_sequence).expect("small"));
    store.journal.write(&mut frame, time).expect("written").sync().expect("synced").end
}

fn close_store(store: &mut OpenStore) {
    close(&mut store.journal, &store.manifest, CommitTime::from_unix_nanos(100)).expect("closed");
}

#[test]
fn what_was_committed_is_replayed_whether_or_not_the_store_was_closed() {
    let (_directory, disk) = new_store();
    for (run, is_closed) in [(1, true), (2, false), (3, true), (4, true)] {
        let (mut store, seen) = open_store(&disk);
        assert_eq!(seen.first_sequences, (1..run).collect::<Vec<_>>());
        assert_eq!(store.report.was_closed, run == 2 || run == 4);
        commit(&mut store, run);
        if is_closed {
            close_store(&mut store);
        }
    }
}

#[test]
fn a_store_is_closed_at_whatever_place_the_journal_file_has_come_to() {
    let (_directory, disk) = new_store();
    for frames in 0..10 {
        let (mut store, seen) = open_store(&disk);
        let next = seen.first_sequences.len() as u64 + 1;
        for nth in next..next + frames {
            commit(&mut store, nth);
        }
        close_store(&mut store);
    }
    assert!(open_store(&disk).0.report.was_closed);
}

#[test]
fn a_snapshot_of_the_state_stands_for_the_records_before_it_and_lets_files_go() {
    let (_directory, disk) = new_store();
    let (mut store, _) = open_store(&disk);
    for nth in 1..=30 {
        commit(&mut store, nth);
    }
    let place = snapshot_state(&*disk, &store.identity, &store.manifest, &store.state, store.journal.end())
        .expect("a snapshot");
    commit(&mut store, 31);
    let first_needed = place.position.file;
    assert!(first_needed.get() > 1, "several files were filled");
    store.manifest.append(&[Edit::JournalReleased { first_needed }]).expect("appended");
    store.journal.files().release_before(first_needed).expect("released");
    drop(store);
    let (store, seen) = open_store(&disk);
    assert_eq!(seen.changes, 1);
    assert_eq!(store.state.newest_commit(), CommitTime::from_unix_nanos(31));
    assert_eq!(store.report.journal_files, 1);
}

#[test]
fn a_journal_file_that_no_snapshot_covers_is_not_released() {
    let (_directory, disk) = new_store();
    let (mut store, _) = open_store(&disk);
    for nth in 1..=30 {
        commit(&mut store, nth);
    }
    let first_needed = store.journal.end().file;
    let refused = store.manifest.append(&[Edit::JournalReleased { first_needed }]);
    assert!(matches!(refused, Err(ManifestError::Refused(_))), "{refused:?}");
}

#[test]
fn a_store_is_opened_by_one_process_at_a_time() {
    let (_directory, disk) = new_store();
    let (_store, _) = open_store(&disk);
    assert!(matches!(open(disk, OPTIONS, &mut Seen::default()), Err(OpenError::InUse)));
}

#[test]
fn a_store_is_not_made_over_another_or_over_the_rest_of_one() {
    let (directory, disk) = new_store();
    let identity = StoreIdentity { uuid: Uuid::from_u128(9), salt: 9, created_unix_nanos: 9 };
    assert!(create(&*disk, &identity, OPTIONS).is_err());
    std::fs::remove_file(directory.path().join(layout::STORE)).expect("removed");
    let refused = create(&*disk, &identity, OPTIONS).expect_err("there are files of a store");
    assert!(refused.to_string().contains("no STORE file"), "{refused}");
    assert!(matches!(open(disk, OPTIONS, &mut Seen::default()), Err(OpenError::NoStore)));
}

#[test]
fn an_older_copy_of_the_manifest_is_found() {
    let (directory, disk) = new_store();
    let (mut store, _) = open_store(&disk);
    commit(&mut store, 1);
    close_store(&mut store);
    drop(store);
    let manifest = directory.path().join(layout::MANIFEST);
    let copy = directory.path().join("copy");
    std::fs::rename(&manifest, &copy).expect("moved");
    std::fs::create_dir(&manifest).expect("made");
    for entry in std::fs::read_dir(&copy).expect("listed") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), manifest.join(entry.file_name())).expect("copied");
    }
    let (mut store, _) = open_store(&disk);
    commit(&mut store, 2);
    drop(store);
    std::fs::remove_dir_all(&manifest).expect("removed");
    std::fs::rename(&copy, &manifest).expect("moved");
    let Err(OpenError::Damaged(damage)) = open(disk, OPTIONS, &mut Seen::default()) else { panic!("it was opened") };
    assert_eq!(damage.case, DamageCase::OlderCopy);
}
