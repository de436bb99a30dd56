//! Stored events as the contract's responses carry them.

use annals_engine::contract::PageBounds;
use annals_model::StoredEvent;
use annals_wire::opaque::RecordedEvent;
use annals_wire::walk::Projection;
use annals_wire::{Fault, Reason};

use crate::config::Limits;

/// How much one response takes. With the events' own fields, a token and an event of the largest size it stays below
/// the contract's 4,000,000 bytes.
pub(crate) fn response_bounds(limits: &Limits) -> PageBounds {
    PageBounds { events_max: limits.response_events_max, bytes_max: limits.response_bytes_target }
}

/// The events, with all their columns or some. Bytes are shared with the store; only a projection copies.
pub(crate) fn recorded(events: Vec<StoredEvent>, projection: Option<&Projection>) -> Result<Vec<RecordedEvent>, Fault> {
    events.into_iter().map(|event| recorded_event(event, projection)).collect()
}

fn recorded_event(stored: StoredEvent, projection: Option<&Projection>) -> Result<RecordedEvent, Fault> {
    let event = match projection {
        None => stored.bytes,
        Some(projection) => projection.project(&stored.bytes).map_err(|error| {
            let (shard, sequence) = (stored.shard, stored.sequence);
            tracing::error!(%shard, %sequence, "{error}");
            Fault::new(Reason::StoreDamaged, format!("event {sequence} of shard {shard}: {error}; run `annals verify`"))
        })?,
    };
    Ok(RecordedEvent {
        event,
        shard: stored.shard.get(),
        sequence: stored.sequence.get(),
        commit_time_unix_nanos: stored.commit_time.unix_nanos(),
        late: false,
    })
}
