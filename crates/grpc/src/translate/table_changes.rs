//! Tables that are to be made or changed, and lists of them.

use annals_model::{Fault, Retention, SchemaMode, Sharding};
use annals_service::{CreateTable, TablePage, UpdateTable, faults};
use annals_wire::v1::{self, CreateTableRequest, ListTablesResponse, UpdateTableRequest};

use super::{column, duration, retention, table};

/// Fields that the server sets are not looked at, so that a table can be made again from its description.
///
/// # Errors
/// When it asks for what is not built, or a value is none of its kind.
pub(crate) fn create_table(request: CreateTableRequest) -> Result<CreateTable, Fault> {
    let asked = request.table.ok_or_else(|| faults::invalid("table", "say which table to make"))?;
    if asked.value_format != 0 {
        return Err(faults::not_supported("table.value_format"));
    }
    let sharding = match v1::Sharding::try_from(asked.sharding) {
        Ok(v1::Sharding::Unspecified | v1::Sharding::Hash) => Sharding::Hash,
        Ok(v1::Sharding::Explicit) => Sharding::Explicit,
        Err(_) => return Err(faults::invalid("table.sharding", format!("{} is no sharding", asked.sharding))),
    };
    let schema_mode = match v1::SchemaMode::try_from(asked.schema_mode) {
        Ok(v1::SchemaMode::Unspecified | v1::SchemaMode::Open) => SchemaMode::Open,
        Ok(v1::SchemaMode::Strict) => SchemaMode::Strict,
        Err(_) => return Err(faults::invalid("table.schema_mode", format!("{} is no mode", asked.schema_mode))),
    };
    let retention = asked.retention.as_ref().map(|asked| retention::asked("table.retention", asked));
    Ok(CreateTable {
        name: asked.name,
        shard_count: asked.shard_count,
        sharding,
        schema_mode,
        retention: retention.transpose()?.unwrap_or_else(Retention::default),
        deletion_protection: asked.deletion_protection,
        lateness_max: asked.max_lateness.as_ref().map(duration::from_wire),
        columns: column::declared("table.columns", asked.columns)?,
        if_not_exists: request.if_not_exists,
    })
}

/// # Errors
/// When it asks for what is not built, or a column has no type.
pub(crate) fn update_table(request: UpdateTableRequest) -> Result<UpdateTable, Fault> {
    if request.shard_count.is_some() {
        return Err(faults::not_supported("shard_count"));
    }
    let retention = request.retention.as_ref().map(|asked| retention::asked("retention", asked));
    Ok(UpdateTable {
        name: request.name,
        retention: retention.transpose()?,
        add_columns: column::declared("add_columns", request.add_columns)?,
        deletion_protection: request.deletion_protection,
        lateness_max: request.max_lateness.as_ref().map(duration::from_wire),
        validate_only: request.validate_only,
    })
}

pub(crate) fn table_page(page: &TablePage) -> ListTablesResponse {
    let tables = page.tables.iter().map(table::table).collect();
    ListTablesResponse { tables, next_page_token: page.next_page_token.clone() }
}
