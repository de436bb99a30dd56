//! Why bytes that were to be an event are none, for readers.

use crate::encoding::cursor::Broken;

/// Bytes that are not an encoded event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not an encoded event: {reason}")]
pub struct DecodeError {
    reason: &'static str,
}

impl DecodeError {
    pub(crate) const fn new(reason: &'static str) -> Self {
        Self { reason }
    }
}

impl From<Broken> for DecodeError {
    fn from(broken: Broken) -> Self {
        Self::new(match broken {
            Broken::Truncated => "a field is longer than what holds it",
            Broken::TagTooLong => "a field's tag is longer than 5 bytes or 32 bits",
            Broken::LengthTooLong => "a field's length is longer than 5 bytes or 32 bits",
            Broken::VarintTooLong => "a varint is over 64 bits",
            Broken::Group | Broken::ReservedWireType => "a field has a wire type that events do not use",
        })
    }
}
