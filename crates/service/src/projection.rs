//! Stored events as a reader asked for them: with all their columns, or some.

use annals_event::Projection;
use annals_model::{Fault, Reason, StoredEvent};
use bytes::Bytes;

/// The events with all their columns or some. Only a projection copies them before they are encoded.
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
