//! What is committed together, and what is done once it is durable.
//!
//! A group is in this order: planned, written, added to memtables while it is synced, published, answered. Nothing of
//! it can be seen before it is published; a refusal that rests on something planned waits for that to be durable too.

use std::sync::Arc;

use annals_model::{CommitTime, Sequence, Shard, Table, TableId};
use annals_storage::layout::FileNumber;
use annals_storage::state::StateRecord;

use super::request::{AppendAnswer, ChangeAnswer, ForgetAnswer};
use crate::admission::Permit;
use crate::memtable::ArrivedBatch;
use crate::store::Store;
use crate::sync::HashMap;
use crate::table_state::TableState;
use annals_engine::{AppendError, Appended, CatalogError, ReadOnlyReason, ShardAppended};

/// What is committed together. See the module.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The state records in its frame, in order.
    pub(super) records: Vec<StateRecord>,
    /// What is done to the catalog once they are durable, in order.
    pub(super) effects: Vec<Effect>,
    /// Its appends, in order.
    pub(super) appends: Vec<PlannedAppend>,
    /// Its changes of the catalog and their answers.
    pub(super) changes: Vec<(ChangeAnswer, Arc<Table>)>,
    /// Who waits for dropped tables to be forgotten.
    pub(super) forgets: Vec<ForgetAnswer>,
    /// What was refused meanwhile.
    pub(super) refusals: Vec<Refusal>,
    /// How far each shard comes.
    pub(super) heads: HashMap<(TableId, Shard), (Arc<TableState>, Sequence)>,
}

/// An append that has its sequences.
#[derive(Debug)]
pub(super) struct PlannedAppend {
    pub(super) table: Arc<TableState>,
    /// The batches; their commit time is set when the group is written.
    pub(super) batches: Vec<ArrivedBatch>,
    pub(super) permit: Permit,
    pub(super) answer: AppendAnswer,
}

/// A visible change of the catalog.
#[derive(Debug)]
pub(super) enum Effect {
    Created(Arc<TableState>),
    Changed(Arc<TableState>, Arc<Table>),
    Dropped(Arc<TableState>),
    FloorRaised(Arc<TableState>, Shard, Sequence),
}

/// A request that was refused, and why.
#[derive(Debug)]
pub(super) enum Refusal {
    Append(AppendAnswer, AppendError),
    Change(ChangeAnswer, CatalogError),
}

/// Why all of a group fails.
#[derive(Clone, Debug)]
pub(super) enum GroupFailure {
    /// Nothing of it is stored.
    DiskFull(String),
    /// Nothing of it was written.
    ReadOnly(ReadOnlyReason),
    /// It may or may not be stored.
    Unknown(String),
}

/// A group that was written at a commit time, and added to the memtables.
#[derive(Debug)]
pub(super) struct WrittenGroup {
    group: Group,
    appends: Vec<WrittenAppend>,
}

#[derive(Debug)]
struct WrittenAppend {
    table: Arc<TableState>,
    batches: Vec<Arc<ArrivedBatch>>,
    /// Held until the answer is out.
    permit: Permit,
    answer: AppendAnswer,
}

impl Group {
    /// Whether nothing waits for this group.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.appends.is_empty() && self.refusals.is_empty()
    }

    /// Answers what was refused; for a group of which nothing else is left.
    pub(super) fn answer_refusals(&mut self) {
        self.refusals.drain(..).for_each(Refusal::answer);
    }

    /// Gives the events their commit time and adds them to the memtables, where nobody sees them before the heads are
    /// published.
    pub(super) fn add_to_memtables(mut self, commit_time: CommitTime, file: FileNumber) -> WrittenGroup {
        let appends = std::mem::take(&mut self.appends)
            .into_iter()
            .map(|PlannedAppend { table, batches, permit, answer }| {
                let batches = batches
                    .into_iter()
                    .map(|batch| {
                        let arrived = Arc::new(ArrivedBatch { commit_time, ..batch });
                        table.shards()[arrived.shard.index()].view().active.add(&arrived, file);
                        arrived
                    })
                    .collect();
                WrittenAppend { table, batches, permit, answer }
            })
            .collect();
        WrittenGroup { group: self, appends }
    }

    /// Answers everything in it with a failure.
    pub(super) fn fail(self, failure: &GroupFailure) {
        for append in self.appends {
            drop(append.answer.send(Err(failure.for_append())));
        }
        for (answer, _) in self.changes {
            drop(answer.send(Err(failure.for_change())));
        }
        for answer in self.forgets {
            drop(answer.send(Err(failure.for_change())));
        }
        for refusal in self.refusals {
            match refusal {
                Refusal::Append(answer, _) => drop(answer.send(Err(failure.for_append()))),
                Refusal::Change(answer, _) => drop(answer.send(Err(failure.for_change()))),
            }
        }
    }
}

