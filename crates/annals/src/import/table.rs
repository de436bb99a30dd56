//! The table that an import goes into: looked up, or made, and asked for the types of its columns.

use std::sync::Arc;

use annals_client::proto::{self, CreateTableRequest};
use annals_client::{Client, Reason};
use annals_model::TableName;
use anyhow::Context;

use super::column_types::{ColumnTypes, TypeSource};
use crate::table::column_type_of;

/// Makes the table with so many shards, unless it is there; one that is there stays as it is.
///
/// # Errors
/// When the server refuses.
pub(super) async fn make(client: &Client, name: &TableName, shards: u32) -> anyhow::Result<()> {
    let table = proto::Table { name: name.to_string(), shard_count: shards, ..proto::Table::default() };
    let made = client.create_table(CreateTableRequest { table: Some(table), if_not_exists: true }).await;
    made.with_context(|| format!("cannot make table {name}")).map(drop)
}

/// Takes over the types that the table's columns have; whether there is such a table, where it `may_be_absent`.
///
/// # Errors
/// When there is no such table, or a column was given another type than the table has for it.
pub(super) async fn look_up(
    client: &Client,
    name: &TableName,
    types: &mut ColumnTypes,
    may_be_absent: bool,
) -> anyhow::Result<bool> {
    let found = client.table(name.as_str()).await;
    if may_be_absent && found.as_ref().is_err_and(|error| error.reason() == Some(Reason::TableNotFound)) {
        return Ok(false);
    }
    let table = found.map_err(|error| {
        let is_absent = error.reason() == Some(Reason::TableNotFound);
        let advice = if is_absent { "; make it with --create or `annals table create`" } else { "" };
        anyhow::anyhow!("cannot import into {name}: {error}{advice}")
    })?;
    for column in table.columns {
        let Some(column_type) = column_type_of(&column) else { continue };
        let name: Arc<str> = Arc::from(column.name);
        if let Some((given, TypeSource::Given)) = types.get(&name)
            && given != column_type
        {
            anyhow::bail!("the table's column {name:?} holds {column_type}; --type {name}={given} can't change that");
        }
        types.set(&name, column_type, TypeSource::Table);
    }
    Ok(true)
}
