//! Every way to read a segment, and what they must have in common.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use annals_model::{Sequence, StoredEvent, TimeRange, Token, TokenRange};
use annals_storage::segment::Access;
use annals_storage::segment::{
    Direction, ReadError, RowSpan, Run, RunPartition, SegmentId, SegmentSummary, Segments, WriteError, merge_runs,
};
use bytes::Bytes;

use super::row;

/// Reads the segment of one run in every way. Gives its events by sequence; none if verifying finds it damaged.
///
/// # Panics
/// When readers disagree on a segment with which verifying finds nothing wrong, or one is refused.
pub(super) fn read(segments: &Arc<Segments>, summary: &SegmentSummary) -> Option<Vec<StoredEvent>> {
    let report = segments.verify(summary);
    report.findings.iter().for_each(assert_of_content);
    let runs = segments.runs(summary);
    let whole: Vec<Result<RunRead, ReadError>> = runs.iter().map(RunRead::of).collect();
    let copied = copy(segments, &runs);
    let inspected = segments.inspect(summary).map(drop);
    if !report.findings.is_empty() {
        whole.iter().filter_map(|read| read.as_ref().err()).chain(inspected.as_ref().err()).for_each(assert_of_content);
        return None;
    }
    inspected.expect("what is verified can be inspected");
    copied.expect("what is verified can be copied and merged");
    let [read] = whole.try_into().expect("a segment of one run");
    let read = read.expect("what is verified can be read");
    read.check(&runs[0]);
    Some(read.arrivals)
}

/// Damage and the like, but never what a disk in memory does not do.
fn assert_of_content(error: &ReadError) {
    assert!(matches!(error, ReadError::Damage(_) | ReadError::Newer { .. }), "{error}");
}

/// A run as its readers give it.
#[derive(Debug)]
struct RunRead {
    ascending: Vec<StoredEvent>,
    descending: Vec<StoredEvent>,
    arrivals: Vec<StoredEvent>,
    /// By the permutation.
    single: Vec<StoredEvent>,
    partitions: Vec<RunPartition>,
    /// Partition by partition.
    by_partition: Vec<StoredEvent>,
}

impl RunRead {
    /// Reads on after an error too, so that every reader has its turn.
    fn of(run: &Run) -> Result<Self, ReadError> {
        let ascending = rows(run, RowSpan::all(), Direction::Ascending);
        let descending = rows(run, RowSpan::all(), Direction::Descending);
        let arrivals = run.arrivals(Access::Read).map(|run| run.events_from(Sequence::ZERO).collect::<Vec<_>>());
        let single = single(run);
        let partitions = partitions(run);
        let by_partition = by_partition(run, partitions.as_deref().unwrap_or_default());
        let others = others(run);
        others?;
        Ok(Self {
            ascending: ascending?,
            descending: descending?,
            arrivals: arrivals?,
            single: single?,
            partitions: partitions?,
            by_partition: by_partition?,
        })
    }

    fn check(&self, run: &Run) {
        let summary = run.summary();
        let sequences = summary.first.get()..=summary.last.get();
        assert!(self.arrivals.iter().map(|event| event.sequence.get()).eq(sequences), "each sequence of the run, once");
        let mut sorted = self.arrivals.clone();
        sorted.sort_by(|one, other| row(one).order().cmp(&row(other).order()));
        assert_eq!(self.ascending, sorted, "sorted, the same events");
        assert!(self.descending.iter().rev().eq(&self.ascending), "the same backwards");
        assert_eq!(self.single, self.arrivals, "one by one, the same events");
        assert_eq!(self.by_partition, self.ascending, "partition by partition, the same events");
        assert_eq!(self.partitions, expected_partitions(&self.ascending), "the partitions");
        assert!(self.arrivals.iter().all(|event| event.token == Token::of(row(event).key())), "the tokens of the keys");
    }
}

fn rows(run: &Run, span: RowSpan, direction: Direction) -> Result<Vec<StoredEvent>, ReadError> {
    let mut events = Vec::new();
    let mut cursor = run.cursor(span, direction, Access::Read)?;
    while let Some(event) = cursor.event() {
        events.push(event);
        assert!(events.len() <= run.summary().event_count as usize, "a cursor gives no more rows than the run has");
        cursor.advance(Access::Read)?;
    }
    Ok(events)
}