impl WrittenGroup {
    /// The shards whose heads it moves.
    pub(super) fn heads(&self) -> impl Iterator<Item = (&Arc<TableState>, Shard)> {
        self.group.heads.iter().map(|((_, shard), (table, _))| (table, *shard))
    }

    /// Makes the durable group seen: the catalog first, so that a reader who finds an event finds its columns; then
    /// each shard's head with one store; then answers and wakes. Gives the records, to be applied to the state.
    pub(super) fn publish(self, store: &Store) -> Vec<StateRecord> {
        let Group { records, effects, changes, forgets, refusals, heads, .. } = self.group;
        for effect in effects {
            effect.apply(store);
        }
        for ((_, shard), (table, head)) in heads {
            table.board().publish(shard, head);
        }
        for (answer, table) in changes {
            drop(answer.send(Ok(table)));
        }
        for answer in forgets {
            drop(answer.send(Ok(())));
        }
        refusals.into_iter().for_each(Refusal::answer);
        for WrittenAppend { table, batches, permit, answer } in self.appends {
            drop(answer.send(Ok(Appended { shards: batches.iter().map(|batch| appended(batch)).collect() })));
            drop(permit);
            for batch in &batches {
                table.board().wake(batch.shard, &batch.batch);
            }
        }
        records
    }

    /// Answers everything in it with a failure.
    pub(super) fn fail(self, failure: &GroupFailure) {
        for append in self.appends {
            drop(append.answer.send(Err(failure.for_append())));
        }
        self.group.fail(failure);
    }
}

fn appended(batch: &ArrivedBatch) -> ShardAppended {
    ShardAppended {
        shard: batch.shard,
        first_sequence: batch.first_sequence,
        event_count: batch.batch.len() as u64,
        commit_time: batch.commit_time,
    }
}

impl Effect {
    fn apply(self, store: &Store) {
        match self {
            Self::Created(table) => store.catalog().add(table),
            Self::Changed(state, table) => state.set_table(table),
            Self::Dropped(table) => {
                store.catalog().remove(&table);
                table.set_dropped();
                store.backlog().add_dropped(table);
            }
            Self::FloorRaised(table, shard, first_retained) => {
                table.shards()[shard.index()].change(|view| {
                    view.first_retained = view.first_retained.max(first_retained);
                });
            }
        }
    }
}

impl Refusal {
    fn answer(self) {
        match self {
            Self::Append(answer, error) => drop(answer.send(Err(error))),
            Self::Change(answer, error) => drop(answer.send(Err(error))),
        }
    }
}

impl GroupFailure {
    pub(super) fn for_append(&self) -> AppendError {
        match self.clone() {
            Self::DiskFull(message) => AppendError::DiskFull(message),
            Self::ReadOnly(reason) => AppendError::ReadOnly(reason),
            Self::Unknown(message) => AppendError::Unknown(message),
        }
    }

    pub(super) fn for_change(&self) -> CatalogError {
        match self.clone() {
            Self::DiskFull(message) => CatalogError::DiskFull(message),
            Self::ReadOnly(reason) => CatalogError::ReadOnly(reason),
            Self::Unknown(message) => CatalogError::Unknown(message),
        }
    }
}
