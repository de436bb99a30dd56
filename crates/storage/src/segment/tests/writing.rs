//! Only whole runs become segments, and a segment has its name only once it is whole.

use annals_model::Sequence;

use super::support::{SHARD, TABLE, TestEvent, TestStore, batches, events, sorted};
use crate::segment::read::cache::Access;
use crate::segment::{Batch, Compression, RunFault, RunSpec, SegmentId, WriteError};

/// What writing these rows as sequences `first` to `last` is refused for.
fn refusal(rows: &[TestEvent], first: u64, last: u64, batches: &[Batch]) -> RunFault {
    let store = TestStore::new();
    let mut writer = store.segments.create(SegmentId::new(1)).expect("creates");
    let spec = RunSpec { table: TABLE, shard: SHARD, first: Sequence::new(first), last: Sequence::new(last), batches };
    match writer.write_run(&spec, rows.iter().map(TestEvent::row)) {
        Err(WriteError::Run(fault)) => {
            assert!(matches!(writer.finish(), Err(WriteError::Run(_))), "no segment of a run that was refused");
            fault
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_that_are_not_a_run_are_refused() {
    let rows = sorted(&events(5..=24, 3, 4));
    let whole = batches(&events(5..=24, 3, 4), 7);
    let refused = |rows: &[TestEvent]| refusal(rows, 5, 24, &whole);
    assert_eq!(refused(&rows[..19]), RunFault::Missing { found: 19, expected: 20 });
    let mut swapped = rows.clone();
    swapped.swap(3, 4);
    assert_eq!(refused(&swapped), RunFault::Order(Sequence::new(rows[3].sequence)));
    let mut twice = rows.clone();
    twice.insert(8, rows[7].clone());
    assert_eq!(refused(&twice), RunFault::Order(Sequence::new(rows[7].sequence)));
    let mut in_two_partitions = rows.clone();
    let other = rows.iter().position(|row| row.key != rows[0].key).expect("several keys");
    in_two_partitions[0].sequence = rows[other].sequence.min(rows[0].sequence);
    in_two_partitions[other].sequence = in_two_partitions[0].sequence;
    assert_eq!(refused(&in_two_partitions), RunFault::Sequence(Sequence::new(in_two_partitions[0].sequence)));
    let mut foreign = rows.clone();
    foreign[0].sequence = 25;
    assert_eq!(refused(&foreign), RunFault::Sequence(Sequence::new(25)));
    let mut keyless = rows.clone();
    keyless[0].key.clear();
    assert_eq!(refused(&keyless), RunFault::Key(Sequence::new(rows[0].sequence)));
    assert_eq!(refusal(&rows, 5, 24, &[]), RunFault::Batches);
    assert_eq!(refusal(&rows, 5, 24, &whole[1..]), RunFault::Batches);
    for (first, last) in [(0, 4), (9, 8), (1, u64::MAX)] {
        let range = RunFault::Range { first: Sequence::new(first), last: Sequence::new(last) };
        assert_eq!(refusal(&rows, first, last, &whole), range);
    }
}

#[test]
fn a_run_of_too_many_bytes_is_refused() {
    let rows: Vec<TestEvent> = (1..=12).map(|n| TestEvent::new("key", 1, n, 3_000_000)).collect();
    let batches = batches(&rows, 1);
    assert_eq!(refusal(&rows, 1, 12, &batches), RunFault::TooLarge);
}

#[test]
fn a_segment_has_its_name_only_once_it_is_finished() {
    let store = TestStore::new();
    let sealed = store.write(7, &[events(1..=10, 2, 5)]);
    // One writer crashed, one was given up.
    drop(store.segments.create(SegmentId::new(8)).expect("creates"));
    store.segments.create(SegmentId::new(9)).expect("creates").abandon().expect("removes");
    let (segments, strangers) = store.segments.list().expect("lists");
    let partial = SegmentId::new(8).partial_file_name();
    assert_eq!((segments, strangers), (vec![sealed.id], vec![partial.clone().into()]));
    assert_eq!(store.segments.remove_partial().expect("removes"), [std::path::PathBuf::from(partial)]);
    assert_eq!(store.segments.list().expect("lists"), (vec![sealed.id], vec![]));
    store.segments.remove(sealed.id).expect("removes");
    store.segments.remove(sealed.id).expect("what is gone is no error");
    assert_eq!(store.segments.list().expect("lists"), (vec![], vec![]));
}

#[test]
fn densely_compressed_a_segment_is_smaller_and_holds_the_same() {
    let store = TestStore::new();
    let rows = events(1..=2_000, 20, 100);
    let batches = batches(&rows, 7);
    let (first, last) = (Sequence::new(1), Sequence::new(2_000));
    let written = [Compression::Fast, Compression::Dense].map(|compression| {
        let mut writer = store.segments.create(SegmentId::new(compression as u64)).expect("creates");
        writer.set_compression(compression).expect("a level that zstd knows");
        let spec = RunSpec { table: TABLE, shard: SHARD, first, last, batches: &batches };
        writer.write_run(&spec, sorted(&rows).iter().map(TestEvent::row)).expect("writes");
        let length = writer.length();
        let run = store.segments.runs(&writer.finish().expect("seals")).remove(0);
        let arrivals = run.arrivals(Access::Read).expect("decodes");
        (length, arrivals.events_from(first).map(|event| event.bytes).collect::<Vec<_>>())
    });
    let [(fast, fast_events), (dense, dense_events)] = written;
    assert!(dense < fast, "{dense} bytes, fast {fast}");
    assert_eq!(dense_events, fast_events);
    assert_eq!(dense_events, rows.iter().map(|row| row.bytes.clone()).collect::<Vec<_>>());
}

#[test]
fn a_segment_without_runs_is_refused() {
    let store = TestStore::new();
    let writer = store.segments.create(SegmentId::new(1)).expect("creates");
    assert!(matches!(writer.finish(), Err(WriteError::Run(RunFault::NoRuns))));
}
