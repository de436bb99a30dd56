//! Writing the journal and reading it back, on the real disk.

use std::io;
use std::sync::Arc;

use annals_model::{BatchBuilder, CommitTime, EventBatch, EventTime, Sequence, Shard, TableId};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::disk::{Disk, RealDisk};
use crate::framed::{FrameInfo, FramePlace};
use crate::identity::StoreIdentity;
use crate::layout::{self, FileNumber};
use crate::state::StateRecord;

const TABLE: TableId = TableId::from_bytes([7; 16]);
const OPTIONS: JournalOptions =
    JournalOptions { file_bytes: 64 * 1024, short_file_bytes: 8 * 1024, spare_files_max: 2 };

#[derive(Debug)]
struct NoRegister;

impl RegisterFile for NoRegister {
    fn journal_started(&self, _: FileNumber) -> io::Result<()> {
        Ok(())
    }
}

struct Fixture {
    _directory: TempDir,
    disk: Arc<dyn Disk>,
    identity: StoreIdentity,
    first_needed: FileNumber,
    started: Option<FileNumber>,
}

impl Fixture {
    fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(directory.path()));
        let identity = StoreIdentity { uuid: Uuid::from_u128(1), salt: 2, created_unix_nanos: 3 };
        crate::store::create(&*disk, &identity, crate::store::StoreOptions::default()).expect("a store");
        Self { _directory: directory, disk, identity, first_needed: FileNumber::FIRST, started: None }
    }

    fn recover(&self) -> (Recovered, Vec<(FramePlace, JournalRecord)>) {
        let mut records = Vec::new();
        let from = RecoverFrom { first_needed: self.first_needed, started: self.started, must_hold: Vec::new() };
        let recovered = recover(&*self.disk, &self.identity, from, |info: &FrameInfo, record| {
            records.push((info.place, record));
            Ok(())
        });
        (recovered.expect("a journal without damage"), records)
    }

    fn spares(&self) -> usize {
        let names = self.disk.list(std::path::Path::new(layout::JOURNAL)).expect("listed");
        names.iter().filter(|name| layout::number_in_name(name, "spare").is_some()).count()
    }

    fn open(&mut self) -> Journal {
        let (recovered, _) = self.recover();
        self.started = Some(recovered.next_file);
        Journal::start(Arc::clone(&self.disk), self.identity, OPTIONS, &recovered, Arc::new(NoRegister))
            .expect("a journal")
    }
}

fn batch(events: &[&[u8]]) -> EventBatch {
    let mut builder = BatchBuilder::default();
    for (nth, event) in (0..).zip(events) {
        builder.push(&[b"key", event], 0..3, EventTime::from_unix_nanos(nth));
    }
    builder.finish()
}

fn commit(journal: &mut Journal, frame: &mut JournalFrame) -> FramePlace {
    journal.write(frame, CommitTime::from_unix_nanos(9)).expect("written").sync().expect("synced")
}

fn commit_mark(mut journal: Journal) {
    let mut frame = JournalFrame::new();
    frame.push_mark(Mark::Idle);
    commit(&mut journal, &mut frame);
}

#[test]
fn what_was_committed_is_read_back_in_order_after_a_restart() {
    let mut fixture = Fixture::new();
    let mut journal = fixture.open();
    let mut frame = JournalFrame::new();
    let large = vec![b'x'; 20_000];
    frame.push_state(&StateRecord::DroppedForgotten { table: TABLE });
    frame.push_batch(TABLE, Shard::new(3), Sequence::new(11), &batch(&[b"one", b"", &large]));
    let first = commit(&mut journal, &mut frame);
    frame.clear();
    frame.push_mark(Mark::Idle);
    let second = commit(&mut journal, &mut frame);
    assert_eq!(second.offset, first.end.offset);
    fixture.started = Some(journal.end().file);
    drop(journal);

    let (recovered, records) = fixture.recover();
    assert_eq!((recovered.frames, recovered.end, recovered.torn), (2, Some(second.end), None));
    assert_eq!((recovered.last_mark, recovered.last_frame), (Some(Mark::Idle), Some(second.end)));
    assert_eq!(recovered.newest_commit, Some(CommitTime::from_unix_nanos(9)));
    let [(at, JournalRecord::State(_)), (_, JournalRecord::Batch(read)), (_, JournalRecord::Mark(Mark::Idle))] =
        &records[..]
    else {
        panic!("three records: {records:?}")
    };
    assert_eq!(*at, first);
    assert_eq!((read.table, read.shard, read.first_sequence), (TABLE, Shard::new(3), Sequence::new(11)));
    let expected = batch(&[b"one", b"", &large]);
    assert_eq!((read.events.bytes(), read.events.rows()), (expected.bytes(), expected.rows()));
}

