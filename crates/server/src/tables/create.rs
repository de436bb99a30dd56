//! Making tables.

use annals_engine::{CatalogError, Engine};
use annals_model::{Column, Fault, Reason, SchemaMode, ShardCount, Sharding, Table, TableDefinition};
use annals_wire::v1::{self, CreateTableRequest, CreateTableResponse};

use super::{described, render};
use crate::faults;
use crate::shared::{Shared, table_name};

/// Makes a table, or agrees with the one that is there. Fields that the server sets are not looked at, so that a table
/// can be made again from its description.
///
/// # Errors
/// `TableExists`, or with `if_not_exists` `TableDiffers` when the table there is another.
pub(crate) async fn create<E: Engine>(
    shared: &Shared<E>,
    request: CreateTableRequest,
) -> Result<CreateTableResponse, Fault> {
    let asked = request.table.ok_or_else(|| faults::invalid("table", "say which table to make"))?;
    let (definition, columns) = parse(asked)?;
    let table = match shared.engine.create_table(definition.clone(), columns.clone()).await {
        Ok(table) => table,
        Err(CatalogError::AlreadyExists(present)) if request.if_not_exists => {
            agree(&present, &definition, &columns)?;
            *present
        }
        Err(error) => return Err(faults::of_catalog(error, &definition.name)),
    };
    Ok(CreateTableResponse { table: Some(described(shared, &table).await?) })
}

fn parse(asked: v1::Table) -> Result<(TableDefinition, Vec<Column>), Fault> {
    let name = table_name(&asked.name, "table.name")?;
    if name.is_reserved() {
        let description = format!("{name}: keyspaces that begin with \"_annals\" are the store's own; choose another");
        return Err(Fault::of_field(Reason::InvalidTableName, "table.name", description));
    }
    if asked.value_format != 0 {
        return Err(faults::not_supported("table.value_format"));
    }
    // Left out: one arrival order for the table.
    let shard_count = ShardCount::new(asked.shard_count.max(1));
    let shard_count = shard_count.map_err(|error| faults::invalid("table.shard_count", error.to_string()))?;
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
    let lateness = asked.max_lateness.as_ref().map(|time| render::parse_duration("table.max_lateness", time));
    let definition = TableDefinition {
        name,
        shard_count,
        sharding,
        schema_mode,
        retention: render::parse_retention("table.retention", asked.retention.as_ref())?,
        deletion_protection: asked.deletion_protection,
        lateness_max: lateness.transpose()?,
    };
    Ok((definition, render::parse_columns("table.columns", asked.columns)?))
}

/// Whether the table that is there is the one asked for: its definition, and every column that is declared. Further
/// columns may have been learned.
fn agree(present: &Table, asked: &TableDefinition, columns: &[Column]) -> Result<(), Fault> {
    let there = &present.definition;
    let differs = [
        ("shard_count", there.shard_count != asked.shard_count),
        ("sharding", there.sharding != asked.sharding),
        ("schema_mode", there.schema_mode != asked.schema_mode),
        ("retention", there.retention != asked.retention),
        ("deletion_protection", there.deletion_protection != asked.deletion_protection),
        ("max_lateness", there.lateness_max != asked.lateness_max),
    ];
    let column_agrees = |column: &Column| {
        present.schema.get(&column.name).is_some_and(|known| known.column.column_type == column.column_type)
    };
    let field = differs.into_iter().find(|(_, differs)| *differs).map(|(field, _)| field.to_owned());
    let column =
        || columns.iter().find(|column| !column_agrees(column)).map(|column| format!("column {:?}", column.name));
    match field.or_else(column) {
        None => Ok(()),
        Some(what) => {
            let description = format!("table {} exists and differs in its {what}; see GetTable", there.name);
            Err(Fault::of_field(Reason::TableDiffers, "table", description))
        }
    }
}
