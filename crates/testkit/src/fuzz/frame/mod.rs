//! The journal's files: what a reader hands on is what stands there by `FORMAT.md`, and nothing is missing in silence.

mod forged_journal;
mod records;

use std::path::Path;

use annals_storage::disk::Disk;
use annals_storage::framed::{FrameInfo, FramePlace};
use annals_storage::journal::{self, JournalRecord, Recovered};
use annals_storage::layout::{self, FileNumber};
use annals_storage::{Damage, ReadFailure};

use super::forge::{FRAME_HEADER, FrameFields, IDENTITY, payload_of};
use super::input::Input;
use crate::disk::MemoryDisk;
use forged_journal::{ForgedFrame, ForgedJournal};

/// Writes a journal, changes it, and reads it.
///
/// # Panics
/// - When a frame that was read is not, bit for bit, what `FORMAT.md` gives for its content.
/// - When, of files that were not forged, another frame is read than was written, or one that was durable is missed
///   without a word.
/// - When reading as far as a journal is sound gives something else than reading it whole.
pub fn frame(data: &[u8]) {
    let mut input = Input::new(data);
    let knows_newest = input.is_set();
    let mut journal = ForgedJournal::choose(&mut input);
    journal.change(&mut input);
    let disk = store(&journal);
    let mut frames = Vec::new();
    let from = journal.from(knows_newest);
    let outcome = journal::recover(&disk, &IDENTITY, from.clone(), |info, record| {
        note(&mut frames, info, record);
        Ok(())
    });
    let mut sound_frames = Vec::new();
    let (sound, damage) = journal::recover_sound(&disk, &IDENTITY, from, |info, record| {
        note(&mut sound_frames, info, record);
        Ok(())
    })
    .expect("a disk that does not fail");
    check_frames(&journal, accepted(&frames, damage.as_ref()));
    check_frames(&journal, accepted(&sound_frames, damage.as_ref()));
    match outcome {
        Ok(found) => {
            assert_eq!((&found, None), (&sound, damage), "a sound journal is read alike");
            check_end(&journal, &found, knows_newest);
        }
        Err(ReadFailure::Damaged(strict)) => {
            let found = damage.expect("what is damaged is damaged for all readers");
            // Headers are read before frames, so that of several damages the strict reader may name a later one.
            assert!(found.path <= strict.path, "{found}; but for the strict reader {strict}");
            assert!(found.path.starts_with(layout::JOURNAL), "damage is in the journal: {found}");
            let explained = journal.is_changed || journal.frames.iter().any(|frame| !frame.makes_sense);
            assert!(explained, "nothing was wrong, and yet: {found}");
        }
        Err(ReadFailure::Io { path, source }) => panic!("{}: {source}, on a disk that does not fail", path.display()),
    }
}

/// A frame as it was read.
struct ReadFrame {
    info: FrameInfo,
    records: Vec<JournalRecord>,
}

fn note(frames: &mut Vec<ReadFrame>, info: &FrameInfo, record: JournalRecord) {
    match frames.last_mut() {
        Some(last) if last.info == *info => last.records.push(record),
        _ => frames.push(ReadFrame { info: *info, records: vec![record] }),
    }
}

/// Those of the frames that were not refused: the last one's records may have turned out not to make sense.
fn accepted<'a>(frames: &'a [ReadFrame], damage: Option<&Damage>) -> &'a [ReadFrame] {
    match (frames.split_last(), damage) {
        (Some((last, before)), Some(damage)) if is_within(damage, last.info.place) => before,
        _ => frames,
    }
}

fn is_within(damage: &Damage, place: FramePlace) -> bool {
    damage.path == layout::journal_file(place.file) && (place.offset..place.end.offset).contains(&damage.offset)
}

fn store(journal: &ForgedJournal) -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.create_directory(Path::new(layout::JOURNAL)).expect("a disk in memory");
    for file in &journal.files {
        if let Some(bytes) = &file.bytes {
            let path = layout::journal_file(FileNumber::new(file.number).expect("from 1"));
            disk.create(&path).and_then(|file| file.write_at(bytes, 0)).expect("a disk in memory");
        }
    }
    disk
}

fn check_frames(journal: &ForgedJournal, frames: &[ReadFrame]) {
    for frame in frames {
        let place = frame.info.place;
        let file = journal.files.iter().find(|file| file.number == place.file.get()).expect("a file that is there");
        let bytes = file.bytes.as_ref().expect("a file that is there");
        let range = [place.offset, place.end.offset].map(|at| usize::try_from(at).expect("a small file"));
        let stored = &bytes[range[0]..range[1]];
        let payload = payload_of(stored);
        let u32_at = |at: usize| u32::from_le_bytes(payload[at..at + 4].try_into().expect("4 bytes"));
        let body = &payload[FRAME_HEADER..FRAME_HEADER + u32_at(12) as usize];
        let fields = FrameFields {
            commit_time: frame.info.commit_time.unix_nanos(),
            records: frame.info.records,
            chain: u64::from_le_bytes(payload[32..40].try_into().expect("8 bytes")),
        };
        let expected = journal.reference(place.file.get(), place.frame, place.offset, fields, body);
        assert!(stored == expected, "frame {place:?} is not what the page gives for its content");
        records::check(&frame.records, body);
    }
    if !journal.is_forged {
        let written = journal.frames.iter().filter(|frame| frame.records > 0);
        for (read, written) in frames.iter().zip(written.map(Some).chain([None])) {
            assert!(written.is_some_and(|written| is_same(read, written)), "{:?} was never written", read.info);
        }
    }
}

fn is_same(read: &ReadFrame, written: &ForgedFrame) -> bool {
    let place = read.info.place;
    (place.offset, place.end) == (written.offset, forged_journal::position(written.end))
        && read.info.commit_time.unix_nanos() == written.commit_time
        && read.info.records == written.records
}

/// A journal that was read to its end, without damage, is all there but perhaps for the newest frame.
fn check_end(journal: &ForgedJournal, found: &Recovered, knows_newest: bool) {
    if journal.is_forged {
        return;
    }
    let written = journal.frames.len() as u64;
    assert!(found.frames == written || found.frames + 1 == written && !knows_newest, "{found:?} of {written} frames");
    assert!(found.frames == written || journal.is_changed, "a frame of an unchanged journal is missed");
    if let Some(torn) = &found.torn {
        let end = found.end.expect("a journal that was read has an end");
        assert_eq!(torn.offset, end.offset, "a torn frame lies behind the last whole one");
        assert!(torn.sectors_written > 0 && torn.length > 0, "{torn:?} holds nothing");
    }
}
