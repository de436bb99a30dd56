//! Tables and partitions: made, described, changed and removed.

mod create;
mod partitions;
mod render;
mod update;

use annals_engine::Engine;
use annals_model::{Fault, Table};
use annals_wire::v1::{self, GetTableRequest, GetTableResponse, ListTablesRequest, ListTablesResponse};
use prost::Message;

use crate::faults;
use crate::lists::{PAGE_BYTES_MAX, page_entries};
use crate::shared::Shared;

pub(crate) use create::create;
pub(crate) use partitions::{get_partition, list_partitions};
pub(crate) use update::update;

/// A table as the contract shows it, with what it holds now.
async fn described<E: Engine>(shared: &Shared<E>, table: &Table) -> Result<v1::Table, Fault> {
    let stats = shared.engine.table_stats(table.id).await;
    let stats = stats.map_err(|error| faults::of_read(&error, &table.definition.name))?;
    Ok(render::table(table, Some(&stats)))
}

/// Describes one table.
pub(crate) async fn get<E: Engine>(shared: &Shared<E>, request: GetTableRequest) -> Result<GetTableResponse, Fault> {
    let table = shared.table(&request.name)?;
    Ok(GetTableResponse { table: Some(described(shared, &table).await?) })
}

/// One page of tables, by name. The page token is the last name given.
pub(crate) async fn list<E: Engine>(
    shared: &Shared<E>,
    request: ListTablesRequest,
) -> Result<ListTablesResponse, Fault> {
    let entries_max = page_entries(request.page_size, &shared.limits)?;
    let mut tables = shared.engine.tables();
    tables.retain(|table| {
        let name = &table.definition.name;
        (request.keyspace.is_empty() || name.keyspace() == request.keyspace)
            && name.as_str().as_bytes() > &request.page_token[..]
    });
    let mut page = ListTablesResponse::default();
    let mut bytes = 0;
    for table in tables {
        let shown = match described(shared, &table).await {
            Ok(shown) => shown,
            // Dropped since the list was made.
            Err(fault) if fault.reason == annals_model::Reason::TableNotFound => continue,
            Err(fault) => return Err(fault),
        };
        bytes += shown.encoded_len();
        if let Some(last) = page.tables.last()
            && (page.tables.len() == entries_max || bytes > PAGE_BYTES_MAX)
        {
            page.next_page_token = last.name.clone().into();
            break;
        }
        page.tables.push(shown);
    }
    Ok(page)
}

/// Removes a table with all its events.
pub(crate) async fn drop<E: Engine>(
    shared: &Shared<E>,
    request: v1::DropTableRequest,
) -> Result<v1::DropTableResponse, Fault> {
    let table = shared.table(&request.name)?;
    let dropped = shared.engine.drop_table(table.id).await;
    dropped.map_err(|error| faults::of_catalog(error, &table.definition.name))?;
    Ok(v1::DropTableResponse {})
}
