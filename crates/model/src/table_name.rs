//! The name of a table: `keyspace.table`.

use std::fmt;
use std::str::FromStr;

use crate::limits::{KEYSPACE_CHARS_MAX, TABLE_CHARS_MAX};

/// Keyspaces whose names begin so are the store's own.
const RESERVED_PREFIX: &str = "_annals";

/// `keyspace.table`: names of 1 to 100 and 1 to 249 characters out of A-Z, a-z, 0-9, '_' and '-'; the second may hold '.'
/// too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    full: String,
    keyspace_length: usize,
}

/// Why a text is not a table's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a table name: {reason}")]
pub struct TableNameError {
    name: String,
    reason: &'static str,
}

impl TableName {
    /// The part before the first dot.
    pub fn keyspace(&self) -> &str {
        &self.full[..self.keyspace_length]
    }

    /// The part after the first dot.
    pub fn table(&self) -> &str {
        &self.full[self.keyspace_length + 1..]
    }

    /// Whether the keyspace is one of the store's own, in which nobody else makes tables.
    pub fn is_reserved(&self) -> bool {
        self.keyspace().starts_with(RESERVED_PREFIX)
    }

    /// The whole name, `keyspace.table`.
    pub fn as_str(&self) -> &str {
        &self.full
    }
}

impl FromStr for TableName {
    type Err = TableNameError;

    fn from_str(name: &str) -> Result<Self, TableNameError> {
        let shown = || name.chars().take(KEYSPACE_CHARS_MAX + TABLE_CHARS_MAX + 2).collect();
        let refuse = |reason| TableNameError { name: shown(), reason };
        let (keyspace, table) =
            name.split_once('.').ok_or_else(|| refuse("write it as keyspace.table, with a dot between the two"))?;
        if !(1..=KEYSPACE_CHARS_MAX).contains(&keyspace.len()) || !(1..=TABLE_CHARS_MAX).contains(&table.len()) {
            return Err(refuse("a keyspace has 1 to 100 characters, a table 1 to 249"));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !keyspace.chars().all(allowed) || !table.chars().all(|c| allowed(c) || c == '.') {
            return Err(refuse("it may hold A-Z, a-z, 0-9, '_' and '-', and the table part '.' as well"));
        }
        Ok(Self { full: name.to_owned(), keyspace_length: keyspace.len() })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_at_its_first_dot() {
        let name: TableName = "flights.nyc.2013".parse().expect("a name");
        assert_eq!((name.keyspace(), name.table(), name.as_str()), ("flights", "nyc.2013", "flights.nyc.2013"));
    }

    #[test]
    fn keyspaces_of_the_store_are_known_by_their_beginning() {
        for (text, expected) in
            [("_annals.t", true), ("_annals_kafka.t", true), ("annals.t", false), ("_a._annals", false)]
        {
            assert_eq!(text.parse::<TableName>().expect("a name").is_reserved(), expected, "{text}");
        }
    }

    #[test]
    fn the_longest_names_are_taken() {
        let name = format!("{}.{}", "k".repeat(KEYSPACE_CHARS_MAX), "t".repeat(TABLE_CHARS_MAX));
        assert_eq!(name.parse::<TableName>().map(|name| name.table().len()), Ok(TABLE_CHARS_MAX));
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        let (long, long_keyspace) = (format!("k.{}", "t".repeat(250)), format!("{}.t", "k".repeat(101)));
        for text in ["", "flights", ".t", "k.", "k t.t", "k/../x.t", "ü.t", &long, &long_keyspace] {
            assert!(text.parse::<TableName>().is_err(), "{text:?}");
        }
    }
}
