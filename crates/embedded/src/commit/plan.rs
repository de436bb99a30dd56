//! Planning: what a request does, decided on everything that was planned before it.
//!
//! The plan runs ahead of what is durable by the group that is synced and the one that is filled. Checks come first and
//! change nothing, so that a refused request stores nothing and teaches nothing. A group that could not be written is
//! taken back whole.

use std::sync::Arc;

use annals_model::limits::TABLE_COLUMNS_MAX;
use annals_model::{
    Column, ColumnConflict, CommitTime, LearnedColumn, Schema, SchemaMode, Sequence, Shard, Table, TableDefinition,
    TableId, TableName,
};
use annals_storage::journal::JournalFrame;
use annals_storage::state::{ClockSpan, State, StateRecord};

use super::group::{Effect, Group, PlannedAppend, Refusal};
use super::request::{AppendAnswer, Change, ChangeAnswer, ForgetAnswer};
use crate::admission::Permit;
use crate::memtable::{ArrivedBatch, MemoryGauge};
use crate::sync::{HashMap, new_uuid};
use crate::table_state::TableState;
use annals_engine::{Append, AppendError, CatalogError, NewColumn, UpdateTable};

/// Tables of one store: all of them are held in memory, and a flush looks at each.
pub(super) const TABLES_MAX: usize = 100_000;

/// The state as planned. See the module.
#[derive(Debug)]
pub(super) struct Plan {
    /// What is durable.
    durable: State,
    /// What will be, once the groups under way are.
    planned: State,
    tables: HashMap<TableId, PlannedTable>,
    names: HashMap<TableName, TableId>,
    gauge: Arc<MemoryGauge>,
}

#[derive(Debug)]
struct PlannedTable {
    state: Arc<TableState>,
    /// The next sequence of each shard.
    next: Box<[Sequence]>,
}

/// A frame and the group that it holds, being filled.
#[derive(Debug, Default)]
pub(super) struct Filling {
    pub(super) frame: JournalFrame,
    pub(super) group: Group,
}

impl Plan {
    /// Plans from a state and its tables, whose heads stand where their events end.
    pub(super) fn new(durable: State, tables: &[Arc<TableState>], gauge: Arc<MemoryGauge>) -> Self {
        let mut plan =
            Self { planned: durable.clone(), durable, tables: HashMap::default(), names: HashMap::default(), gauge };
        for table in tables {
            plan.add_table(Arc::clone(table));
        }
        plan
    }

    /// What is durable.
    pub(super) fn durable(&self) -> &State {
        &self.durable
    }

    /// Notes that a group is durable.
    pub(super) fn note_durable(&mut self, records: &[StateRecord], commit_time: CommitTime) {
        for record in records {
            self.durable.apply(record).expect("the record was applied to the plan, which is this state and more");
        }
        self.durable.note_commit(commit_time);
        self.planned.note_commit(commit_time);
    }

    /// Takes back a group that could not be written, while no other is under way.
    pub(super) fn take_back(&mut self, group: &Group) {
        for (table, shard) in group.heads.keys() {
            if let Some(planned) = self.tables.get_mut(table) {
                planned.next[shard.index()] = planned.state.board().head(*shard).next();
            }
        }
        // Backwards: a name may have gone from one table to another.
        for effect in group.effects.iter().rev() {
            match effect {
                Effect::Created(table) => self.remove_table(table),
                Effect::Dropped(table) => self.add_table(Arc::clone(table)),
                Effect::Changed(..) | Effect::FloorRaised(..) => {}
            }
        }
        self.planned = self.durable.clone();
    }

    /// Plans an append, or refuses it.
    pub(super) fn append(&mut self, append: Append, permit: Permit, answer: AppendAnswer, filling: &mut Filling) {
        match self.check_append(&append) {
            Err(error) => filling.group.refusals.push(Refusal::Append(answer, error)),
            Ok(columns) => {
                let Append { table: id, shards, .. } = append;
                if !columns.is_empty() {
                    self.learn(id, columns, filling);
                }
                let table = self.tables.get_mut(&id).expect("it was found by the check");
                let batches = shards.into_iter().map(|appended| {
                    let next = &mut table.next[appended.shard.index()];
                    let first_sequence = *next;
                    *next = next.advanced_by(appended.batch.len() as u64);
                    filling.frame.push_batch(id, appended.shard, first_sequence, &appended.batch);
                    let head = (Arc::clone(&table.state), next.previous());
                    filling.group.heads.insert((id, appended.shard), head);
                    let commit_time = CommitTime::MIN;
                    ArrivedBatch { shard: appended.shard, first_sequence, commit_time, batch: appended.batch }
                });
                let batches = batches.collect();
                filling.group.appends.push(PlannedAppend { table: Arc::clone(&table.state), batches, permit, answer });
            }
        }
    }

