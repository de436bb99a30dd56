//! A table of the plain engine: its oracle, its runs, its floor.

use std::sync::Arc;

use annals_engine::{
    Append, AppendError, Appended, ArrivalScope, CatalogError, HeadBoard, ShardAppended, Trimmed, UpdateTable,
};
use annals_model::limits::TABLE_COLUMNS_MAX;
use annals_model::{
    Column, CommitTime, LearnedColumn, Moment, Retention, Schema, SchemaMode, Sequence, Shard, Table, TableDefinition,
    TableId,
};

use crate::oracle::Oracle;

/// A table.
#[derive(Debug)]
pub(super) struct PlainTable {
    pub(super) table: Table,
    pub(super) oracle: Oracle,
    pub(super) board: Arc<HeadBoard>,
    /// The last sequence of each shard that was removed.
    pub(super) floor: Moment,
    runs: Vec<Run>,
}

/// A range of one shard that retention removes together.
#[derive(Clone, Copy, Debug)]
struct Run {
    shard: Shard,
    last: Sequence,
    events: u64,
    bytes: u64,
    last_commit: CommitTime,
}

impl PlainTable {
    pub(super) fn new(id: TableId, definition: TableDefinition, declared: Vec<Column>, now: CommitTime) -> Self {
        let count = definition.shard_count;
        let mut schema = Schema::default();
        for column in declared {
            schema.add(LearnedColumn { column, learned_at: None }).expect("declared columns are distinct");
        }
        let table = Table { id, definition, schema: Arc::new(schema), created: now, revision: 1 };
        Self {
            table,
            oracle: Oracle::new(count),
            board: HeadBoard::empty(count),
            floor: Moment::start(count),
            runs: Vec::new(),
        }
    }

    pub(super) fn append(&mut self, append: &Append, now: CommitTime) -> Result<Appended, AppendError> {
        let count = self.table.definition.shard_count;
        if let Some(beyond) = append.shards.iter().find(|batch| !count.contains(batch.shard)) {
            return Err(AppendError::UnknownShard { shard: beyond.shard, count });
        }
        let schema = self.taught(append)?;
        if schema.columns().len() > self.table.schema.columns().len() {
            self.table.schema = Arc::new(schema);
            self.table.revision += 1;
        }
        let head = self.oracle.moment();
        let place = |batch: &annals_engine::ShardBatch| ShardAppended {
            shard: batch.shard,
            first_sequence: head.of(batch.shard).next(),
            event_count: batch.batch.len() as u64,
            commit_time: now,
        };
        let shards: Vec<_> = append.shards.iter().map(place).collect();
        for (batch, place) in append.shards.iter().zip(&shards) {
            self.oracle.record(&batch.batch, place);
            self.board.publish(batch.shard, self.oracle.moment().of(batch.shard));
        }
        Ok(Appended { shards })
    }

    fn taught(&self, append: &Append) -> Result<Schema, AppendError> {
        let mut schema = Schema::clone(&self.table.schema);
        for new in &append.new_columns {
            let name = &new.column.name;
            let event_index = new.event_index;
            if schema.get(name).is_none() {
                if self.table.definition.schema_mode == SchemaMode::Strict {
                    return Err(AppendError::UndeclaredColumn { event_index, name: name.clone() });
                }
                if schema.columns().len() == TABLE_COLUMNS_MAX {
                    return Err(AppendError::TooManyColumns { event_index, name: name.clone() });
                }
            }
            let sequence = self.oracle.moment().of(new.shard).advanced_by(u64::from(new.row) + 1);
            let learned = LearnedColumn { column: new.column.clone(), learned_at: Some((new.shard, sequence)) };
            schema.add(learned).map_err(|conflict| AppendError::ColumnConflict { event_index, conflict })?;
        }
        Ok(schema)
    }

    pub(super) fn update(&mut self, update: UpdateTable) -> Result<Table, CatalogError> {
        if update.expected_revision != self.table.revision {
            return Err(CatalogError::RevisionChanged(self.table.definition.name.clone()));
        }
        let mut schema = Schema::clone(&self.table.schema);
        for column in update.add_columns {
            schema.add(LearnedColumn { column, learned_at: None })?;
        }
        let definition = &mut self.table.definition;
        definition.retention = update.retention.unwrap_or(definition.retention);
        definition.deletion_protection = update.deletion_protection.unwrap_or(definition.deletion_protection);
        definition.lateness_max = update.lateness_max.or(definition.lateness_max);
        self.table.schema = Arc::new(schema);
        self.table.revision += 1;
        Ok(self.table.clone())
    }

    /// Makes a run of what each shard took in since the last one.
    pub(super) fn settle(&mut self) {
        for shard in self.table.definition.shard_count.shards() {
            let settled = self.runs.iter().filter(|run| run.shard == shard).map(|run| run.last).max();
            let from = settled.unwrap_or_else(|| self.floor.of(shard)).next();
            let events = self.oracle.arrivals(shard, from, Sequence::MAX, &ArrivalScope::All);
            if let Some(last) = events.last() {
                self.runs.push(Run {
                    shard,
                    last: last.sequence,
                    events: events.len() as u64,
                    bytes: events.iter().map(|event| event.bytes.len() as u64).sum(),
                    last_commit: last.commit_time,
                });
            }
        }
    }

    pub(super) fn stored_bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.bytes).sum()
    }

    /// Removes, or only counts, the oldest runs that are past a bound.
    pub(super) fn trim(&mut self, retention: Retention, now: CommitTime, apply: bool) -> Trimmed {
        let mut trimmed = Trimmed::default();
        let mut stored = self.stored_bytes();
        let mut kept = Vec::new();
        let mut is_too_much = true;
        for run in self.runs.clone() {
            let age = now.unix_nanos().saturating_sub(run.last_commit.unix_nanos());
            let too_old = retention.age_max.is_some_and(|most| i128::from(age) > most.as_nanos().cast_signed());
            // One that must stay keeps all that are newer.
            is_too_much = is_too_much && retention.bytes_max.is_some_and(|least| stored - run.bytes >= least);
            if too_old || is_too_much {
                stored -= run.bytes;
                trimmed.events += run.events;
                trimmed.bytes += run.bytes;
                if apply {
                    self.oracle.trim(run.shard, run.last.next());
                    self.floor.set(run.shard, run.last);
                }
            } else {
                kept.push(run);
            }
        }
        if apply {
            self.runs = kept;
        }
        trimmed
    }
}
