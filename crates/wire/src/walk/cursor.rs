//! Reads the pieces of the protobuf encoding strictly: tags, varints, lengths, fixed widths.
//!
//! Non-minimal varints are taken, as every parser takes them; values that do not fit their width are refused, because
//! parsers cut them in different ways.

use std::ops::Range;

use super::refusal::Refusal;

/// How a field's value is encoded; groups and reserved types are refused before one of these is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireType {
    Varint,
    Fixed64,
    LengthDelimited,
    Fixed32,
}

/// A field's number and the encoding of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) field: u32,
    pub(super) wire_type: WireType,
}

impl Tag {
    /// Refuses the tag unless its value is encoded as `expected`.
    pub(super) fn expect(self, expected: WireType, field: &'static str) -> Result<(), Refusal> {
        if self.wire_type == expected { Ok(()) } else { Err(Refusal::WireType { field }) }
    }
}

/// A place in an event's bytes, and the end of the message that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `range` of `bytes`.
    pub(super) fn over(bytes: &'a [u8], range: Range<usize>) -> Self {
        Self { bytes, position: range.start, end: range.end }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.position == self.end
    }

    /// How many bytes of the event lie before the next one to be read.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The next field's tag.
    #[inline]
    pub(super) fn tag(&mut self) -> Result<Tag, Refusal> {
        let value = self.varint32(Refusal::TagTooLong)?;
        let wire_type = match value & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::LengthDelimited,
            3 | 4 => return Err(Refusal::Group),
            5 => WireType::Fixed32,
            _ => return Err(Refusal::ReservedWireType),
        };
        Ok(Tag { field: value >> 3, wire_type })
    }

    /// Where the next length-delimited value lies in the event.
    #[inline]
    pub(super) fn length_delimited(&mut self) -> Result<Range<usize>, Refusal> {
        let length = self.varint32(Refusal::LengthTooLong)? as usize;
        if length > self.end - self.position {
            return Err(Refusal::Truncated);
        }
        let start = self.position;
        self.position += length;
        Ok(start..self.position)
    }

    #[inline]
    pub(super) fn fixed64(&mut self) -> Result<[u8; 8], Refusal> {
        let rest = &self.bytes[self.position..self.end];
        let value = *rest.first_chunk::<8>().ok_or(Refusal::Truncated)?;
        self.position += 8;
        Ok(value)
    }

    /// A varint of up to 64 bits.
    #[inline]
    pub(super) fn varint64(&mut self) -> Result<u64, Refusal> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Refusal::VarintTooLong)
    }

    /// A varint of at most 5 bytes and 32 bits; `too_long` otherwise.
    #[inline]
    fn varint32(&mut self, too_long: Refusal) -> Result<u32, Refusal> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u32::from(first));
        }
        let mut value = u32::from(first & 0x7f);
        for shift in [7, 14, 21, 28] {
            let byte = self.byte()?;
            if shift == 28 && byte > 0x0f {
                break;
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(too_long)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Refusal> {
        if self.position == self.end {
            return Err(Refusal::Truncated);
        }
        let byte = self.bytes[self.position];
        self.position += 1;
        Ok(byte)
    }
}
