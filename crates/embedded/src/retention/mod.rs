//! Retention: the oldest runs go once all their events are past a bound.
//!
//! What goes is decided over whole runs and made durable as a floor for each shard, through the commit thread. From
//! then on the events before it are no longer served; the runs are taken out of the manifest and removed afterwards,
//! by the maintenance thread, and a crash in between changes nothing but when.
//!
//! Only runs go. So that a table to which little or nothing comes loses its events too, memtables are flushed once they
//! hold events of a part of the table's age.
//!
//! Promises: nothing goes before its time, and readers of what has gone are told.
//!
//! Does not: remove files, or single events.

mod policy;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use annals_model::{CommitTime, Retention, Sequence, Shard};

use super::ages::AgeClock;
use super::commit::{Change, CommitHandle};
use super::runs::LiveRun;
use super::shard_state::ShardState;
use super::store::Store;
use super::table_state::TableState;
use annals_engine::{CatalogError, Trimmed};
use policy::{RunAge, runs_to_remove};

/// A run is at most such a part of what the table's retention keeps, unless it was filled as fast: since whole runs go,
/// events outlive an age by no more than this part of it, and by the time between two looks.
pub(crate) const RETENTION_PARTS: u32 = 16;

/// What a retention removes of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrimPlan {
    /// The oldest sequence that stays, of each shard that loses something.
    pub(crate) floors: Vec<(Shard, Sequence)>,
    /// How much goes.
    pub(crate) trimmed: Trimmed,
}

/// The shards whose memtable holds events that are old by the table's retention: it is to be flushed, however little
/// it is, since only runs can go.
pub(crate) fn aged_shards(table: &TableState, retention: Retention, ages: &AgeClock) -> Vec<Shard> {
    let Some(age_max) = retention.age_max else { return Vec::new() };
    let ages = ages.now(age_max);
    let is_aged = |first: CommitTime| ages.about(first) >= age_max / RETENTION_PARTS;
    let aged = table.shards().iter().filter(|shard| shard.view().active.first_commit().is_some_and(is_aged));
    aged.map(ShardState::shard).collect()
}

/// Decides what goes of a table now.
pub(crate) fn plan_trim(table: &TableState, retention: Retention, ages: &AgeClock) -> TrimPlan {
    if retention.keeps_everything() {
        return TrimPlan::default();
    }
    let views: Vec<_> = table.shards().iter().map(|shard| (shard.shard(), shard.view())).collect();
    let retained: Vec<_> =
        views.iter().map(|(_, view)| view.runs.between(view.first_retained, Sequence::MAX)).collect();
    let ages = retention.age_max.map(|age_max| ages.now(age_max));
    let age_of = |run: &Arc<LiveRun>| RunAge {
        last_commit: run.summary().last_commit,
        age: ages.as_ref().map_or(Duration::ZERO, |ages| ages.of(run.summary().last_commit)),
        stored_bytes: run.summary().length,
    };
    let ages: Vec<Vec<RunAge>> = retained.iter().map(|runs| runs.iter().map(age_of).collect()).collect();
    let mut plan = TrimPlan::default();
    for (index, count) in runs_to_remove(&ages, retention).into_iter().enumerate() {
        let gone = &retained[index][..count];
        if let Some(last) = gone.last() {
            plan.floors.push((views[index].0, last.summary().last.next()));
            plan.trimmed.events += gone.iter().map(|run| u64::from(run.summary().event_count)).sum::<u64>();
            plan.trimmed.bytes += gone.iter().map(|run| run.summary().length).sum::<u64>();
        }
    }
    plan
}

/// Raises a table's floors as `retention` demands at this time, durably; gives what went. Waits, so threads
/// that must not do not call it.
///
/// # Errors
/// When the floors were not raised; nothing is removed then.
pub(crate) fn trim(
    store: &Store,
    table: &TableState,
    retention: Retention,
    commits: &CommitHandle,
) -> Result<Trimmed, CatalogError> {
    let _bounds = store.run_bounds().lock().unwrap_or_else(PoisonError::into_inner);
    let TrimPlan { floors, trimmed } = plan_trim(table, retention, store.ages());
    if !floors.is_empty() {
        commits.change_and_wait(Change::RaiseFloors { table: table.id(), floors })?;
    }
    Ok(trimmed)
}
