//! Damage is found: by the read of what is damaged, and by verifying in any case. Nothing damaged is handed out.

use std::sync::Arc;

use annals_model::Sequence;
use bytes::Bytes;

use super::support::{TestEvent, TestStore, events};
use crate::damage::{Damage, DamageCase};
use crate::segment::read::cache::Access;
use crate::segment::{Direction, ReadError, RowSpan, Run, SegmentFile, SegmentSummary, Segments};

/// Reads all that readers can ask for, and gives the events in their order, by sequence and by partition.
fn read_all(segments: &Arc<Segments>, summary: &SegmentSummary) -> Result<Vec<Bytes>, ReadError> {
    let mut all = Vec::new();
    for run in segments.runs(summary) {
        let mut cursor = run.cursor(RowSpan::all(), Direction::Ascending, Access::Read)?;
        while let Some(event) = cursor.event() {
            all.push(event.bytes);
            cursor.advance(Access::Read)?;
        }
        all.extend(run.arrivals(Access::Read)?.events_from(Sequence::ZERO).map(|event| event.bytes));
        all.push(run.event(run.summary().first, Access::Read)?.bytes);
        let mut partitions = run.partitions(Access::Read)?;
        while let Some(partition) = partitions.partition() {
            all.push(format!("{partition:?}").into());
            partitions.advance(Access::Read)?;
        }
    }
    Ok(all)
}

fn small_store() -> (TestStore, SegmentSummary) {
    let store = TestStore::new();
    let summary = store.write(1, &[events(1..=9, 3, 3), events(10..=12, 2, 3)]);
    (store, summary)
}

#[test]
fn every_flipped_bit_is_found_by_verifying_and_none_changes_what_is_read() {
    let (store, summary) = small_store();
    let sound = read_all(&store.cold(), &summary).expect("sound");
    let report = store.segments.verify(&summary);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!((report.runs, report.events, report.bytes), (2, 12, summary.file_length));
    let path = std::path::Path::new("segments").join(summary.id.file_name());
    let file = store.disk.open_writable(&path).expect("opens");
    let bytes = store.file(1);
    let mut found_by_reading = 0;
    for (at, &byte) in (0..).zip(&bytes) {
        for bit in 0..8 {
            file.write_at(&[byte ^ (1 << bit)], at).expect("writes");
            assert!(!store.segments.verify(&summary).findings.is_empty(), "bit {bit} of byte {at} went unnoticed");
            match read_all(&store.cold(), &summary) {
                Ok(read) => assert_eq!(read, sound, "bit {bit} of byte {at} changed what was read"),
                Err(ReadError::Damage(_)) => found_by_reading += 1,
                Err(other) => panic!("bit {bit} of byte {at}: {other}"),
            }
        }
        file.write_at(&[byte], at).expect("writes");
    }
    // Reading touches all of the runs; the header and the footer are left to verifying.
    let runs: u64 = summary.runs.iter().map(|run| run.length).sum();
    assert_eq!(found_by_reading, runs * 8);
}

