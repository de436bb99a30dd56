//! Changing tables: what may change, and what a new retention removes.

use std::time::Duration;

use annals_engine::{self as engine, CatalogError, Engine, TrimMode, Trimmed};
use annals_model::{Column, Fault, Retention, Table};

use super::columns::check_columns;
use super::{DescribedTable, check_retention, check_span};
use crate::{Action, Caller, Service, faults};

/// A table that learns columns all the time changes under an update. What an update says does not depend on what it
/// found, so it is tried again, so often.
const ATTEMPTS_MAX: usize = 16;

/// A change of a table. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct UpdateTable {
    /// The table.
    pub name: String,
    /// A new retention; what it removes goes at once.
    pub retention: Option<Retention>,
    /// Columns to declare, each name once.
    pub add_columns: Vec<Column>,
    /// Sets or clears deletion protection.
    pub deletion_protection: Option<bool>,
    /// A new lateness.
    pub lateness_max: Option<Duration>,
    /// Changes nothing and tells what the change would do.
    pub validate_only: bool,
}

/// A table after a change.
#[derive(Clone, Debug)]
pub struct UpdatedTable {
    /// The table.
    pub described: DescribedTable,
    /// What the change removed, or would.
    pub removed: Trimmed,
}

impl<E: Engine> Service<E> {
    /// Changes a table, durably.
    ///
    /// # Errors
    /// `TableProtected` when a new retention would remove events at once and the table is protected from that.
    pub async fn update_table(&self, caller: &Caller, request: UpdateTable) -> Result<UpdatedTable, Fault> {
        let UpdateTable { retention, add_columns, deletion_protection, lateness_max, .. } = &request;
        retention.as_ref().map_or(Ok(()), |retention| check_retention("retention", retention))?;
        check_columns("add_columns", add_columns)?;
        lateness_max.map_or(Ok(()), |span| check_span("max_lateness", span))?;
        let mut attempts = 0;
        loop {
            let table = self.table(caller, Action::Manage, &request.name)?;
            let removed = match *retention {
                Some(retention) => self.trim(&table, retention, TrimMode::Plan).await?,
                None => Trimmed::default(),
            };
            check_protection(&table, *deletion_protection, removed)?;
            if request.validate_only {
                check_new_columns(&table, add_columns)?;
                return Ok(UpdatedTable { described: self.described(table).await?, removed });
            }
            let update = engine::UpdateTable {
                table: table.id,
                expected_revision: table.revision,
                retention: *retention,
                add_columns: add_columns.clone(),
                deletion_protection: *deletion_protection,
                lateness_max: *lateness_max,
            };
            attempts += 1;
            match self.engine.update_table(update).await {
                Ok(table) => {
                    let removed = match *retention {
                        Some(retention) => self.trim(&table, retention, TrimMode::Apply).await?,
                        None => removed,
                    };
                    return Ok(UpdatedTable { described: self.described(table).await?, removed });
                }
                Err(CatalogError::RevisionChanged(_)) if attempts < ATTEMPTS_MAX => {}
                Err(error) => return Err(faults::of_catalog(error, &table.definition.name)),
            }
        }
    }

    async fn trim(&self, table: &Table, retention: Retention, mode: TrimMode) -> Result<Trimmed, Fault> {
        let trimmed = self.engine.trim(table.id, retention, mode).await;
        trimmed.map_err(|error| faults::of_catalog(error, &table.definition.name))
    }
}

/// Whether columns that the table has already are of the types that are declared.
fn check_new_columns(table: &Table, add_columns: &[Column]) -> Result<(), Fault> {
    let agrees = |column: &Column| match table.schema.get(&column.name) {
        Some(known) => known.agrees_with(column.column_type),
        None => Ok(()),
    };
    let checked = add_columns.iter().try_for_each(agrees);
    checked.map_err(|conflict| faults::of_catalog(conflict.into(), &table.definition.name))
}

/// A protected table loses nothing, unless the same change takes the protection away.
fn check_protection(table: &Table, new_protection: Option<bool>, removed: Trimmed) -> Result<(), Fault> {
    let is_protected = table.definition.deletion_protection && new_protection != Some(false);
    if !is_protected || removed.events == 0 {
        return Ok(());
    }
    let (name, events) = (&table.definition.name, removed.events);
    let message = format!(
        "table {name} is protected from deletion, and this retention would remove {events} events at once; clear \
         deletion_protection first"
    );
    Err(faults::protected(name, message))
}
