//! Stored events as the contract's responses carry them, and how many one carries.

use annals_engine::PageBounds;
use annals_event::Projection;
use annals_model::{Fault, Reason, StoredEvent};
use bytes::Bytes;

use crate::config::Limits;

/// How much one response takes. With the events' own fields, a token and an event of the largest size it stays below
/// the contract's 4,000,000 bytes.
pub(crate) fn response_bounds(limits: &Limits) -> PageBounds {
    PageBounds { events_max: limits.response_events_max, bytes_max: limits.response_bytes_target }
}

/// The events as an answer has them, with all their columns or some. Only a projection copies them before they are encoded.
pub(crate) fn projected(
    mut events: Vec<StoredEvent>,
    projection: Option<&Projection>,
) -> Result<Vec<StoredEvent>, Fault> {
    if let Some(projection) = projection {
        for event in &mut events {
            event.bytes = project(event, projection)?;
        }
    }
    Ok(events)
}

fn project(stored: &StoredEvent, projection: &Projection) -> Result<Bytes, Fault> {
    projection.project(&stored.bytes).map_err(|error| {
        let (shard, sequence) = (stored.shard, stored.sequence);
        tracing::error!(%shard, %sequence, "{error}");
        Fault::new(Reason::StoreDamaged, format!("event {sequence} of shard {shard}: {error}; run `annals verify`"))
    })
}