#[test]
fn a_segment_that_was_cut_anywhere_is_found() {
    let (store, summary) = small_store();
    let bytes = store.file(1);
    for length in 0..bytes.len() {
        store.replace_file(1, &bytes[..length]);
        let report = store.segments.verify(&summary);
        let is_cut =
            |finding: &ReadError| matches!(finding, ReadError::Damage(Damage { case: DamageCase::FileTruncated, .. }));
        assert!(report.findings.iter().any(is_cut), "cut to {length}: {:?}", report.findings);
        let path = std::path::Path::new("segments").join(summary.id.file_name());
        assert!(SegmentFile::read(&*store.disk, &path).is_err(), "cut to {length}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let (store, summary) = small_store();
    std::fs::remove_file(store.file_path(1)).expect("removes");
    let Err(ReadError::Damage(damage)) = read_all(&store.cold(), &summary) else { panic!("damage") };
    assert_eq!((damage.case, damage.path), (DamageCase::FileMissing, store.segments.path(summary.id)));
    assert!(!store.segments.verify(&summary).findings.is_empty());
}

/// The bytes of the run's first block, by its place in the file.
fn first_block(run: &Run) -> std::ops::Range<usize> {
    let tail = run.index(Access::Read).expect("reads");
    let start = usize::try_from(run.summary().offset).expect("small");
    start..start + tail.rows.blocks()[0].page.length as usize
}

#[test]
fn a_sound_block_of_another_segment_is_not_taken_for_ones_own() {
    // The same rows in two segments, so that nothing but the salt tells their blocks apart.
    let store = TestStore::new();
    let list = events(1..=40, 3, 3);
    let (one, other) = (store.write(1, std::slice::from_ref(&list)), store.write(2, std::slice::from_ref(&list)));
    let (mut bytes, stale) = (store.file(1), store.file(2));
    let place = first_block(&store.cold().runs(&one)[0]);
    assert_eq!(place, first_block(&store.cold().runs(&other)[0]));
    bytes[place.clone()].copy_from_slice(&stale[place.clone()]);
    store.replace_file(1, &bytes);
    let Err(ReadError::Damage(damage)) = read_all(&store.cold(), &one) else { panic!("damage") };
    assert!(place.contains(&usize::try_from(damage.offset).expect("small")), "{damage}");
    assert!(!store.segments.verify(&one).findings.is_empty());
}

#[test]
fn an_older_life_of_a_whole_segment_is_not_taken_for_the_one_that_the_manifest_names() {
    let store = TestStore::new();
    let mut list = events(1..=40, 3, 3);
    let older = store.write(1, std::slice::from_ref(&list));
    let older_bytes = store.file(1);
    std::fs::remove_file(store.file_path(1)).expect("removes");
    // One event differs and the lengths do not: only content tells the two files apart.
    list[17] = TestEvent { bytes: list[17].bytes.iter().rev().copied().collect(), ..list[17].clone() };
    let key_length = list[17].key.len();
    let mut bytes = list[17].bytes.to_vec();
    bytes[1..=key_length].copy_from_slice(list[17].key.as_bytes());
    list[17].bytes = bytes.into();
    let newer = store.write(1, std::slice::from_ref(&list));
    store.replace_file(1, &older_bytes);
    assert!(read_all(&store.cold(), &older).is_ok(), "the older file is sound in itself");
    assert!(matches!(read_all(&store.cold(), &newer), Err(ReadError::Damage(_))));
    assert!(!store.segments.verify(&newer).findings.is_empty());
}

#[test]
fn another_stores_segment_is_found() {
    let (store, summary) = small_store();
    let stranger = Segments::new(
        Arc::clone(&store.disk),
        "segments",
        uuid::Uuid::from_bytes([0x33; 16]),
        crate::segment::CacheLimits::default(),
    );
    let findings = stranger.verify(&summary).findings;
    let [ReadError::Damage(damage)] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(damage.case, DamageCase::WrongStore);
}

#[test]
fn one_report_tells_of_every_bad_page_of_a_run() {
    let store = TestStore::new();
    let summary = store.write(1, &[events(1..=40, 3, 3)]);
    let run = store.cold().runs(&summary).remove(0);
    let tail = run.index(Access::Read).expect("reads");
    let offset = |place: u64| usize::try_from(run.summary().offset + place).expect("small");
    // Two pages side by side, one by its header alone, and an index: each is told once, and nothing else is.
    let (rows, permutation) = (0, tail.permutation_page.offset);
    let (batches, index) = (tail.batches_page.offset, tail.sections.last().expect("sections").1.offset);
    let mut bytes = store.file(1);
    bytes[offset(rows) + 50] ^= 1;
    bytes[offset(permutation) + 40] ^= 1;
    bytes[offset(batches) + 14] ^= 1;
    bytes[offset(index) + 40] ^= 1;
    store.replace_file(1, &bytes);
    let findings = store.segments.verify(&summary).findings;
    let found: Vec<usize> = findings
        .iter()
        .map(|finding| match finding {
            ReadError::Damage(damage) => usize::try_from(damage.offset).expect("small"),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(found, [rows, permutation, batches, index].map(offset), "{findings:?}");
}

#[test]
fn one_report_tells_of_damage_in_several_runs() {
    let (store, summary) = small_store();
    let mut bytes = store.file(1);
    for run in &summary.runs {
        bytes[usize::try_from(run.offset).expect("small") + 40] ^= 1;
    }
    store.replace_file(1, &bytes);
    assert_eq!(store.segments.verify(&summary).findings.len(), 2);
}
