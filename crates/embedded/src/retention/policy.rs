//! Which runs retention removes: a pure decision.
//!
//! An event is past the age bound when it was committed longer ago than `age_max`, and past the bytes bound when the
//! events newer than it take `bytes_max` on disk already. A run goes when all its events are past a bound, so at least
//! what the bounds ask for stays. The producer's clock has no say. Runs of a shard go from the oldest on, without
//! holes.

use std::time::Duration;

use annals_model::{CommitTime, Retention};

/// A run as the policy sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunAge {
    /// When its last event was committed: the order among shards.
    pub(super) last_commit: CommitTime,
    /// How long ago that was, at least.
    pub(super) age: Duration,
    /// Its bytes on disk.
    pub(super) stored_bytes: u64,
}

/// How many runs of each shard go, from its oldest on.
///
/// `shards` holds the table's runs by shard, oldest first.
pub(super) fn runs_to_remove(shards: &[Vec<RunAge>], retention: Retention) -> Vec<usize> {
    let mut removed: Vec<usize> = shards.iter().map(|runs| past_age(runs, retention.age_max)).collect();
    let Some(bytes_max) = retention.bytes_max else { return removed };
    let rest = |shard: usize, from: usize| shards[shard][from..].iter().map(|run| run.stored_bytes).sum::<u64>();
    let mut stored: u64 = removed.iter().enumerate().map(|(shard, &from)| rest(shard, from)).sum();
    // The oldest run over all shards, again and again; it ends with one that the bound still needs.
    while let Some((shard, oldest)) = removed
        .iter()
        .enumerate()
        .filter_map(|(shard, &from)| shards[shard].get(from).map(|run| (shard, run)))
        .min_by_key(|(_, run)| run.last_commit)
        && stored - oldest.stored_bytes >= bytes_max
    {
        stored -= oldest.stored_bytes;
        removed[shard] += 1;
    }
    removed
}

fn past_age(runs: &[RunAge], age_max: Option<Duration>) -> usize {
    age_max.map_or(0, |age_max| runs.iter().take_while(|run| run.age > age_max).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(ages: &[(i64, u64)]) -> Vec<RunAge> {
        ages.iter()
            .map(|&(committed, stored_bytes)| RunAge {
                last_commit: CommitTime::from_unix_nanos(committed),
                age: Duration::from_nanos(NOW.saturating_sub(committed).unsigned_abs()),
                stored_bytes,
            })
            .collect()
    }

    const NOW: i64 = 1_000;

    #[test]
    fn a_run_goes_when_its_last_event_is_past_the_age() {
        let retention = Retention { age_max: Some(Duration::from_nanos(100)), bytes_max: None };
        let shards = [runs(&[(500, 1), (899, 1), (900, 1), (950, 1)]), runs(&[(990, 1)]), runs(&[])];
        assert_eq!(runs_to_remove(&shards, retention), [2, 0, 0]);
    }

    #[test]
    fn the_oldest_runs_over_all_shards_go_until_the_bound_needs_the_next() {
        let retention = Retention { age_max: None, bytes_max: Some(25) };
        let shards = [runs(&[(100, 10), (300, 10), (500, 10)]), runs(&[(200, 10), (400, 10)])];
        assert_eq!(runs_to_remove(&shards, retention), [1, 1]);
        let tight = Retention { age_max: None, bytes_max: Some(20) };
        assert_eq!(runs_to_remove(&shards, tight), [2, 1]);
        let nothing = Retention { age_max: None, bytes_max: Some(0) };
        assert_eq!(runs_to_remove(&shards, nothing), [3, 2]);
    }

    #[test]
    fn no_bound_keeps_everything_and_an_endless_age_too() {
        let shards = [runs(&[(i64::MIN, u64::MAX / 2)])];
        assert_eq!(runs_to_remove(&shards, Retention::default()), [0]);
        let endless = Retention { age_max: Some(Duration::MAX), bytes_max: None };
        assert_eq!(runs_to_remove(&shards, endless), [0]);
    }
}
