//! An append request but for its events: what it asks for, and for which shard.

use annals_model::limits::{REQUEST_BYTES_MAX, REQUEST_EVENTS_MAX};
use annals_model::{Fault, Reason, Shard, Sharding, Table};
use bytes::Bytes;

use crate::faults;

/// Events for one table.
#[derive(Clone, Debug, Default)]
pub struct AppendRequest {
    /// `keyspace.table`.
    pub table: String,
    /// The shard, where the table leaves that to its appenders.
    pub shard: Option<u32>,
    /// Each as its producer encoded it.
    pub events: Vec<Bytes>,
    /// Bytes of the whole request as its door took it in: what it counts for.
    pub bytes: usize,
    /// What it asks for beside that and the service does not know, by the name of its field: it is refused for that.
    pub unsupported: Option<&'static str>,
}

/// Checks what a request says beside its events.
///
/// # Errors
/// When it asks for what is not supported, or holds no events or too many.
pub(super) fn check_request(request: &AppendRequest) -> Result<(), Fault> {
    if let Some(field) = request.unsupported {
        return Err(faults::not_supported(field));
    }
    match request.events.len() {
        0 => return Err(Fault::of_field(Reason::NoEvents, "events", "an append holds at least one event")),
        count if count > REQUEST_EVENTS_MAX => {
            let description = format!("{count} events; a request has at most {REQUEST_EVENTS_MAX}, split it");
            return Err(Fault::of_field(Reason::TooManyEvents, "events", description));
        }
        _ => {}
    }
    let bytes = request.bytes;
    if bytes > REQUEST_BYTES_MAX {
        let message = format!("the request has {bytes} bytes; it has at most {REQUEST_BYTES_MAX}, split it");
        return Err(Fault::new(Reason::RequestTooLarge, message));
    }
    Ok(())
}

/// The shard that the appender names, where it is the appender who does.
///
/// # Errors
/// When it names none where it must, one where it must not, or one that is not there.
pub(super) fn asked_shard(table: &Table, asked: Option<u32>) -> Result<Option<Shard>, Fault> {
    let definition = &table.definition;
    match (definition.sharding, asked.map(Shard::new)) {
        (Sharding::Hash, None) => Ok(None),
        (Sharding::Explicit, Some(shard)) if definition.shard_count.contains(shard) => Ok(Some(shard)),
        (Sharding::Explicit, Some(shard)) => {
            let count = definition.shard_count.get();
            let description = format!("{} has {count} shards; {shard} is not one of them", definition.name);
            Err(Fault::of_field(Reason::UnknownShard, "shard", description))
        }
        (Sharding::Explicit, None) => {
            let description = format!("{} has explicit sharding; name the shard of the events", definition.name);
            Err(Fault::of_field(Reason::ShardMissing, "shard", description))
        }
        (Sharding::Hash, Some(_)) => {
            let description = format!("{} is sharded by the hash of the partition key; leave it out", definition.name);
            Err(Fault::of_field(Reason::ShardNotAllowed, "shard", description))
        }
    }
}
