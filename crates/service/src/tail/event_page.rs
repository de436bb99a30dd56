//! What a tail has read of one shard and now delivers.

use annals_model::{EventTime, StoredEvent};

use super::live_pages::LivePage;

/// Consecutive events of one shard, at least one.
#[derive(Clone, Debug)]
pub enum EventPage<P> {
    /// Read for this tail alone.
    Own(Vec<StoredEvent>),
    /// As other tails deliver it too.
    Shared(P),
}

/// The same, with what its tail must know of it.
#[derive(Debug)]
pub(super) enum Page<P> {
    Own(Vec<StoredEvent>),
    Shared(LivePage<P>),
}

impl<P> Page<P> {
    pub(super) fn event_count(&self) -> usize {
        match self {
            Self::Own(events) => events.len(),
            Self::Shared(page) => page.event_count,
        }
    }

    /// Bytes of the events alone.
    pub(super) fn event_bytes(&self) -> usize {
        match self {
            Self::Own(events) => events.iter().map(|event| event.bytes.len()).sum(),
            Self::Shared(page) => page.event_bytes,
        }
    }

    pub(super) fn max_time(&self) -> Option<EventTime> {
        match self {
            Self::Own(events) => events.iter().map(|event| event.time).max(),
            Self::Shared(page) => page.max_time,
        }
    }
}
