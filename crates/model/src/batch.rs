//! Encoded events on their way into the store, packed together.
//!
//! A batch owns one buffer with the events' bytes end to end and a row for each that says where the event and its
//! key lie. It is made once, from a request; journal, memtable and readers share it. The bytes are those that the
//! client sent, with the time or the id appended where they were left out, and are never changed.

use std::ops::Range;

use bytes::Bytes;

use crate::time::EventTime;
use crate::token::Token;

/// Where one event of a batch lies, and what places it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The event's first byte in the batch's buffer.
    pub offset: u32,
    /// The event's bytes.
    pub length: u32,
    /// The key's first byte, counted from the event's first.
    pub key_offset: u32,
    /// The key's bytes.
    pub key_length: u16,
    /// The event's time.
    pub time: EventTime,
    /// The key's token.
    pub token: Token,
}

impl Row {
    /// The event's place in the batch's buffer.
    pub fn event_range(&self) -> Range<usize> {
        let start = self.offset as usize;
        start..start + self.length as usize
    }

    /// The key's place in the batch's buffer.
    pub fn key_range(&self) -> Range<usize> {
        let start = self.offset as usize + self.key_offset as usize;
        start..start + usize::from(self.key_length)
    }
}

/// Events of one shard that are committed together, in order.
#[derive(Clone, Debug)]
pub struct EventBatch {
    bytes: Bytes,
    rows: Box<[Row]>,
}

impl EventBatch {
    /// How many events.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The events' bytes, end to end.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The rows, in the order of the request's events.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The encoded event of `row`.
    pub fn event(&self, row: &Row) -> &[u8] {
        &self.bytes[row.event_range()]
    }

    /// The partition key of `row`'s event.
    pub fn key(&self, row: &Row) -> &[u8] {
        &self.bytes[row.key_range()]
    }

    /// What the batch holds in memory, for budgets.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.rows) + size_of::<Self>()
    }
}

/// Packs events into a batch.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

impl BatchBuilder {
    /// A builder with room for `events` events of `bytes` bytes together, so that packing them does not allocate.
    pub fn with_capacity(events: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), rows: Vec::with_capacity(events) }
    }

    /// Makes room for `events` more events of `bytes` bytes together, so that packing them does not allocate.
    pub fn reserve(&mut self, events: usize, bytes: usize) {
        self.bytes.reserve(bytes);
        self.rows.reserve(events);
    }

    /// Adds an event: `parts` one after another are its bytes, and its key lies at `key` in them.
    ///
    /// # Panics
    /// When the batch would pass 4 GiB or the key lies outside the event or is longer than 65,535 bytes: requests
    /// are limited to 16 MiB and keys are checked before they come here.
    pub fn push(&mut self, parts: &[&[u8]], key: Range<usize>, time: EventTime) {
        let offset = self.bytes.len();
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        let event = &self.bytes[offset..];
        let narrow = |wide: usize| u32::try_from(wide).expect("a request has at most 16 MiB");
        self.rows.push(Row {
            offset: narrow(offset),
            length: narrow(event.len()),
            key_offset: narrow(key.start),
            key_length: u16::try_from(key.len()).expect("a key has at most 65,535 bytes"),
            time,
            token: Token::of(&event[key]),
        });
    }

    /// How many events were added.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The batch. Room that was not used is given back.
    pub fn finish(mut self) -> EventBatch {
        self.bytes.shrink_to_fit();
        EventBatch { bytes: Bytes::from(self.bytes), rows: self.rows.into_boxed_slice() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_keys_are_found_in_the_packed_bytes() {
        let mut builder = BatchBuilder::default();
        builder.push(&[b"..one", b"+id"], 2..5, EventTime::from_unix_nanos(1));
        builder.push(&[b"two"], 0..3, EventTime::from_unix_nanos(2));
        let batch = builder.finish();
        let [first, second] = batch.rows() else { panic!("two rows") };
        assert_eq!((batch.event(first), batch.key(first)), (&b"..one+id"[..], &b"one"[..]));
        assert_eq!((batch.event(second), batch.key(second)), (&b"two"[..], &b"two"[..]));
        assert_eq!(second.token, Token::of(b"two"));
    }
}
