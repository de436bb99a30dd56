//! Answers with events, encoded straight from what the store gives.
//!
//! An event is stored as the bytes that every reader gets; around them an answer puts some twenty more. Built as messages,
//! each event would be measured once for every message that it lies in, and once more to be written; here each is
//! measured once and written once.
//!
//! Promises: the bytes are those of [`opaque`]'s messages with the same parts. Does not: decode.

use annals_model::StoredEvent;
use bytes::{BufMut, Bytes};
use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};

use crate::codec::Encodable;
use crate::opaque;
use crate::v1::Watermark;

/// The most bytes that a `RecordedEvent` has before its event: two tags and two lengths.
const HEAD_BYTES_MAX: usize = 2 * (1 + LENGTH_BYTES_MAX);
/// The most bytes that a `RecordedEvent` has after its event: three tags, a shard, a sequence and a commit time.
const END_BYTES_MAX: usize = 3 + 5 + 10 + 8;
/// The most bytes of an event's length, which is at most that of a message.
const LENGTH_BYTES_MAX: usize = 10;

const EVENTS: u8 = delimited(1);
const EVENT: u8 = delimited(1);
const SHARD: u8 = 2 << 3;
const SEQUENCE: u8 = 3 << 3;
const COMMIT_TIME: u8 = (4 << 3) | 1;

/// The tag of a field of bytes or of a message.
const fn delimited(field: u8) -> u8 {
    (field << 3) | 2
}

/// The events of a `ScanResponse` or of a `TailEvents`: its field `events`.
#[derive(Debug, Default)]
pub struct RecordedEvents {
    parts: Vec<Part>,
    encoded_len: usize,
}

#[derive(Debug)]
enum Part {
    Events(Vec<StoredEvent>),
    /// As `encode_events` makes them.
    Encoded(Bytes),
}

/// A `ScanResponse`.
#[derive(Debug)]
pub struct ScanAnswer {
    /// The events.
    pub events: RecordedEvents,
    /// Empty if nothing is left.
    pub next_page_token: Bytes,
    /// On the first and the last message of a scan.
    pub resume_token: Bytes,
}

/// A `TailResponse`.
#[derive(Debug)]
pub enum TailAnswer {
    /// With events.
    Events {
        /// Resumes after them.
        resume_token: Bytes,
        /// The events.
        events: RecordedEvents,
        /// How far event time has come.
        watermark: Watermark,
    },
    /// With anything else.
    Other(opaque::TailResponse),
}

impl RecordedEvents {
    /// The events as an answer has them.
    pub fn new(events: Vec<StoredEvent>) -> Self {
        let mut new = Self::default();
        new.push(events);
        new
    }

    /// Adds events.
    pub fn push(&mut self, events: Vec<StoredEvent>) {
        self.encoded_len += events_len(&events);
        self.parts.push(Part::Events(events));
    }

    /// Adds events that [`encode_events`] has encoded.
    pub fn push_encoded(&mut self, events: Bytes) {
        self.encoded_len += events.len();
        self.parts.push(Part::Encoded(events));
    }

    fn encode(self, out: &mut impl BufMut) {
        for part in self.parts {
            match part {
                Part::Events(events) => events.iter().for_each(|event| encode_event(event, out)),
                Part::Encoded(events) => out.put_slice(&events),
            }
        }
    }
}

/// Events as answers have them, for several answers that carry the same.
pub fn encode_events(events: &[StoredEvent]) -> Bytes {
    let mut out = Vec::with_capacity(events_len(events));
    for event in events {
        encode_event(event, &mut out);
    }
    out.into()
}

fn events_len(events: &[StoredEvent]) -> usize {
    events.iter().map(|event| field_len(recorded_len(event))).sum()
}

impl Encodable for ScanAnswer {
    fn length(&self) -> usize {
        self.events.encoded_len + bytes_len(&self.next_page_token) + bytes_len(&self.resume_token)
    }

    fn write(self, out: &mut impl BufMut) {
        self.events.encode(out);
        encode_bytes(2, &self.next_page_token, out);
        encode_bytes(3, &self.resume_token, out);
    }
}

impl Encodable for TailAnswer {
    fn length(&self) -> usize {
        match self {
            Self::Events { resume_token, events, watermark } => {
                bytes_len(resume_token) + field_len(tail_events_len(events, watermark))
            }
            Self::Other(response) => response.encoded_len(),
        }
    }

    fn write(self, out: &mut impl BufMut) {
        match self {
            Self::Events { resume_token, events, watermark } => {
                encode_bytes(1, &resume_token, out);
                out.put_u8(delimited(2));
                encode_varint(tail_events_len(&events, &watermark) as u64, out);
                events.encode(out);
                out.put_u8(delimited(2));
                encode_varint(watermark.encoded_len() as u64, out);
                watermark.encode_raw(out);
            }
            Self::Other(response) => response.encode_raw(out),
        }
    }
}

/// Bytes of a `TailEvents`.
fn tail_events_len(events: &RecordedEvents, watermark: &Watermark) -> usize {
    events.encoded_len + field_len(watermark.encoded_len())
}

/// Bytes of a `RecordedEvent`.
fn recorded_len(event: &StoredEvent) -> usize {
    let (shard, sequence) = (event.shard.get(), event.sequence.get());
    field_len(event.bytes.len())
        + if shard == 0 { 0 } else { 1 + encoded_len_varint(u64::from(shard)) }
        + if sequence == 0 { 0 } else { 1 + encoded_len_varint(sequence) }
        + if event.commit_time.unix_nanos() == 0 { 0 } else { 1 + 8 }
}

