//! Messages of the contract as nouns of the service, and nouns as messages: the one place that knows both, a file for
//! each kind of message.
//!
//! Promises: nothing of an event is copied or looked at; what a message asks for and the service does not know is refused
//! by the name of its field. Does not: check what every door would have to check, which is the service's.

mod append;
mod column;
mod duration;
mod partition;
mod retention;
mod scan;
mod scan_plan;
mod server_info;
mod slices;
mod table;
mod table_changes;
mod tail;
mod tail_info;
mod tail_step;

pub(crate) use append::{append_request, append_response, append_session_response};
pub(crate) use partition::{list_partitions, partition, partition_page};
pub(crate) use scan::{scan_answer, scan_request};
pub(crate) use scan_plan::scan_plan;
pub(crate) use server_info::server_info;
pub(crate) use table::table;
pub(crate) use table_changes::{create_table, table_page, update_table};
pub(crate) use tail::tail_request;
pub(crate) use tail_info::tail_info_page;
pub(crate) use tail_step::{Encoded, tail_answer};
