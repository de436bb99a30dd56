//! Segments: content that breaks the format under seals that hold. Reading it never fails otherwise than by an error,
//! and what verifying finds nothing wrong with, all readers read alike.

mod forged_segment;
mod readers;

use std::path::Path;
use std::sync::Arc;

use annals_model::{CommitTime, EventTime, Sequence, Shard, StoredEvent, TableId, Token};
use annals_storage::disk::Disk;
use annals_storage::layout;
use annals_storage::segment::CacheLimits;
use annals_storage::segment::{Batch, Row, RunSpec, SegmentId, SegmentSummary, Segments};
use bytes::Bytes;

use super::forge::IDENTITY;
use super::input::Input;
use crate::disk::MemoryDisk;
use forged_segment::ForgedSegment;

const TABLE: TableId = TableId::from_bytes([7; 16]);
const SHARD: Shard = Shard::new(3);
const ID: SegmentId = SegmentId::new(1);

/// Writes a run of events, takes its file apart, changes its contents, seals them anew, and reads it in every way.
///
/// # Panics
/// - When a reader panics.
/// - When a reader is refused, or readers disagree, and verifying finds nothing wrong.
/// - When anything is wrong with a segment that was not changed.
pub fn segment(data: &[u8]) {
    let mut input = Input::new(data);
    let events = events(&mut input);
    let disk = MemoryDisk::new();
    disk.create_directory(Path::new(layout::SEGMENTS)).expect("a disk in memory");
    let summary = write(&open(&disk), &events);
    let path = layout::segment_file(ID);
    let mut forged = ForgedSegment::new(&disk.bytes(&path), summary);
    let is_changed = forged.choose_changes(&mut input);
    let (file, summary) = forged.put_together();
    disk.damage(&path, |bytes| *bytes = file);
    let Some(summary) = summary else {
        assert!(is_changed, "the summary of an unchanged segment is one");
        return;
    };
    let found = readers::read(&open(&disk), &summary);
    if !is_changed {
        let found = found.expect("an unchanged segment is sound");
        assert_eq!(found, events, "what was written");
    }
}

/// Nothing of the segment is kept from one opening to the next.
fn open(disk: &MemoryDisk) -> Arc<Segments> {
    let limits = CacheLimits { parts_bytes: 1 << 20, decoded_runs_bytes: 1 << 20 };
    Segments::new(Arc::new(disk.clone()), layout::SEGMENTS, IDENTITY.uuid, limits)
}

/// Events of a run, by sequence.
fn events(input: &mut Input<'_>) -> Vec<StoredEvent> {
    let choice = input.byte();
    let first = if choice & 1 == 0 { 1 } else { u64::MAX - 100 };
    let large = if choice & 2 == 0 { 1 } else { 300 };
    let count = 1 + u64::from(choice >> 2);
    let mut commit_time = 0;
    (first..first + count)
        .map(|sequence| {
            let choice = input.byte();
            let key = [&b"key-"[..], &[b'a' + choice % 7]].concat();
            let time =
                if choice & 0x80 == 0 { i64::from(choice) * 900_000_000_000 } else { input.number().cast_signed() };
            commit_time += i64::from(choice & 0x10);
            let filler = vec![choice; large * usize::from(choice % 13)];
            let bytes = Bytes::from([b"?", &key[..], &sequence.to_le_bytes(), &filler].concat());
            StoredEvent {
                bytes,
                key_offset: 1,
                key_length: u16::try_from(key.len()).expect("a short key"),
                token: Token::of(&key),
                time: EventTime::from_unix_nanos(time),
                shard: SHARD,
                sequence: Sequence::new(sequence),
                commit_time: CommitTime::from_unix_nanos(commit_time),
            }
        })
        .collect()
}

fn write(segments: &Segments, events: &[StoredEvent]) -> SegmentSummary {
    let batch = |event: &StoredEvent| Batch { first: event.sequence, commit_time: event.commit_time };
    let mut batches: Vec<Batch> = events.iter().map(batch).collect();
    batches.dedup_by_key(|batch| batch.commit_time);
    let (first, last) = (events[0].sequence, events[events.len() - 1].sequence);
    let spec = RunSpec { table: TABLE, shard: SHARD, first, last, batches: &batches };
    let mut rows: Vec<Row<'_>> = events.iter().map(row).collect();
    rows.sort_by(|one, other| one.order().cmp(&other.order()));
    let mut writer = segments.create(ID).expect("a disk in memory");
    writer.write_run(&spec, rows).expect("rows that are a run");
    writer.finish().expect("a disk in memory")
}

fn row(event: &StoredEvent) -> Row<'_> {
    Row {
        token: event.token,
        time: event.time,
        sequence: event.sequence,
        key_offset: event.key_offset,
        key_length: event.key_length,
        event: &event.bytes,
    }
}
