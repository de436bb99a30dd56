//! Merging and copying keep every event, bit for bit, and the sums that the manifest keeps.

use annals_model::Sequence;
use bytes::Bytes;
use proptest::prelude::*;

use super::support::{TestEvent, TestStore, events, sorted};
use crate::segment::read::cache::Access;
use crate::segment::{
    Direction, RUN_BYTES_MAX, ReadError, RowSpan, Run, RunFault, SegmentId, SegmentSummary, WriteError, merge_groups,
    merge_runs,
};

fn merged(store: &TestStore, id: u64, sources: &[Run]) -> SegmentSummary {
    let mut writer = store.segments.create(SegmentId::new(id)).expect("creates");
    merge_runs(sources, &mut writer).expect("merges");
    writer.finish().expect("seals")
}

fn in_order(run: &Run) -> Vec<Bytes> {
    let mut cursor = run.cursor(RowSpan::all(), Direction::Ascending, Access::Read).expect("opens");
    let mut events = Vec::new();
    while let Some(event) = cursor.event() {
        events.push(event.bytes);
        cursor.advance(Access::Read).expect("reads on");
    }
    events
}

fn arrived(run: &Run) -> Vec<(Bytes, i64)> {
    let arrivals = run.arrivals(Access::Read).expect("decodes");
    arrivals.events_from(Sequence::ZERO).map(|event| (event.bytes, event.commit_time.unix_nanos())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_merged_run_holds_the_events_of_its_sources_and_nothing_else(
        sizes in prop::collection::vec(1_u64..400, 1..7),
        partitions in 1_u64..90,
        filler in 0_usize..400,
    ) {
        let store = TestStore::new();
        let mut first = 31;
        let lists: Vec<Vec<TestEvent>> = sizes.iter().map(|size| {
            let list = events(first..=first + size - 1, partitions, filler);
            first += size;
            list
        }).collect();
        let sources = store.segments.runs(&store.write(1, &lists));
        let summary = merged(&store, 2, &sources);
        prop_assert!(store.segments.verify(&summary).findings.is_empty());
        let [run] = &store.segments.runs(&summary)[..] else { panic!("one run") };
        let all: Vec<TestEvent> = lists.concat();
        let expected: Vec<Bytes> = sorted(&all).iter().map(|event| event.bytes.clone()).collect();
        prop_assert_eq!(in_order(run), expected);
        let before: Vec<(Bytes, i64)> = sources.iter().flat_map(arrived).collect();
        prop_assert_eq!(arrived(run), before);
        let bytes: u64 = sources.iter().map(|run| run.summary().event_bytes).sum();
        prop_assert_eq!(run.summary().event_bytes, bytes);
    }
}

#[test]
fn runs_are_merged_as_far_as_a_run_may_grow_and_a_full_one_is_copied() {
    let store = TestStore::new();
    let large = usize::try_from(RUN_BYTES_MAX / 12).expect("small");
    let run = |first: u64, filler: usize| (first..first + 5).map(|n| TestEvent::new("k", 1, n, filler)).collect();
    let lists: Vec<Vec<TestEvent>> = vec![run(1, large), run(6, large), run(11, large), run(16, 10), run(21, 10)];
    let summary = store.write(1, &lists);
    assert_eq!(merge_groups(&summary.runs), [0..2, 2..5]);
    let [full, rest] = &merged(&store, 2, &store.segments.runs(&summary)).runs[..] else { panic!("two runs") };
    assert_eq!((full.first.get(), full.last.get(), rest.first.get(), rest.last.get()), (1, 10, 11, 25));
    assert!(merge_groups([]).is_empty());
}

#[test]
fn a_copied_run_is_the_same_bytes_and_verifies_where_it_now_lies() {
    let store = TestStore::new();
    let one = store.write(1, &[events(1..=50, 3, 9), events(51..=2_500, 20, 90)]);
    let other = store.write(2, &[events(2_501..=2_600, 5, 9)]);
    let mut writer = store.segments.create(SegmentId::new(3)).expect("creates");
    let sources = [store.segments.runs(&one), store.segments.runs(&other)].concat();
    for run in sources.iter().rev() {
        writer.copy_run(run).expect("copies");
    }
    let joined = writer.finish().expect("seals");
    let report = store.segments.verify(&joined);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!((report.runs, report.events, report.bytes), (3, 2_600, joined.file_length));
    for (copy, source) in store.cold().runs(&joined).iter().zip(sources.iter().rev()) {
        assert_eq!(arrived(copy), arrived(source));
    }
}

#[test]
fn a_damaged_run_is_neither_copied_nor_merged() {
    let store = TestStore::new();
    let summary = store.write(1, &[events(1..=500, 3, 90), events(501..=600, 3, 90)]);
    let mut bytes = store.file(1);
    bytes[3_000] ^= 4;
    store.replace_file(1, &bytes);
    let sources = store.segments.runs(&summary);
    let damaged = |result| matches!(result, Err(WriteError::Source(ReadError::Damage(damage))) if damage.path == sources[0].path());
    let mut writer = store.segments.create(SegmentId::new(2)).expect("creates");
    assert!(damaged(writer.copy_run(&sources[0])));
    assert!(writer.finish().is_err());
    let mut writer = store.segments.create(SegmentId::new(3)).expect("creates");
    assert!(damaged(merge_runs(&sources, &mut writer)));
    assert!(writer.finish().is_err());
}

#[test]
fn runs_that_do_not_follow_one_another_are_not_merged() {
    let store = TestStore::new();
    let runs = store.segments.runs(&store.write(1, &[events(1..=5, 1, 1), events(7..=9, 1, 1)]));
    let mut writer = store.segments.create(SegmentId::new(2)).expect("creates");
    assert!(matches!(merge_runs(&runs, &mut writer), Err(WriteError::Run(RunFault::Neighbours))));
}
