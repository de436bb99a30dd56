//! Changing tables: what may change, and what a new retention removes.

use annals_engine::{CatalogError, Engine, TrimMode, Trimmed, UpdateTable};
use annals_model::{Fault, Table};
use annals_wire::v1::{UpdateTableRequest, UpdateTableResponse};

use super::{described, render};
use crate::faults;
use crate::shared::Shared;

/// A table that learns columns all the time changes under an update. What an update says does not depend on what it
/// found, so it is tried again, so often.
const ATTEMPTS_MAX: usize = 16;

/// Changes a table.
///
/// # Errors
/// `TableProtected` when a new retention would remove events at once and the table is protected from that.
pub(crate) async fn update<E: Engine>(
    shared: &Shared<E>,
    request: UpdateTableRequest,
) -> Result<UpdateTableResponse, Fault> {
    if request.shard_count.is_some() {
        return Err(faults::not_supported("shard_count"));
    }
    let retention = request.retention.as_ref();
    let retention = retention.map(|retention| render::parse_retention("retention", Some(retention))).transpose()?;
    let add_columns = render::parse_columns("add_columns", request.add_columns)?;
    let lateness_max = request.max_lateness.as_ref().map(|time| render::parse_duration("max_lateness", time));
    let lateness_max = lateness_max.transpose()?;
    let mut attempts = 0;
    loop {
        let table = shared.table(&request.name)?;
        let removed = match retention {
            Some(retention) => trim(shared, &table, retention, TrimMode::Plan).await?,
            None => Trimmed::default(),
        };
        check_protection(&table, request.deletion_protection, removed)?;
        if request.validate_only {
            add_columns
                .iter()
                .try_for_each(|column| match table.schema.get(&column.name) {
                    Some(known) => known.agrees_with(column.column_type),
                    None => Ok(()),
                })
                .map_err(|conflict| faults::of_catalog(conflict.into(), &table.definition.name))?;
            return answer(shared, &table, removed).await;
        }
        let update = UpdateTable {
            table: table.id,
            expected_revision: table.revision,
            retention,
            add_columns: add_columns.clone(),
            deletion_protection: request.deletion_protection,
            lateness_max,
        };
        attempts += 1;
        match shared.engine.update_table(update).await {
            Ok(table) => {
                let removed = match retention {
                    Some(retention) => trim(shared, &table, retention, TrimMode::Apply).await?,
                    None => removed,
                };
                return answer(shared, &table, removed).await;
            }
            Err(CatalogError::RevisionChanged(_)) if attempts < ATTEMPTS_MAX => {}
            Err(error) => return Err(faults::of_catalog(error, &table.definition.name)),
        }
    }
}

async fn trim<E: Engine>(
    shared: &Shared<E>,
    table: &Table,
    retention: annals_model::Retention,
    mode: TrimMode,
) -> Result<Trimmed, Fault> {
    let trimmed = shared.engine.trim(table.id, retention, mode).await;
    trimmed.map_err(|error| faults::of_catalog(error, &table.definition.name))
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

async fn answer<E: Engine>(shared: &Shared<E>, table: &Table, removed: Trimmed) -> Result<UpdateTableResponse, Fault> {
    Ok(UpdateTableResponse {
        table: Some(described(shared, table).await?),
        removed_events: removed.events,
        removed_bytes: removed.bytes,
    })
}
