//! Making tables.

use std::time::Duration;

use annals_engine::{CatalogError, Engine};
use annals_model::{Column, Fault, Reason, Retention, SchemaMode, ShardCount, Sharding, Table, TableDefinition};

use super::columns::check_columns;
use super::{DescribedTable, check_retention, check_span};
use crate::service::table_name;
use crate::{Action, Caller, Service, faults};

/// A table that is to be made.
#[derive(Clone, Debug)]
pub struct CreateTable {
    /// `keyspace.table`.
    pub name: String,
    /// Orders of arrival; 0: one.
    pub shard_count: u32,
    /// Who chooses an event's shard.
    pub sharding: Sharding,
    /// Whether events may bring columns that are not declared.
    pub schema_mode: SchemaMode,
    /// What goes by itself.
    pub retention: Retention,
    /// Whether removals are refused.
    pub deletion_protection: bool,
    /// How late events may come.
    pub lateness_max: Option<Duration>,
    /// The columns that are declared, each name once.
    pub columns: Vec<Column>,
    /// Whether a table of the name that agrees with this one will do.
    pub if_not_exists: bool,
}

impl CreateTable {
    /// A table that is sharded by hash, open to all columns, and keeps everything.
    pub fn open(name: impl Into<String>, shard_count: u32) -> Self {
        Self {
            name: name.into(),
            shard_count,
            sharding: Sharding::Hash,
            schema_mode: SchemaMode::Open,
            retention: Retention::default(),
            deletion_protection: false,
            lateness_max: None,
            columns: Vec::new(),
            if_not_exists: false,
        }
    }
}

impl<E: Engine> Service<E> {
    /// Makes a table, durably, or agrees with the one that is there. Fields are named as those of `table`.
    ///
    /// # Errors
    /// `TableExists`, or with `if_not_exists` `TableDiffers` when the table there is another.
    pub async fn create_table(&self, caller: &Caller, request: CreateTable) -> Result<DescribedTable, Fault> {
        let if_not_exists = request.if_not_exists;
        let (definition, columns) = checked(request)?;
        self.permit(caller, Action::Manage, Some(&definition.name))?;
        let table = match self.engine.create_table(definition.clone(), columns.clone()).await {
            Ok(table) => table,
            Err(CatalogError::AlreadyExists(present)) if if_not_exists => {
                agree(&present, &definition, &columns)?;
                *present
            }
            Err(error) => return Err(faults::of_catalog(error, &definition.name)),
        };
        self.described(table).await
    }
}

fn checked(asked: CreateTable) -> Result<(TableDefinition, Vec<Column>), Fault> {
    let name = table_name(&asked.name, "table.name")?;
    if name.is_reserved() {
        let description = format!("{name}: keyspaces that begin with \"_annals\" are the store's own; choose another");
        return Err(Fault::of_field(Reason::InvalidTableName, "table.name", description));
    }
    // Left out: one arrival order for the table.
    let shard_count = ShardCount::new(asked.shard_count.max(1));
    let shard_count = shard_count.map_err(|error| faults::invalid("table.shard_count", error.to_string()))?;
    asked.lateness_max.map_or(Ok(()), |span| check_span("table.max_lateness", span))?;
    check_retention("table.retention", &asked.retention)?;
    check_columns("table.columns", &asked.columns)?;
    let definition = TableDefinition {
        name,
        shard_count,
        sharding: asked.sharding,
        schema_mode: asked.schema_mode,
        retention: asked.retention,
        deletion_protection: asked.deletion_protection,
        lateness_max: asked.lateness_max,
    };
    Ok((definition, asked.columns))
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
