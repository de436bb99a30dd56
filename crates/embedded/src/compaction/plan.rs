//! Finds what the policy asks for in a store.

use std::sync::Arc;

use annals_model::{Retention, Sequence};

use super::policy::{self, FileSize};
use super::{Compaction, Replacement};
use crate::retention::RETENTION_PARTS;
use crate::runs::LiveRun;
use crate::shard_state::ShardState;
use crate::table_state::TableState;

/// Event bytes that one compaction merges at most, over all shards: its segment is done in seconds then, and asks for
/// little space before it gives any back.
const MERGE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Files are joined once there are so many: a join writes their bytes once more, and so many can well be held open.
const JOIN_FILES_START: usize = 64;

impl Compaction<'_> {
    /// At most one merge of each shard.
    pub(super) fn plan_merges(&self) -> Vec<Replacement> {
        let mut merges = Vec::new();
        let mut bytes = 0;
        for table in self.catalog.tables() {
            for shard in table.shards() {
                if bytes >= MERGE_BYTES_MAX {
                    return merges;
                }
                if let Some(merge) = self.plan_merge(&table, shard) {
                    bytes += merge.summaries().map(|run| run.event_bytes).sum::<u64>();
                    merges.push(merge);
                }
            }
        }
        merges
    }

    fn plan_merge(&self, table: &Arc<TableState>, shard: &ShardState) -> Option<Replacement> {
        let view = shard.view();
        let runs = view.runs.between(view.first_retained, Sequence::MAX);
        if runs.len() < 2 {
            return None;
        }
        let barriers: Vec<usize> = (self.barriers)(table.id(), shard.shard())
            .into_iter()
            .map(|last| runs.partition_point(|run| run.summary().last <= last))
            .collect();
        let size = |run: &Arc<LiveRun>| {
            if self.damaged.contains(&run.segment().id()) {
                return policy::RUN_LEFT_ALONE;
            }
            policy::run_size(run.summary().event_bytes, run.summary().event_count)
        };
        let sizes: Vec<u64> = runs.iter().map(size).collect();
        let retention = table.table().definition.retention;
        let range = policy::next_merge(&sizes, self.run_bytes_max, &barriers, |range| {
            self.stays_fine(&runs[range], retention)
        })?;
        Some(Replacement { table: Arc::clone(table), shard: shard.shard(), runs: runs[range].to_vec() })
    }

    /// The runs of files that are to become one file.
    pub(super) fn plan_join(&self) -> Vec<Replacement> {
        let mut files = self.segments.sizes();
        files.retain(|(id, ..)| !self.damaged.contains(id));
        let sizes: Vec<FileSize> = files.iter().map(|&(_, live, length)| FileSize { length, live }).collect();
        let chosen = policy::next_join(&sizes, files.len() >= JOIN_FILES_START);
        let runs = chosen.into_iter().flat_map(|index| self.segments.runs_of(files[index].0));
        runs.filter_map(|(segment, number, summary)| {
            let table = self.catalog.get(summary.table)?;
            let view = table.shards().get(summary.shard.index())?.view();
            let is_it = |run: &&Arc<LiveRun>| run.segment().id() == segment && run.stored().number() == number;
            let run = view.runs.between(summary.first.max(view.first_retained), summary.last).iter().find(is_it)?;
            Some(Replacement { table, shard: summary.shard, runs: vec![Arc::clone(run)] })
        })
        .collect()
    }

    /// Whether runs are still a small part of what a retention keeps once they are one: since it removes whole runs, a
    /// run that spans all of an age or a size would keep events for twice as long.
    fn stays_fine(&self, runs: &[Arc<LiveRun>], retention: Retention) -> bool {
        let (Some(oldest), Some(newest)) = (runs.first(), runs.last()) else { return true };
        let is_short = |age_max| {
            let ages = self.ages.now(age_max);
            let span =
                ages.about(oldest.summary().first_commit).saturating_sub(ages.about(newest.summary().last_commit));
            span <= age_max / RETENTION_PARTS
        };
        let bytes: u64 = runs.iter().map(|run| run.summary().length).sum();
        retention.age_max.is_none_or(is_short)
            && retention.bytes_max.is_none_or(|limit| bytes <= limit / u64::from(RETENTION_PARTS))
    }
}