    /// Finds out what an append would teach its table.
    fn check_append(&self, append: &Append) -> Result<Vec<LearnedColumn>, AppendError> {
        let unknown = || AppendError::UnknownTable(append.table);
        let table = self.planned.tables().get(&append.table).ok_or_else(unknown)?;
        let next = &self.tables.get(&append.table).ok_or_else(unknown)?.next;
        let count = table.definition.shard_count;
        for appended in &append.shards {
            if !count.contains(appended.shard) {
                return Err(AppendError::UnknownShard { shard: appended.shard, count });
            }
        }
        let mut learned: Vec<LearnedColumn> = Vec::new();
        let mut learned_by_name: HashMap<&str, usize> = HashMap::default();
        for new in &append.new_columns {
            let NewColumn { column, shard, row, event_index } = new;
            let conflict =
                |conflict: ColumnConflict| AppendError::ColumnConflict { event_index: *event_index, conflict };
            let learned_before = || learned_by_name.get(column.name.as_str()).map(|&index| &learned[index]);
            if let Some(present) = table.schema.get(&column.name).or_else(learned_before) {
                present.agrees_with(column.column_type).map_err(conflict)?;
                continue;
            }
            let (event_index, name) = (*event_index, column.name.clone());
            if table.definition.schema_mode == SchemaMode::Strict {
                return Err(AppendError::UndeclaredColumn { event_index, name });
            }
            if table.schema.columns().len() + learned.len() >= TABLE_COLUMNS_MAX {
                return Err(AppendError::TooManyColumns { event_index, name });
            }
            if !count.contains(*shard) {
                return Err(AppendError::UnknownShard { shard: *shard, count });
            }
            let learned_at = Some((*shard, next[shard.index()].advanced_by(u64::from(*row))));
            learned_by_name.insert(&column.name, learned.len());
            learned.push(LearnedColumn { column: column.clone(), learned_at });
        }
        Ok(learned)
    }

    fn learn(&mut self, id: TableId, columns: Vec<LearnedColumn>, filling: &mut Filling) {
        let revision = self.planned.tables()[&id].revision + 1;
        self.record(StateRecord::ColumnsLearned { table: id, revision, columns }, filling);
        let (state, table) = (Arc::clone(&self.tables[&id].state), self.planned_table(id));
        filling.group.effects.push(Effect::Changed(state, table));
    }

    /// Plans a change of the catalog, or refuses it.
    pub(super) fn change(&mut self, change: Change, now: CommitTime, answer: ChangeAnswer, filling: &mut Filling) {
        let changed = match change {
            Change::Create { definition, columns } => self.create(definition, columns, now, filling),
            Change::Update(update) => self.update(update, filling),
            Change::Drop(table) => self.drop_table(table, filling),
            Change::RaiseFloors { table, floors } => self.raise_floors(table, &floors, filling),
        };
        match changed {
            Ok(table) => filling.group.changes.push((answer, table)),
            Err(error) => filling.group.refusals.push(Refusal::Change(answer, error)),
        }
    }

    fn create(
        &mut self,
        definition: TableDefinition,
        columns: Vec<Column>,
        now: CommitTime,
        filling: &mut Filling,
    ) -> Result<Arc<Table>, CatalogError> {
        if let Some(present) = self.names.get(&definition.name) {
            return Err(CatalogError::AlreadyExists(Box::new(self.planned.tables()[present].clone())));
        }
        if self.tables.len() >= TABLES_MAX {
            return Err(CatalogError::TooManyTables(self.tables.len()));
        }
        let mut schema = Schema::default();
        declare(&mut schema, columns, &definition.name)?;
        let id = TableId::from_bytes(new_uuid().into_bytes());
        let table = Table { id, definition, schema: Arc::new(schema), created: now, revision: 1 };
        self.record(StateRecord::TableCreated(table.clone()), filling);
        let table = Arc::new(table);
        let state = Arc::new(TableState::empty(Arc::clone(&table), &self.gauge));
        self.add_table(Arc::clone(&state));
        filling.group.effects.push(Effect::Created(state));
        Ok(table)
    }

