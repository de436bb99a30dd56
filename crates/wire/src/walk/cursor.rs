//! Reads the pieces of the protobuf encoding strictly: tags, varints, lengths, fixed widths.
//!
//! Non-minimal varints are taken, as every parser takes them; values that do not fit their width are refused, because
//! parsers cut them in different ways.

use std::ops::Range;

use super::refusal::Refusal;

/// What is wrong with the encoding itself. It is as small as what is read, so that both come back in registers: a refusal
/// would come through memory, for each of the twenty pieces of a small event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Truncated,
    TagTooLong,
    LengthTooLong,
    VarintTooLong,
    Group,
    ReservedWireType,
}

impl From<Broken> for Refusal {
    #[cold]
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Truncated => Self::Truncated,
            Broken::TagTooLong => Self::TagTooLong,
            Broken::LengthTooLong => Self::LengthTooLong,
            Broken::VarintTooLong => Self::VarintTooLong,
            Broken::Group => Self::Group,
            Broken::ReservedWireType => Self::ReservedWireType,
        }
    }
}

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
    #[inline]
    pub(super) fn expect(self, expected: WireType, field: &'static str) -> Result<(), Refusal> {
        if self.wire_type == expected { Ok(()) } else { Err(Refusal::WireType { field }) }
    }
}

/// A place in an event's bytes, up to the end of the message that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `range` of `bytes`.
    #[inline]
    pub(super) fn over(bytes: &'a [u8], range: Range<usize>) -> Self {
        Self { bytes: &bytes[..range.end], position: range.start }
    }

    #[inline]
    pub(super) fn is_at_end(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// How many bytes of the event lie before the next one to be read.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The next field's tag.
    #[inline]
    pub(super) fn tag(&mut self) -> Result<Tag, Broken> {
        let value = self.varint32(Broken::TagTooLong)?;
        let wire_type = match value & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::LengthDelimited,
            3 | 4 => return Err(Broken::Group),
            5 => WireType::Fixed32,
            _ => return Err(Broken::ReservedWireType),
        };
        Ok(Tag { field: value >> 3, wire_type })
    }

    /// Where the next length-delimited value lies in the event.
    #[inline]
    pub(super) fn length_delimited(&mut self) -> Result<Range<usize>, Broken> {
        let length = self.varint32(Broken::LengthTooLong)? as usize;
        if length > self.bytes.len() - self.position {
            return Err(Broken::Truncated);
        }
        let start = self.position;
        self.position += length;
        Ok(start..self.position)
    }

    #[inline]
    pub(super) fn fixed64(&mut self) -> Result<[u8; 8], Broken> {
        let rest = &self.bytes[self.position..];
        let value = *rest.first_chunk::<8>().ok_or(Broken::Truncated)?;
        self.position += 8;
        Ok(value)
    }

    /// A varint of up to 64 bits.
    #[inline]
    pub(super) fn varint64(&mut self) -> Result<u64, Broken> {
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
        Err(Broken::VarintTooLong)
    }

    /// A varint of at most 5 bytes and 32 bits; `too_long` otherwise.
    #[inline]
    fn varint32(&mut self, too_long: Broken) -> Result<u32, Broken> {
        match self.byte()? {
            short @ ..0x80 => Ok(u32::from(short)),
            first => self.longer_varint32(first, too_long),
        }
    }

    /// The varint of which `first` was read; most have one byte.
    #[cold]
    fn longer_varint32(&mut self, first: u8, too_long: Broken) -> Result<u32, Broken> {
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
    fn byte(&mut self) -> Result<u8, Broken> {
        let byte = *self.bytes.get(self.position).ok_or(Broken::Truncated)?;
        self.position += 1;
        Ok(byte)
    }
}