/// Bytes of a field with a tag of one byte and so much content.
fn field_len(content: usize) -> usize {
    1 + encoded_len_varint(content as u64) + content
}

/// Bytes of a field of bytes, which is left out where it is empty.
fn bytes_len(bytes: &[u8]) -> usize {
    if bytes.is_empty() { 0 } else { field_len(bytes.len()) }
}

fn encode_bytes(field: u8, bytes: &[u8], out: &mut impl BufMut) {
    if !bytes.is_empty() {
        out.put_u8(delimited(field));
        encode_varint(bytes.len() as u64, out);
        out.put_slice(bytes);
    }
}

/// Writes an event of the field `events`. What lies around the event is put together first: putting it out bit by bit
/// would take longer than copying the event.
fn encode_event(event: &StoredEvent, out: &mut impl BufMut) {
    let mut head = Piece::<HEAD_BYTES_MAX>::default();
    head.push(EVENTS);
    head.push_varint(recorded_len(event) as u64);
    head.push(EVENT);
    head.push_varint(event.bytes.len() as u64);
    let mut end = Piece::<END_BYTES_MAX>::default();
    if event.shard.get() != 0 {
        end.push(SHARD);
        end.push_varint(u64::from(event.shard.get()));
    }
    if event.sequence.get() != 0 {
        end.push(SEQUENCE);
        end.push_varint(event.sequence.get());
    }
    let commit_time = event.commit_time.unix_nanos();
    if commit_time != 0 {
        end.push(COMMIT_TIME);
        end.extend(commit_time.to_le_bytes());
    }
    out.put_slice(head.filled());
    out.put_slice(&event.bytes);
    out.put_slice(end.filled());
}

/// A few bytes that are put together.
struct Piece<const BYTES: usize> {
    bytes: [u8; BYTES],
    length: usize,
}

impl<const BYTES: usize> Default for Piece<BYTES> {
    fn default() -> Self {
        Self { bytes: [0; BYTES], length: 0 }
    }
}

impl<const BYTES: usize> Piece<BYTES> {
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
    fn push_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn extend(&mut self, bytes: [u8; 8]) {
        self.bytes[self.length..self.length + 8].copy_from_slice(&bytes);
        self.length += 8;
    }

    fn filled(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use annals_model::{CommitTime, EventTime, Sequence, Shard, Token};
    use proptest::prelude::*;

    use super::*;
    use crate::opaque::tail_response::Body;

    fn stored(length: usize, shard: u32, sequence: u64, commit_time: i64) -> StoredEvent {
        StoredEvent {
            bytes: vec![7; length].into(),
            key_offset: 0,
            key_length: 1,
            token: Token::MIN,
            time: EventTime::MIN,
            shard: Shard::new(shard),
            sequence: Sequence::new(sequence),
            commit_time: CommitTime::from_unix_nanos(commit_time),
        }
    }

    fn message(event: &StoredEvent) -> opaque::RecordedEvent {
        opaque::RecordedEvent {
            event: event.bytes.clone(),
            shard: event.shard.get(),
            sequence: event.sequence.get(),
            commit_time_unix_nanos: event.commit_time.unix_nanos(),
            late: false,
        }
    }

    fn encoded(answer: impl Encodable) -> Vec<u8> {
        let length = answer.length();
        let mut out = Vec::new();
        answer.write(&mut out);
        assert_eq!(out.len(), length);
        out
    }

    prop_compose! {
        fn any_event()(
            length in prop_oneof![1_usize..300, 16_000_usize..17_000],
            shard in prop_oneof![Just(0), any::<u32>()],
            sequence in prop_oneof![0_u64..3, any::<u64>()],
            commit_time in prop_oneof![Just(0), any::<i64>()],
        ) -> StoredEvent {
            stored(length, shard, sequence, commit_time)
        }
    }

    fn any_token() -> impl Strategy<Value = Bytes> {
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from)
    }

    proptest! {
        #[test]
        fn an_answer_has_the_bytes_of_its_message(
            events in prop::collection::vec(any_event(), 0..8),
            (next_page_token, resume_token) in (any_token(), any_token()),
            max_time_unix_nanos in any::<Option<i64>>(),
        ) {
            let messages: Vec<_> = events.iter().map(message).collect();
            let scan = ScanAnswer {
                events: RecordedEvents::new(events.clone()),
                next_page_token: next_page_token.clone(),
                resume_token: resume_token.clone(),
            };
            let expected = opaque::ScanResponse {
                events: messages.clone(),
                next_page_token,
                resume_token: resume_token.clone(),
            };
            prop_assert_eq!(encoded(scan), expected.encode_to_vec());
            let watermark = Watermark { max_time_unix_nanos, low_unix_nanos: None };
            let body = Body::Events(opaque::TailEvents { events: messages, watermark: Some(watermark) });
            let expected = opaque::TailResponse { resume_token: resume_token.clone(), body: Some(body) };
            let (some, others) = events.split_at(events.len() / 2);
            let mut in_parts = RecordedEvents::new(some.to_vec());
            in_parts.push_encoded(encode_events(others));
            for events in [in_parts, RecordedEvents::new(events)] {
                let tail = TailAnswer::Events { resume_token: resume_token.clone(), events, watermark };
                prop_assert_eq!(encoded(tail), expected.encode_to_vec());
            }
        }
    }

    #[test]
    fn a_tails_other_answers_are_their_messages() {
        let response = opaque::TailResponse { resume_token: Bytes::from_static(b"token"), body: None };
        assert_eq!(encoded(TailAnswer::Other(response.clone())), response.encode_to_vec());
    }
}