#[test]
fn a_full_file_is_followed_by_the_next_and_a_frame_longer_than_a_file_makes_its_file_longer() {
    let mut fixture = Fixture::new();
    let mut journal = fixture.open();
    let mut frame = JournalFrame::new();
    let mut places = Vec::new();
    for size in [1_000, 30_000, 30_000, 100_000, 10, 20] {
        frame.clear();
        frame.push_batch(TABLE, Shard::ZERO, Sequence::FIRST, &batch(&[&vec![b'x'; size]]));
        places.push(commit(&mut journal, &mut frame));
    }
    let files: Vec<u32> = places.iter().map(|place| place.file.get()).collect();
    // The first is a short one, which is never made longer.
    assert_eq!(files, [1, 2, 3, 4, 5, 5]);
    drop(journal);
    fixture.started = FileNumber::new(5);
    let (recovered, records) = fixture.recover();
    assert_eq!(recovered.files.len(), 5);
    assert_eq!(records.iter().map(|(place, _)| *place).collect::<Vec<_>>(), places);
}

#[test]
fn opening_starts_the_next_file_and_released_files_are_used_again() {
    let mut fixture = Fixture::new();
    let mut frame = JournalFrame::new();
    for restart in 1..=4 {
        let mut journal = fixture.open();
        assert_eq!(journal.end().file.get(), restart);
        frame.clear();
        frame.push_mark(Mark::Idle);
        commit(&mut journal, &mut frame);
        if restart == 4 {
            let first = FileNumber::new(4).expect("not zero");
            assert_eq!(journal.files().release_before(first).expect("released"), 3);
            assert_eq!(fixture.spares(), 1, "the reserve; no more short ones are kept");
            fixture.first_needed = first;
        }
    }
    let mut journal = fixture.open();
    assert_eq!(fixture.spares(), 0, "it is used again");
    frame.clear();
    frame.push_batch(TABLE, Shard::ZERO, Sequence::FIRST, &batch(&[b"on used sectors"]));
    let place = commit(&mut journal, &mut frame);
    let (recovered, records) = fixture.recover();
    assert_eq!((recovered.files.len(), recovered.torn, recovered.end), (2, None, Some(place.end)));
    assert_eq!(records.len(), 2);
}

#[test]
fn sealing_ahead_gives_the_same_frame() {
    let mut fixture = Fixture::new();
    let mut journal = fixture.open();
    let time = CommitTime::from_unix_nanos(9);
    let (mut first, mut second) = (JournalFrame::new(), JournalFrame::new());
    // Too long for the file that a store begins with: the second frame's place is then behind it, in a long one.
    first.push_batch(TABLE, Shard::ZERO, Sequence::FIRST, &batch(&[&[b'x'; 10_000]]));
    second.push_batch(TABLE, Shard::ZERO, Sequence::FIRST, &batch(&[b"a"]));
    let unsynced = journal.write(&mut first, time).expect("written");
    journal.seal(&mut second, time);
    unsynced.sync().expect("synced");
    commit(&mut journal, &mut second);
    fixture.started = Some(journal.end().file);
    assert_eq!(fixture.recover().0.frames, 2);
}

#[test]
#[should_panic(expected = "a frame is written once the one before is synced")]
fn a_frame_is_not_written_before_the_one_before_is_synced() {
    let mut fixture = Fixture::new();
    let mut journal = fixture.open();
    let mut frame = JournalFrame::new();
    frame.push_mark(Mark::Idle);
    let time = CommitTime::from_unix_nanos(9);
    let _unsynced = journal.write(&mut frame, time).expect("written");
    let _never = journal.write(&mut frame, time);
}

#[test]
fn a_frame_of_any_length_finds_room_however_short_the_file_is_that_a_store_begins_with() {
    for bytes in [100, 3_000, 4_000, 5_000, 8_192, 60_000, 70_000, 24 * 1024 * 1024] {
        let mut fixture = Fixture::new();
        let mut journal = fixture.open();
        let mut frame = JournalFrame::new();
        frame.push_batch(TABLE, Shard::ZERO, Sequence::FIRST, &batch(&[&vec![b'x'; bytes]]));
        let place = commit(&mut journal, &mut frame);
        fixture.started = Some(journal.end().file);
        drop(journal);
        let (recovered, records) = fixture.recover();
        assert_eq!((recovered.end, records.len()), (Some(place.end), 1), "{bytes} bytes");
        let short = fixture.disk.open(&layout::journal_file(FileNumber::FIRST)).and_then(|file| file.length());
        assert_eq!(short.expect("its length"), 2 * crate::framed::BLOCK, "{bytes} bytes");
    }
}

#[test]
fn spares_are_given_back_and_made_again_and_the_reserve_stays() {
    let mut fixture = Fixture::new();
    let journal = fixture.open();
    let files = journal.files();
    files.prepare_spare().expect("a spare");
    assert_eq!(files.give_back().expect("given back"), 1);
    assert!(!files.has_spare());
    assert_eq!((fixture.spares(), files.give_back().expect("nothing")), (1, 0));
    files.prepare_spare().expect("a spare");
    assert!(files.has_spare());
    commit_mark(journal);
    // A spare that is there is what an opening takes.
    let journal = fixture.open();
    assert!(!journal.files().has_spare());
    assert_eq!(fixture.spares(), 1);
}
