//! One update of the directory for one shard: from the partition indexes of runs, in steps.

use std::sync::Arc;

use annals_model::{CommitTime, Sequence, Shard, TableId, Token, TokenRange};
use annals_storage::directory::{Change, Covered, Directory, DirectoryError, ListedEntry, PartitionEntry};
use annals_storage::segment::Access;

use crate::merge::PartitionMerge;
use crate::runs::LiveRun;
use crate::shard_state::ShardView;
use crate::sources::{RunPartitions, SourceError};

/// Runs that one pass adds at most: of each it holds an index and a page of partitions until it is done.
const RUNS_ADDED_MAX: usize = 16;

/// Why a pass cannot go on.
#[derive(Debug)]
pub(super) enum PassError {
    /// The directory is of no use.
    Directory(DirectoryError),
    /// A run cannot be read.
    Source(SourceError),
}

impl From<DirectoryError> for PassError {
    fn from(error: DirectoryError) -> Self {
        Self::Directory(error)
    }
}

impl From<SourceError> for PassError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// An update under way.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) table: TableId,
    pub(super) shard: Shard,
    /// What is noted before the pass begins.
    pub(super) begun: Covered,
    /// What the directory covers once it is done.
    pub(super) goal: Covered,
    kind: Kind,
    runs: Vec<Arc<LiveRun>>,
    merge: Option<PartitionMerge<RunPartitions>>,
}

#[derive(Debug)]
enum Kind {
    /// Adds what came after a sequence.
    Add { after: Sequence },
    /// Sets every entry to what is still retained.
    Refresh,
    /// Removes the entries of which nothing is retained, from a key on.
    Sweep { from: Option<Vec<u8>> },
}

impl Pass {
    /// The update that a shard needs next; none if the directory covers all of its runs and nothing else.
    pub(super) fn plan(
        table: TableId,
        shard: Shard,
        view: &ShardView,
        covered: Option<&Covered>,
        edit: u64,
    ) -> Option<Self> {
        let nothing = view.first_retained.previous();
        let covered = covered.copied().unwrap_or(Covered {
            first: view.first_retained,
            last: nothing,
            target: nothing,
            last_commit: CommitTime::MIN,
            edit,
        });
        let added = view.runs.between(covered.last.next().max(view.first_retained), Sequence::MAX);
        let newest = added[..added.len().min(RUNS_ADDED_MAX)].last().map_or(nothing, |run| run.summary().last);
        let (kind, first, last) = if covered.target > covered.last {
            (Kind::Add { after: covered.last }, covered.first, covered.target)
        } else if covered.first < view.first_retained {
            (Kind::Refresh, view.first_retained, covered.last.max(nothing))
        } else if newest > covered.last {
            (Kind::Add { after: covered.last }, covered.first, newest)
        } else {
            return None;
        };
        let from = if matches!(kind, Kind::Add { .. }) { covered.last.next() } else { first };
        let runs = view.runs.between(from.max(view.first_retained), last).to_vec();
        let newest_commit = runs.last().map_or(covered.last_commit, |run| run.summary().last_commit);
        let goal = Covered { first, last, target: last, last_commit: newest_commit, edit };
        let begun = Covered { target: last.max(covered.target), ..covered };
        Some(Self { table, shard, begun, goal, kind, runs, merge: None })
    }

    /// Updates at most `keys_max` partitions; tells how many there were, and none once the pass is done.
    pub(super) fn step(&mut self, directory: &Directory, keys_max: usize) -> Result<Option<usize>, PassError> {
        if let Kind::Sweep { from } = &mut self.kind {
            let listed = directory.list(self.table, b"", from.as_deref(), keys_max)?;
            let Some(last) = listed.last() else { return Ok(None) };
            *from = Some(last.key.clone());
            let is_gone =
                |entry: &&ListedEntry| entry.shard == self.shard && entry.entry.last_sequence < self.goal.first;
            let changes: Vec<_> = listed.iter().filter(is_gone).map(|entry| (&entry.key[..], Change::Remove)).collect();
            directory.apply(self.table, self.shard, &changes)?;
            return Ok(Some(listed.len()));
        }
        let updates = self.next_updates(keys_max)?;
        if updates.is_empty() {
            if matches!(self.kind, Kind::Add { .. }) {
                return Ok(None);
            }
            self.kind = Kind::Sweep { from: None };
            return Ok(Some(0));
        }
        let changes: Vec<_> = updates.iter().map(|(key, change)| (&key[..], change.clone())).collect();
        directory.apply(self.table, self.shard, &changes)?;
        Ok(Some(updates.len()))
    }

    /// The changes of the next partitions, sorted by key.
    fn next_updates(&mut self, keys_max: usize) -> Result<Vec<(Vec<u8>, Change)>, SourceError> {
        let merge = if let Some(merge) = &mut self.merge {
            merge
        } else {
            let cursors = self.runs.iter().map(|run| RunPartitions::new(run, TokenRange::ALL, Access::ReadOnce));
            let mut merge = PartitionMerge::new(cursors.collect());
            merge.seek(Token::MIN, b"")?;
            self.merge.insert(merge)
        };
        let mut updates = Vec::new();
        while updates.len() < keys_max
            && let Some((_, key)) = merge.partition()
        {
            let key = key.to_vec();
            let mut sum = None;
            for run in merge.holders() {
                if let Some(partition) = run.stored_partition() {
                    PartitionEntry::from(partition).add_to(&mut sum);
                }
            }
            if let Some(entry) = sum {
                let change = match self.kind {
                    Kind::Add { after } => Change::Add { entry, after },
                    Kind::Refresh | Kind::Sweep { .. } => Change::Set(entry),
                };
                updates.push((key, change));
            }
            merge.leave()?;
        }
        updates.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Ok(updates)
    }
}