    fn update(&mut self, update: UpdateTable, filling: &mut Filling) -> Result<Arc<Table>, CatalogError> {
        let id = update.table;
        let present = self.planned.tables().get(&id).ok_or(CatalogError::UnknownTable(id))?;
        let definition = &present.definition;
        if present.revision != update.expected_revision {
            return Err(CatalogError::RevisionChanged(definition.name.clone()));
        }
        let mut schema = Schema::clone(&present.schema);
        let known = schema.columns().len();
        declare(&mut schema, update.add_columns, &definition.name)?;
        let record = StateRecord::TableUpdated {
            table: id,
            revision: present.revision + 1,
            retention: update.retention.unwrap_or(definition.retention),
            deletion_protection: update.deletion_protection.unwrap_or(definition.deletion_protection),
            lateness_max: update.lateness_max.or(definition.lateness_max),
            columns: schema.columns()[known..].to_vec(),
        };
        self.record(record, filling);
        let table = self.planned_table(id);
        filling.group.effects.push(Effect::Changed(Arc::clone(&self.tables[&id].state), Arc::clone(&table)));
        Ok(table)
    }

    fn drop_table(&mut self, id: TableId, filling: &mut Filling) -> Result<Arc<Table>, CatalogError> {
        let present = self.planned.tables().get(&id).ok_or(CatalogError::UnknownTable(id))?;
        if present.definition.deletion_protection {
            return Err(CatalogError::Protected(present.definition.name.clone()));
        }
        let table = self.planned_table(id);
        let state = Arc::clone(&self.tables[&id].state);
        self.record(StateRecord::TableDropped { table: id }, filling);
        self.remove_table(&state);
        filling.group.effects.push(Effect::Dropped(state));
        Ok(table)
    }

    fn raise_floors(
        &mut self,
        id: TableId,
        floors: &[(Shard, Sequence)],
        filling: &mut Filling,
    ) -> Result<Arc<Table>, CatalogError> {
        if !self.planned.tables().contains_key(&id) {
            return Err(CatalogError::UnknownTable(id));
        }
        for &(shard, first_retained) in floors {
            if first_retained > self.planned.first_retained(id, shard) {
                self.record(StateRecord::FloorRaised { table: id, shard, first_retained }, filling);
                let state = Arc::clone(&self.tables[&id].state);
                filling.group.effects.push(Effect::FloorRaised(state, shard, first_retained));
            }
        }
        Ok(self.planned_table(id))
    }

    /// Plans to forget dropped tables of which nothing is left.
    pub(super) fn forget(&mut self, tables: &[TableId], answer: ForgetAnswer, filling: &mut Filling) {
        for &table in tables {
            self.record(StateRecord::DroppedForgotten { table }, filling);
        }
        filling.group.forgets.push(answer);
    }

    /// Plans a span of the clocks, in the frame of the first commit that it holds for.
    pub(super) fn note_clock(&mut self, span: ClockSpan, filling: &mut Filling) {
        self.record(StateRecord::ClockNoted(span), filling);
    }

    fn record(&mut self, record: StateRecord, filling: &mut Filling) {
        self.planned.apply(&record).expect("a record is made after everything that it rests on was checked");
        filling.frame.push_state(&record);
        filling.group.records.push(record);
    }

    fn planned_table(&self, id: TableId) -> Arc<Table> {
        Arc::new(self.planned.tables()[&id].clone())
    }

    fn add_table(&mut self, state: Arc<TableState>) {
        let next = state.board().moment().sequences().iter().map(|head| head.next()).collect();
        self.names.insert(state.table().definition.name.clone(), state.id());
        self.tables.insert(state.id(), PlannedTable { state, next });
    }

    fn remove_table(&mut self, state: &TableState) {
        self.names.remove(&state.table().definition.name);
        self.tables.remove(&state.id());
    }
}

/// Declares columns; those that are there with the same type stay.
fn declare(schema: &mut Schema, columns: Vec<Column>, table: &TableName) -> Result<(), CatalogError> {
    for column in columns {
        schema.add(LearnedColumn { column, learned_at: None })?;
        if schema.columns().len() > TABLE_COLUMNS_MAX {
            return Err(CatalogError::TooManyColumns(table.clone()));
        }
    }
    Ok(())
}
