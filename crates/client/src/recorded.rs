//! An event together with what the store knows about it.

use annals_model::{CommitTime, Sequence, Shard};

use annals_event::{DecodeError, Event, EventView};

/// A stored event, as a scan or a tail delivers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The event's bytes, as they were sent; time and id were added where they had been left out.
    pub event: Event,
    /// The shard that took it.
    pub shard: Shard,
    /// Its place in the shard's arrival order.
    pub sequence: Sequence,
    /// When the store made it durable.
    pub commit_time: CommitTime,
    /// It was earlier than its shard's low watermark when it was committed.
    pub late: bool,
}

impl RecordedEvent {
    /// The event's parts; see [`Event::view`].
    ///
    /// # Errors
    /// When the bytes are not an encoded event.
    pub fn view(&self) -> Result<EventView<'_>, DecodeError> {
        self.event.view()
    }
}

impl From<annals_wire::opaque::RecordedEvent> for RecordedEvent {
    fn from(recorded: annals_wire::opaque::RecordedEvent) -> Self {
        Self {
            event: Event::from_encoded(recorded.event),
            shard: Shard::new(recorded.shard),
            sequence: Sequence::new(recorded.sequence),
            commit_time: CommitTime::from_unix_nanos(recorded.commit_time_unix_nanos),
            late: recorded.late,
        }
    }
}
