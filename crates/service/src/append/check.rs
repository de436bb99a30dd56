//! Checks the columns of a request's events against the table's schema, and notes those that it would learn.

use std::collections::HashMap;
use std::sync::Arc;

use annals_event::walk::{ColumnCheck, Refusal};
use annals_model::{ColumnType, Schema, SchemaMode, Table};

/// A column that the table does not have yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstCell {
    pub(super) column_type: ColumnType,
    /// The event of the request that holds the column's first cell.
    pub(super) event_index: u32,
}

/// The schema as it was when the request came, and what the request adds to it.
#[derive(Debug)]
pub(super) struct SchemaCheck {
    schema: Arc<Schema>,
    mode: SchemaMode,
    /// The event that is being walked.
    pub(super) event_index: u32,
    new: HashMap<String, FirstCell>,
}

impl SchemaCheck {
    pub(super) fn of(table: &Table) -> Self {
        Self {
            schema: Arc::clone(&table.schema),
            mode: table.definition.schema_mode,
            event_index: 0,
            new: HashMap::new(),
        }
    }

    /// Whether the table does not have all columns that were let pass since they were last taken.
    pub(super) fn has_new(&self) -> bool {
        !self.new.is_empty()
    }

    /// Takes the new columns with their first cells, in the order of those.
    pub(super) fn take_new(&mut self) -> Vec<(String, FirstCell)> {
        let mut new: Vec<_> = self.new.drain().collect();
        new.sort_unstable_by(|(left_name, left), (right_name, right)| {
            (left.event_index, left_name).cmp(&(right.event_index, right_name))
        });
        new
    }
}

impl ColumnCheck for SchemaCheck {
    fn check(&mut self, name: &str, column_type: ColumnType) -> Result<(), Refusal> {
        if let Some(known) = self.schema.get(name) {
            return known.agrees_with(column_type).map_err(Refusal::Mistyped);
        }
        if self.mode == SchemaMode::Strict {
            return Err(Refusal::Undeclared(name.to_owned()));
        }
        match self.new.get(name) {
            Some(first) if first.column_type == column_type => Ok(()),
            Some(first) => Err(Refusal::MistypedWithin {
                name: name.to_owned(),
                expected: first.column_type,
                found: column_type,
                earlier: first.event_index,
            }),
            None => {
                self.new.insert(name.to_owned(), FirstCell { column_type, event_index: self.event_index });
                Ok(())
            }
        }
    }
}
