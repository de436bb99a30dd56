//! An event as a reader gets it from the store.

use bytes::Bytes;

use crate::sequence::Sequence;
use crate::shard::Shard;
use crate::time::{CommitTime, EventTime};
use crate::token::Token;

/// A stored event: its bytes as they were sent, and what the store knows about it.
///
/// The bytes share the buffer of a batch or of a decoded block; holding one event holds that buffer, so a reader
/// turns events into an answer and lets them go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The encoded `annals.v1.Event`.
    pub bytes: Bytes,
    /// The key's first byte in `bytes`.
    pub key_offset: u32,
    /// The key's bytes.
    pub key_length: u16,
    /// The key's token.
    pub token: Token,
    /// When the event was produced.
    pub time: EventTime,
    /// The shard that took the event.
    pub shard: Shard,
    /// Its place in the shard's arrival order.
    pub sequence: Sequence,
    /// When it was made durable.
    pub commit_time: CommitTime,
}

impl StoredEvent {
    /// The event's partition key.
    pub fn key(&self) -> &[u8] {
        let start = self.key_offset as usize;
        &self.bytes[start..start + usize::from(self.key_length)]
    }
}
