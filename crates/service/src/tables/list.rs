//! Lists of tables, page by page.

use annals_engine::Engine;
use annals_model::{Fault, Reason};
use bytes::Bytes;

use super::DescribedTable;
use crate::lists::{PAGE_BYTES_MAX, page_entries};
use crate::{Action, Caller, Service};

/// About what an answer takes for a table, for each of its shards and for each of its columns, beside their names.
const TABLE_BYTES: usize = 128;
const SHARD_BYTES: usize = 64;
const COLUMN_BYTES: usize = 8;

/// Which tables a caller wants to see.
#[derive(Clone, Debug, Default)]
pub struct ListTables {
    /// Of this keyspace; empty: of all.
    pub keyspace: String,
    /// At most so many; 0 leaves it to the service.
    pub page_size: i32,
    /// Where to go on, from an earlier page; empty: at the beginning.
    pub page_token: Bytes,
}

/// One page of tables.
#[derive(Clone, Debug, Default)]
pub struct TablePage {
    /// In the order of their names.
    pub tables: Vec<DescribedTable>,
    /// With which the list goes on; empty if nothing is left.
    pub next_page_token: Bytes,
}

impl<E: Engine> Service<E> {
    /// One page of the tables that the caller may see, by name. A page has about 1 MiB at most, or one table.
    ///
    /// # Errors
    /// When the page's size is negative.
    pub async fn list_tables(&self, caller: &Caller, request: ListTables) -> Result<TablePage, Fault> {
        let entries_max = page_entries(request.page_size, &self.limits)?;
        let mut tables = self.engine.tables();
        tables.retain(|table| {
            let name = &table.definition.name;
            (request.keyspace.is_empty() || name.keyspace() == request.keyspace)
                // The token is the last name given.
                && name.as_str().as_bytes() > &request.page_token[..]
                && self.permit(caller, Action::Describe, Some(name)).is_ok()
        });
        let mut page = TablePage::default();
        let mut bytes = 0;
        for table in tables {
            let described = match self.described(table).await {
                Ok(described) => described,
                // Dropped since the list was made.
                Err(fault) if fault.reason == Reason::TableNotFound => continue,
                Err(fault) => return Err(fault),
            };
            bytes += bytes_of(&described);
            if let Some(last) = page.tables.last()
                && (page.tables.len() == entries_max || bytes > PAGE_BYTES_MAX)
            {
                page.next_page_token = Bytes::copy_from_slice(last.table.definition.name.as_str().as_bytes());
                break;
            }
            page.tables.push(described);
        }
        Ok(page)
    }
}

/// About how many bytes of an answer a table takes.
fn bytes_of(DescribedTable { table, stats }: &DescribedTable) -> usize {
    let columns = table.schema.columns().iter().map(|known| COLUMN_BYTES + known.column.name.len());
    TABLE_BYTES + table.definition.name.as_str().len() + columns.sum::<usize>() + SHARD_BYTES * stats.shards.len()
}
