//! What the server appends to an event that was sent without a time or an id.

use annals_model::EventTime;
use uuid::Uuid;

/// Tag and value of a time and of an id: 1 + 8 and 2 + 16 bytes.
const SUFFIX_BYTES_MAX: usize = 27;

const TIME_TAG: u8 = 0x11;
const ID_TAG_AND_LENGTH: [u8; 2] = [0x1a, 16];

/// Encoded fields that complete an event; empty for an event that has both.
#[derive(Clone, Copy, Debug)]
pub struct Suffix {
    bytes: [u8; SUFFIX_BYTES_MAX],
    length: usize,
}

impl Suffix {
    /// The fields that were left out, with these values.
    pub fn new(time: Option<EventTime>, id: Option<Uuid>) -> Self {
        let mut suffix = Self { bytes: [0; SUFFIX_BYTES_MAX], length: 0 };
        if let Some(time) = time {
            suffix.push(&[TIME_TAG]);
            suffix.push(&time.unix_nanos().to_le_bytes());
        }
        if let Some(id) = id {
            suffix.push(&ID_TAG_AND_LENGTH);
            suffix.push(id.as_bytes());
        }
        suffix
    }

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.length..self.length + part.len()].copy_from_slice(part);
        self.length += part.len();
    }

    /// The bytes that go behind the event's.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
