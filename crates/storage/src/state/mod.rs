//! What a store knows besides its events: the catalog of tables, and from where on each shard is retained, and how
//! the clocks went.
//!
//! The state changes by records only. A [`StateRecord`] is written into the journal frame that it belongs to, and is
//! applied once that frame is durable; opening applies the same records again. A snapshot of the whole is written to a
//! file of its own before the journal files with its records are given up. All of it is held in memory: it is bounded
//! by the number of tables, their columns and their shards, and by the drops that the journal still tells of (and a bounded ledger of the clocks): the id of
//! a dropped table is forgotten once no segment and no journal file names it.
//!
//! Promises: the same records lead to the same state, and a snapshot gives it back.
//!
//! Does not: decide whether a change is allowed, or write to the journal.

mod clock;
mod clock_message;
mod messages;
mod record;
mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use annals_model::{ColumnConflict, CommitTime, LearnedColumn, Schema, Sequence, Shard, Table, TableId};

pub use clock::{ClockLedger, ClockSpan};
pub use record::StateRecord;
pub use snapshot::{SnapshotPlace, load_snapshot, write_snapshot};

/// The state at one moment of the journal.
#[derive(Clone, Debug)]
pub struct State {
    tables: BTreeMap<TableId, Table>,
    dropped: BTreeSet<TableId>,
    floors: BTreeMap<(TableId, Shard), Sequence>,
    newest_commit: CommitTime,
    clock: ClockLedger,
}

/// Why a record does not fit the state: it was not written for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// A table's id was used before.
    #[error("table id {0} is made a second time")]
    TableExists(TableId),
    /// The table is not there.
    #[error("table {0} is changed and was never made, or was dropped before")]
    UnknownTable(TableId),
    /// A column changes its type.
    #[error(transparent)]
    ColumnConflict(#[from] ColumnConflict),
    /// The revision does not go up.
    #[error("table {table} goes from revision {present} to {next}")]
    RevisionBack {
        /// The table.
        table: TableId,
        /// The revision that it has.
        present: u64,
        /// The revision that the record gives it.
        next: u64,
    },
    /// A span of the clocks does not begin after the one before it.
    #[error("a span of the clocks from {next} on after one from {present} on")]
    ClockBack {
        /// Where the newest span begins.
        present: CommitTime,
        /// Where the record's begins.
        next: CommitTime,
    },
}

impl Default for State {
    fn default() -> Self {
        Self {
            tables: BTreeMap::new(),
            dropped: BTreeSet::new(),
            floors: BTreeMap::new(),
            newest_commit: CommitTime::MIN,
            clock: ClockLedger::default(),
        }
    }
}

impl State {
    /// Applies a record.
    ///
    /// # Errors
    /// When the record cannot have been written for this state; nothing is changed then.
    pub fn apply(&mut self, record: &StateRecord) -> Result<(), StateError> {
        match record {
            StateRecord::TableCreated(table) => {
                if self.tables.contains_key(&table.id) || self.dropped.contains(&table.id) {
                    return Err(StateError::TableExists(table.id));
                }
                self.tables.insert(table.id, table.clone());
            }
            StateRecord::TableUpdated { table, revision, retention, deletion_protection, lateness_max, columns } => {
                let table = self.table_with_columns(*table, *revision, columns)?;
                table.definition.retention = *retention;
                table.definition.deletion_protection = *deletion_protection;
                table.definition.lateness_max = *lateness_max;
            }
            StateRecord::ColumnsLearned { table, revision, columns } => {
                self.table_with_columns(*table, *revision, columns)?;
            }
            StateRecord::TableDropped { table } => {
                self.tables.remove(table).ok_or(StateError::UnknownTable(*table))?;
                self.floors.retain(|(of, _), _| of != table);
                self.dropped.insert(*table);
            }
            StateRecord::DroppedForgotten { table } => {
                self.dropped.remove(table);
            }
            StateRecord::FloorRaised { table, shard, first_retained } => {
                if !self.tables.contains_key(table) {
                    return Err(StateError::UnknownTable(*table));
                }
                let floor = self.floors.entry((*table, *shard)).or_insert(Sequence::FIRST);
                *floor = (*floor).max(*first_retained);
            }
            StateRecord::ClockNoted(span) => self.clock.note(*span)?,
        }
        Ok(())
    }

    /// Notes the commit time of a frame that was applied; the newest is kept.
    pub fn note_commit(&mut self, time: CommitTime) {
        self.newest_commit = self.newest_commit.max(time);
    }

    /// The newest commit time of all frames so far; `CommitTime::MIN` before the first.
    pub fn newest_commit(&self) -> CommitTime {
        self.newest_commit
    }

    /// How the clocks went.
    pub fn clock(&self) -> &ClockLedger {
        &self.clock
    }

    /// All tables, by id.
    pub fn tables(&self) -> &BTreeMap<TableId, Table> {
        &self.tables
    }

    /// Tables that were dropped, and of which something may still be stored.
    pub fn dropped(&self) -> &BTreeSet<TableId> {
        &self.dropped
    }

    /// The oldest sequence of a shard that is retained; everything before it may be gone. A floor above the shard's
    /// newest run says how far its sequences had come when all of them went.
    pub fn first_retained(&self, table: TableId, shard: Shard) -> Sequence {
        self.floors.get(&(table, shard)).copied().unwrap_or(Sequence::FIRST)
    }

    /// All floors that were raised.
    pub fn floors(&self) -> &BTreeMap<(TableId, Shard), Sequence> {
        &self.floors
    }

    /// The table, with a higher revision and these columns added.
    fn table_with_columns(
        &mut self,
        id: TableId,
        revision: u64,
        columns: &[LearnedColumn],
    ) -> Result<&mut Table, StateError> {
        let table = self.tables.get_mut(&id).ok_or(StateError::UnknownTable(id))?;
        if revision <= table.revision {
            return Err(StateError::RevisionBack { table: id, present: table.revision, next: revision });
        }
        if !columns.is_empty() {
            let mut schema = Schema::clone(&table.schema);
            for column in columns {
                schema.add(column.clone())?;
            }
            table.schema = Arc::new(schema);
        }
        table.revision = revision;
        Ok(table)
    }
}
