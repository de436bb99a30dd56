//! Columns, their types, and what a table knows of them.

use std::collections::HashMap;
use std::fmt;

use crate::sequence::Sequence;
use crate::shard::Shard;

/// The type of a column: one kind of cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColumnType {
    /// True or false.
    Bool,
    /// A signed 64-bit integer.
    Int64,
    /// An IEEE 754 double, kept bit for bit.
    Double,
    /// UTF-8 text.
    String,
    /// Any bytes.
    Bytes,
    /// Nanoseconds since the Unix epoch.
    Timestamp,
    /// 16 bytes, big-endian.
    Uuid,
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int64 => "int64",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
            Self::Uuid => "uuid",
        })
    }
}

/// A column by name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// 1 to 255 bytes of UTF-8.
    pub name: String,
    /// The type, fixed for good.
    pub column_type: ColumnType,
}

/// Whether a table takes columns that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SchemaMode {
    /// A new column takes the type of its first stored cell.
    #[default]
    Open,
    /// Only declared columns.
    Strict,
}

/// A column that a table learned: its type, and the event that set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearnedColumn {
    /// The column.
    pub column: Column,
    /// Where its first stored cell lies; none if the column was declared.
    pub learned_at: Option<(Shard, Sequence)>,
}

/// The columns of a table, in the order in which they were declared or learned. Columns are added, never changed.
#[derive(Clone, Default)]
pub struct Schema {
    columns: Vec<LearnedColumn>,
    by_name: HashMap<String, usize>,
}

/// A cell of another type than its column's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ColumnConflict {
    /// The column's name.
    pub name: String,
    /// The type that the column has.
    pub expected: ColumnType,
    /// The type of the cell that was given.
    pub found: ColumnType,
    /// The event that set the column's type; none if it was declared.
    pub learned_at: Option<(Shard, Sequence)>,
}

impl fmt::Display for ColumnConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, expected, found, .. } = self;
        write!(f, "column {name:?} holds {expected}, not {found}; its type was set ")?;
        match self.learned_at {
            Some((shard, sequence)) => write!(f, "by the event with sequence {sequence} of shard {shard}"),
            None => f.write_str("when the column was declared"),
        }
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.columns).finish()
    }
}

impl Schema {
    /// The column of this name.
    pub fn get(&self, name: &str) -> Option<&LearnedColumn> {
        self.by_name.get(name).map(|&index| &self.columns[index])
    }

    /// All columns, in the order in which they came.
    pub fn columns(&self) -> &[LearnedColumn] {
        &self.columns
    }

    /// Adds a column, or agrees that it is there with the same type.
    ///
    /// # Errors
    /// When it is there with another type; nothing is changed then.
    pub fn add(&mut self, learned: LearnedColumn) -> Result<(), ColumnConflict> {
        if let Some(present) = self.get(&learned.column.name) {
            return present.agrees_with(learned.column.column_type);
        }
        self.by_name.insert(learned.column.name.clone(), self.columns.len());
        self.columns.push(learned);
        Ok(())
    }
}

impl LearnedColumn {
    /// Whether a cell of type `found` fits the column.
    ///
    /// # Errors
    /// When it does not.
    pub fn agrees_with(&self, found: ColumnType) -> Result<(), ColumnConflict> {
        if self.column.column_type == found {
            return Ok(());
        }
        Err(ColumnConflict {
            name: self.column.name.clone(),
            expected: self.column.column_type,
            found,
            learned_at: self.learned_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(name: &str, column_type: ColumnType, sequence: u64) -> LearnedColumn {
        LearnedColumn {
            column: Column { name: name.to_owned(), column_type },
            learned_at: Some((Shard::ZERO, Sequence::new(sequence))),
        }
    }

    #[test]
    fn a_columns_type_is_set_once_and_a_conflict_names_what_set_it() {
        let mut schema = Schema::default();
        schema.add(learned("speed", ColumnType::Double, 7)).expect("new");
        schema.add(learned("speed", ColumnType::Double, 9)).expect("agrees");
        let conflict = schema.add(learned("speed", ColumnType::Int64, 11)).expect_err("another type");
        assert_eq!(
            conflict.to_string(),
            "column \"speed\" holds double, not int64; its type was set by the event with sequence 7 of shard 0"
        );
        assert_eq!(schema.columns().len(), 1);
    }
}
