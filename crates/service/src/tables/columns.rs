//! Columns that a request declares.

use std::collections::HashSet;

use annals_model::limits::COLUMN_NAME_BYTES_MAX;
use annals_model::{Column, Fault};

use crate::faults;

/// Checks that each has a name that a column can have, and each its own.
pub(super) fn check_columns(field: &str, columns: &[Column]) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    for (index, Column { name, .. }) in columns.iter().enumerate() {
        let wrong = |description| Err(faults::invalid(&format!("{field}[{index}].name"), description));
        if !(1..=COLUMN_NAME_BYTES_MAX).contains(&name.len()) {
            return wrong(format!("a name of {} bytes; it has 1 to {COLUMN_NAME_BYTES_MAX}", name.len()));
        }
        if !seen.insert(name) {
            return wrong(format!("{name:?} is declared twice"));
        }
    }
    Ok(())
}
