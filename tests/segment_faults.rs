//! Segments on a disk that fails, fills up and loses power: one that was sealed is whole, one that was not is no
//! segment, and what is left behind is cleared away.

use std::io;
use std::path::Path;
use std::sync::Arc;

use annals_model::{CommitTime, EventTime, Sequence, Shard, TableId, Token};
use annals_storage::disk::Disk;
use annals_storage::layout;
use annals_storage::segment::CacheLimits;
use annals_storage::segment::{Batch, Row, RunSpec, SegmentId, SegmentSummary, Segments, WriteError, merge_runs};
use annals_testkit::disk::{Fault, MemoryDisk};
use uuid::Uuid;

fn segments(disk: &MemoryDisk) -> Arc<Segments> {
    let store = Uuid::from_bytes([5; 16]);
    Segments::new(Arc::new(disk.clone()), layout::SEGMENTS, store, CacheLimits::default())
}

fn new_disk() -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.create_directory(Path::new(layout::SEGMENTS)).expect("a directory");
    disk.sync_directory(Path::new("")).expect("is durable");
    disk
}

/// Writes a segment with one run of these sequences, all of one partition.
fn write(segments: &Segments, id: u64, first: u64, last: u64) -> Result<SegmentSummary, WriteError> {
    let mut writer = segments.create(SegmentId::new(id))?;
    let batch = Batch { first: Sequence::new(first), commit_time: CommitTime::from_unix_nanos(id.cast_signed()) };
    let spec = RunSpec {
        table: TableId::from_bytes([6; 16]),
        shard: Shard::ZERO,
        first: Sequence::new(first),
        last: Sequence::new(last),
        batches: &[batch],
    };
    let event = [&b"key"[..], &[7; 2_000]].concat();
    let rows = (first..=last).map(|sequence| Row {
        token: Token::of(b"key"),
        time: EventTime::from_unix_nanos(sequence.cast_signed()),
        sequence: Sequence::new(sequence),
        key_offset: 0,
        key_length: 3,
        event: &event,
    });
    writer.write_run(&spec, rows)?;
    writer.finish()
}

/// Writes two segments, merges them into a third and removes the first two. Gives those sealed and not removed.
fn work(segments: &Arc<Segments>, sealed: &mut Vec<SegmentSummary>) -> Result<(), WriteError> {
    sealed.push(write(segments, 1, 1, 40)?);
    sealed.push(write(segments, 2, 41, 100)?);
    let sources: Vec<_> = sealed.iter().flat_map(|summary| segments.runs(summary)).collect();
    let mut writer = segments.create(SegmentId::new(3))?;
    merge_runs(&sources, &mut writer)?;
    sealed.push(writer.finish()?);
    while sealed.len() > 1 {
        // Once removing begins, a failure leaves open whether the file is there.
        let old = sealed.remove(0);
        segments.remove(old.id)?;
    }
    Ok(())
}

/// What was sealed verifies, and what is partial can be cleared away, so that its id is free again.
fn check(disk: &MemoryDisk, sealed: &[SegmentSummary]) {
    let segments = segments(disk);
    for summary in sealed {
        let report = segments.verify(summary);
        assert!(report.findings.is_empty(), "segment {}: {:?}", summary.id, report.findings);
        assert_eq!(report.events, u64::from(summary.runs[0].event_count));
    }
    segments.remove_partial().expect("clears away");
    let (_, strangers) = segments.list().expect("lists");
    assert!(strangers.is_empty(), "{strangers:?}");
    write(&segments, 9, 1, 3).expect("a new segment can be written");
}

fn calls_of_the_workload() -> u64 {
    let disk = new_disk();
    disk.set_fault(None);
    let mut sealed = Vec::new();
    work(&segments(&disk), &mut sealed).expect("nothing fails");
    assert_eq!(sealed.len(), 1);
    disk.calls().all()
}

#[test]
fn a_sealed_segment_survives_a_power_cut_at_any_later_call() {
    for call in 0..calls_of_the_workload() {
        for keep in [false, true] {
            let disk = new_disk();
            disk.set_fault(Some(Fault::PowerOff { call }));
            let mut sealed = Vec::new();
            assert!(work(&segments(&disk), &mut sealed).is_err(), "call {call} is one of the workload");
            disk.power_cut(|_| keep);
            check(&disk, &sealed);
        }
    }
}

#[test]
fn a_call_that_fails_is_an_error_and_never_a_segment() {
    for call in 0..calls_of_the_workload() {
        let disk = new_disk();
        disk.set_fault(Some(Fault::Once { call, kind: io::ErrorKind::Other }));
        let mut sealed = Vec::new();
        assert!(work(&segments(&disk), &mut sealed).is_err(), "call {call} failed in silence");
        disk.set_fault(None);
        check(&disk, &sealed);
    }
}

#[test]
fn a_full_disk_is_an_error_and_room_makes_it_go_on() {
    let disk = new_disk();
    let first = write(&segments(&disk), 1, 1, 40).expect("there is room");
    disk.set_capacity(Some(disk.used() + 100));
    let full = write(&segments(&disk), 2, 41, 100).expect_err("the disk is full");
    assert!(matches!(&full, WriteError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull), "{full}");
    disk.set_capacity(None);
    check(&disk, &[first]);
}
