//! The name of a table: `keyspace.table`.

use std::fmt;
use std::str::FromStr;

use crate::limits::NAME_CHARS_MAX;

/// `keyspace.table`: two names of 1 to 100 characters out of A-Z, a-z, 0-9, '_' and '-'; the second may hold '.' too.
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

    /// The whole name, `keyspace.table`.
    pub fn as_str(&self) -> &str {
        &self.full
    }
}

impl FromStr for TableName {
    type Err = TableNameError;

    fn from_str(name: &str) -> Result<Self, TableNameError> {
        let refuse = |reason| TableNameError { name: name.chars().take(2 * NAME_CHARS_MAX + 2).collect(), reason };
        let (keyspace, table) =
            name.split_once('.').ok_or_else(|| refuse("write it as keyspace.table, with a dot between the two"))?;
        if !is_length_allowed(keyspace) || !is_length_allowed(table) {
            return Err(refuse("keyspace and table have 1 to 100 characters each"));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !keyspace.chars().all(allowed) || !table.chars().all(|c| allowed(c) || c == '.') {
            return Err(refuse("it may hold A-Z, a-z, 0-9, '_' and '-', and the table part '.' as well"));
        }
        Ok(Self { full: name.to_owned(), keyspace_length: keyspace.len() })
    }
}

fn is_length_allowed(part: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&part.len())
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
    fn what_is_not_a_name_is_refused() {
        let long = format!("k.{}", "t".repeat(101));
        for text in ["", "flights", ".t", "k.", "k t.t", "k/../x.t", "ü.t", &long] {
            assert!(text.parse::<TableName>().is_err(), "{text:?}");
        }
    }
}
