//! Tables and partitions: made, described, changed and removed.
//!
//! Promises: what is answered as done is durable; a protected table loses nothing; lists show what their caller may see.
//! Does not: hold a lock over a change. It is tried again where another came between.

mod columns;
mod create;
mod list;
mod partitions;
mod update;

use annals_engine::{Engine, TableStats};
use annals_model::{Fault, Retention, Table};

use crate::{Action, Caller, Service, faults};

pub use create::CreateTable;
pub use list::{ListTables, TablePage};
pub use partitions::{ListPartitions, PartitionPage};
pub use update::{UpdateTable, UpdatedTable};

/// A table with what it holds now.
#[derive(Clone, Debug)]
pub struct DescribedTable {
    /// The table.
    pub table: Table,
    /// What it holds.
    pub stats: TableStats,
}

impl<E: Engine> Service<E> {
    /// Describes one table.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn describe_table(&self, caller: &Caller, name: &str) -> Result<DescribedTable, Fault> {
        let table = self.table(caller, Action::Describe, name)?;
        self.described(table).await
    }

    /// Removes a table with all its events, durably.
    ///
    /// # Errors
    /// When it is not there, or protected.
    pub async fn drop_table(&self, caller: &Caller, name: &str) -> Result<(), Fault> {
        let table = self.table(caller, Action::Manage, name)?;
        let dropped = self.engine.drop_table(table.id).await;
        dropped.map_err(|error| faults::of_catalog(error, &table.definition.name))
    }

    async fn described(&self, table: Table) -> Result<DescribedTable, Fault> {
        let stats = self.engine.table_stats(table.id).await;
        let stats = stats.map_err(|error| faults::of_read(&error, &table.definition.name))?;
        Ok(DescribedTable { table, stats })
    }
}

/// Checks a span of time that a request gives for a field: one of no length is none.
fn check_span(field: &str, span: std::time::Duration) -> Result<(), Fault> {
    if span.is_zero() {
        return Err(faults::invalid(field, "it is a span of time above zero; leave it out for none"));
    }
    Ok(())
}

fn check_retention(field: &str, retention: &Retention) -> Result<(), Fault> {
    retention.age_max.map_or(Ok(()), |age| check_span(&format!("{field}.max_age"), age))
}
