//! The parts of a request that choose partitions, columns and times: checked here, for scans and tails alike.

use std::sync::Arc;

use annals_event::Projection;
use annals_model::limits::COLUMN_NAME_BYTES_MAX;
use annals_model::{EventTime, Fault, HashSlices, Moment, PartitionKey, Reason, ResumeToken, Table, TimeRange};
use bytes::Bytes;

use crate::{Limits, faults};

/// Slices of the hash space as a request names them; not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedSlices {
    /// How many slices there are.
    pub count: u32,
    /// Which of them.
    pub indexes: Vec<u32>,
}

/// The partition keys that a request names.
pub(crate) fn partition_keys(keys: Vec<Bytes>, limits: &Limits) -> Result<Arc<[PartitionKey]>, Fault> {
    if keys.len() > limits.keys_max {
        let description = format!("{} keys; a request names at most {}", keys.len(), limits.keys_max);
        return Err(faults::invalid("partition_keys", description));
    }
    let key = |(index, key): (usize, Bytes)| {
        let field = || format!("partition_keys[{index}]");
        PartitionKey::new(key).map_err(|error| Fault::of_field(Reason::InvalidPartitionKey, field(), error.to_string()))
    };
    keys.into_iter().enumerate().map(key).collect()
}

/// The slices that a request names; none if it names none.
pub(crate) fn hash_slices(slices: Option<AskedSlices>) -> Result<Option<HashSlices>, Fault> {
    let checked = slices.map(|slices| HashSlices::new(slices.count, slices.indexes)).transpose();
    checked.map_err(|error| Fault::of_field(Reason::InvalidHashSlices, "hash_slices", error.to_string()))
}

/// The range of event times that a request names.
pub(crate) fn time_range(start: Option<EventTime>, end: Option<EventTime>) -> Result<TimeRange, Fault> {
    TimeRange::new(start, end)
        .map_err(|error| Fault::of_field(Reason::ReversedTimeRange, "time_range", error.to_string()))
}

/// The columns that a request wants; none for all.
pub(crate) fn projection(columns: &[String]) -> Result<Option<Projection>, Fault> {
    for (index, name) in columns.iter().enumerate() {
        if !(1..=COLUMN_NAME_BYTES_MAX).contains(&name.len()) {
            let description = format!("a name of {} bytes; it has 1 to {COLUMN_NAME_BYTES_MAX}", name.len());
            return Err(faults::invalid(&format!("columns[{index}]"), description));
        }
    }
    Ok(Projection::new(columns.iter().map(String::as_str)))
}

/// A filter is not built; none is asked for.
pub(crate) fn no_filter(filter: &str) -> Result<(), Fault> {
    if filter.is_empty() { Ok(()) } else { Err(faults::not_supported("filter")) }
}

/// Reads a resume token that must be of `table`, and of what it holds now or held before.
pub(crate) fn resume_token(field: &str, token: &[u8], table: &Table, head: &Moment) -> Result<ResumeToken, Fault> {
    let token = ResumeToken::decode(token).map_err(|error| faults::of_resume_token(field, error))?;
    if token.table != table.id || token.moment.sequences().len() != head.sequences().len() {
        return Err(faults::foreign_token(field, &table.definition.name));
    }
    if let Some((shard, asked)) = token.moment.iter().find(|&(shard, sequence)| sequence > head.of(shard)) {
        let description = format!(
            "the token covers sequence {asked} of shard {shard}, and {} stands at {}: it is of another store, or this \
             store was put back to an older copy, or is damaged and served only as far as it is sound",
            table.definition.name,
            head.of(shard)
        );
        return Err(Fault::of_field(Reason::TokenAhead, field, description));
    }
    Ok(token)
}
