//! Retention: the oldest events go in whole runs, sequences go on, and every reader who asks for what is gone is told.

use std::time::Duration;

use annals_engine::{ArrivalRead, Engine, PartitionRead, ReadError, TrimMode};
use annals_model::{CommitTime, Retention, Sequence};

use crate::generator::{Generator, Shape};
use crate::subject::Subject;
use crate::trial::{NARROW, Tracked, Trial, definition};

const EVERYTHING: Retention = Retention { age_max: None, bytes_max: Some(0) };

/// A table whose events were settled in several steps, so that they lie in several runs.
async fn settled<S: Subject>(trial: &Trial<S>, name: &str, seed: u64) -> Tracked {
    let mut tracked = trial.create(definition(name, 2)).await;
    let mut generator = Generator::new(seed, Shape::default());
    for _ in 0..4 {
        let events = generator.events(60);
        tracked.append(&**trial.engine(), &events).await.expect("an append");
        trial.settle().await;
    }
    tracked
}

/// Planning tells what would go and removes nothing; keeping everything removes nothing.
pub async fn a_plan_removes_nothing<S: Subject>(mut trial: Trial<S>) {
    let tracked = settled(&trial, "plan", 51).await;
    let planned = trial.engine().trim(tracked.id(), EVERYTHING, TrimMode::Plan).await.expect("a plan");
    assert_eq!(planned.events, tracked.oracle.len(), "all that is settled would go");
    let ages = Retention { age_max: Some(Duration::from_hours(1)), bytes_max: None };
    for retention in [Retention::default(), ages] {
        let kept = trial.engine().trim(tracked.id(), retention, TrimMode::Apply).await.expect("a trim");
        assert_eq!(kept.events, 0, "{retention:?} keeps events of the last hour");
    }
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// By bytes, the oldest runs go first; whoever asks for what went is told from where events are stored.
pub async fn the_oldest_events_go_in_whole_runs_and_readers_are_told<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = settled(&trial, "oldest", 52).await;
    let stored = trial.engine().table_stats(tracked.id()).await.expect("statistics").stored_bytes;
    let half = Retention { age_max: None, bytes_max: Some(stored / 2) };
    let planned = trial.engine().trim(tracked.id(), half, TrimMode::Plan).await.expect("a plan");
    let removed = trial.engine().trim(tracked.id(), half, TrimMode::Apply).await.expect("a trim");
    assert_eq!(planned, removed, "what was planned is what goes");
    assert!(
        removed.events > 0 && removed.events < tracked.oracle.len(),
        "{} of {}",
        removed.events,
        tracked.oracle.len()
    );
    assert_eq!(tracked.adopt_floors(&**trial.engine()).await, removed.events);
    for shard in tracked.oracle.shards() {
        let Some(first) = tracked.oracle.first_retained(shard) else { continue };
        if first == Sequence::FIRST {
            continue;
        }
        let read = ArrivalRead { from: Sequence::FIRST, ..tracked.read_shard(shard) };
        let refused = trial.engine().read_arrivals(read).await.expect_err("the first event is gone");
        let ReadError::Trimmed { first_retained, asked, .. } = refused else { panic!("{refused}") };
        assert_eq!((first_retained, asked), (first, Sequence::FIRST));
        let refused = trial.engine().find_commit_time(tracked.id(), shard, CommitTime::MIN).await;
        assert!(matches!(refused, Err(ReadError::Trimmed { .. })), "{refused:?}");
    }
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// What stays takes at least the bytes asked for, if there were so many: the newest run stays for any bound but zero.
pub async fn a_bound_of_bytes_keeps_at_least_so_many_and_so_the_newest_run<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = settled(&trial, "newest", 56).await;
    let stored = trial.engine().table_stats(tracked.id()).await.expect("statistics").stored_bytes;
    for kept in [stored, stored / 2, stored / 4, 1] {
        let bound = Retention { age_max: None, bytes_max: Some(kept) };
        let removed = trial.engine().trim(tracked.id(), bound, TrimMode::Apply).await.expect("a trim");
        assert!(kept < stored || removed.events == 0, "all is asked for");
        assert_eq!(tracked.adopt_floors(&**trial.engine()).await, removed.events);
        trial.settle().await;
        let left = trial.engine().table_stats(tracked.id()).await.expect("statistics").stored_bytes;
        assert!(left >= kept, "{left} of at least {kept}");
    }
    assert!(!tracked.oracle.is_empty(), "the newest events stay");
    assert!(tracked.oracle.len() <= 60, "{} events of more than one run stay", tracked.oracle.len());
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// A shard that was emptied goes on where it was, over reopening too.
pub async fn sequences_go_on_after_a_trim<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = settled(&trial, "emptied", 53).await;
    let head = tracked.oracle.moment();
    let removed = trial.engine().trim(tracked.id(), EVERYTHING, TrimMode::Apply).await.expect("a trim");
    assert_eq!(removed.events, tracked.oracle.len(), "all that is settled goes");
    assert_eq!(tracked.adopt_floors(&**trial.engine()).await, removed.events);
    trial.reopen().await;
    assert_eq!(trial.engine().head(tracked.id()).expect("the table is there"), head, "the heads stay");
    let events = Generator::new(54, Shape::default()).events(40);
    tracked.append(&**trial.engine(), &events).await.expect("an append");
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// A scan whose events were removed since its first page ends with an error, not with a hole.
pub async fn a_scan_that_began_before_a_trim_expires<S: Subject>(trial: Trial<S>) {
    let tracked = settled(&trial, "expired", 55).await;
    let read = PartitionRead { bounds: NARROW, ..tracked.read_all() };
    let page = trial.engine().read_partitions(read.clone()).await.expect("the first page");
    trial.engine().trim(tracked.id(), EVERYTHING, TrimMode::Apply).await.expect("a trim");
    let next = PartitionRead { after: page.next, ..read };
    let refused = trial.engine().read_partitions(next).await.expect_err("events of the scan are gone");
    assert!(matches!(refused, ReadError::ScanExpired { .. }), "{refused}");
    trial.finish().await;
}