fn single(run: &Run) -> Result<Vec<StoredEvent>, ReadError> {
    let summary = run.summary();
    // A run of this target has few events; one that says otherwise is found out at its first.
    let sequences = (summary.first.get()..=summary.last.get()).take(1_000).map(Sequence::new);
    let events: Vec<_> = sequences.map(|sequence| run.event(sequence, Access::Read)).collect();
    events.into_iter().collect()
}

fn partitions(run: &Run) -> Result<Vec<RunPartition>, ReadError> {
    let mut cursor = run.partitions(Access::Read)?;
    let mut partitions = Vec::new();
    while let Some(partition) = cursor.partition() {
        partitions.push(partition.clone());
        assert!(partitions.len() <= run.summary().partition_count as usize, "no more partitions than the run has");
        cursor.advance(Access::Read)?;
    }
    Ok(partitions)
}

fn by_partition(run: &Run, partitions: &[RunPartition]) -> Result<Vec<StoredEvent>, ReadError> {
    let mut events = Vec::new();
    let mut failure = None;
    for partition in partitions {
        let (token, key) = (partition.token, &partition.key);
        match of_partition(run, token, key) {
            Ok(of_partition) => events.extend(of_partition),
            Err(error) => failure = Some(error),
        }
        match run.partition_stats(token, key, Access::Read) {
            Ok(found) => drop(found),
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(events), Err)
}

fn of_partition(run: &Run, token: Token, key: &Bytes) -> Result<Vec<StoredEvent>, ReadError> {
    let cursor = run.partition(token, key, TimeRange::ALL, Direction::Ascending, Access::Read)?;
    let Some(mut cursor) = cursor else { return Ok(Vec::new()) };
    let mut events = Vec::new();
    while cursor.row().is_some() {
        cursor.visit_here(Access::Read, |row| {
            events.push(row.event());
            ControlFlow::Continue(())
        })?;
        assert!(events.len() <= run.summary().event_count as usize, "a partition has no more rows than the run");
    }
    Ok(events)
}

/// What answers in numbers.
fn others(run: &Run) -> Result<(), ReadError> {
    let batches = run.batches(Access::Read).map(|batches| batches.iter().count());
    let commit = run.find_commit_time(run.summary().last_commit, Access::Read);
    let estimate = run.estimate(TokenRange::ALL, &TimeRange::ALL, Access::Read);
    let may_hold = run.indexed(Access::Read).map(|indexed| indexed.may_hold_token(Token::MIN));
    let times = run.may_hold_times(&TimeRange::ALL, Access::Read);
    batches.and(commit).and(estimate).and(may_hold).and(times).map(drop)
}

/// Writes the run into other segments: copied as it is, and merged.
fn copy(segments: &Arc<Segments>, runs: &[Run]) -> Result<(), WriteError> {
    let mut copies = segments.create(SegmentId::new(2))?;
    let copied = runs.iter().try_for_each(|run| copies.copy_run(run));
    let mut merged = segments.create(SegmentId::new(3))?;
    let merging = merge_runs(runs, &mut merged);
    copied?;
    merging?;
    copies.finish()?;
    merged.finish()?;
    Ok(())
}

fn expected_partitions(sorted: &[StoredEvent]) -> Vec<RunPartition> {
    let mut partitions: BTreeMap<(Token, Bytes), RunPartition> = BTreeMap::new();
    for event in sorted {
        let key = Bytes::copy_from_slice(row(event).key());
        let entry = partitions.entry((event.token, key.clone())).or_insert_with(|| RunPartition {
            token: event.token,
            key,
            event_count: 0,
            min_time: event.time,
            max_time: event.time,
            last_sequence: event.sequence,
        });
        entry.event_count += 1;
        entry.max_time = entry.max_time.max(event.time);
        entry.last_sequence = entry.last_sequence.max(event.sequence);
    }
    partitions.into_values().collect()
}
