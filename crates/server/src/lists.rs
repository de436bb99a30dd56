//! Pages of lists.

use annals_wire::Fault;

use crate::config::Limits;
use crate::faults;

/// How many entries a page has, if `asked` is what the request says: 0 leaves it to the server.
pub(crate) fn page_entries(asked: i32, limits: &Limits) -> Result<usize, Fault> {
    match usize::try_from(asked) {
        Ok(0) => Ok(limits.page_entries_max),
        Ok(asked) => Ok(asked.min(limits.page_entries_max)),
        Err(_) => Err(faults::invalid("page_size", format!("{asked} is negative; 0 leaves it to the server"))),
    }
}
