//! Pages of lists.

use annals_model::Fault;

use crate::{Limits, faults};

/// Bytes of a page, but for one entry that is larger: a key may have 64 KiB, a table 10,000 columns, and a response has
/// its bound.
pub(crate) const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// How many entries a page has, if `asked` is what the request says: 0 leaves it to the server.
pub(crate) fn page_entries(asked: i32, limits: &Limits) -> Result<usize, Fault> {
    match usize::try_from(asked) {
        Ok(0) => Ok(limits.page_entries_max),
        Ok(asked) => Ok(asked.min(limits.page_entries_max)),
        Err(_) => Err(faults::invalid("page_size", format!("{asked} is negative; 0 leaves it to the server"))),
    }
}
