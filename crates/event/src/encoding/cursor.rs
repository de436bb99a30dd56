//! Reads the pieces of the protobuf encoding strictly: tags, varints, lengths, fixed widths. The one reader of an event's
//! bytes: the walk, the projection and the view go by it.
//!
//! Non-minimal varints are taken, as every parser takes them; values that do not fit their width are refused, because
//! parsers cut them in different ways.

use std::ops::Range;

/// What is wrong with the encoding itself. It is as small as what is read, so that both come back in registers: a refusal
/// would come through memory, for each of the twenty pieces of a small event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    Truncated,
    TagTooLong,
    LengthTooLong,
    VarintTooLong,
    Group,
    ReservedWireType,
}

/// How a field's value is encoded; groups and reserved types are refused before one of these is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireType {
    Varint,
    Fixed64,
    LengthDelimited,
    Fixed32,
}

/// A field's number and the encoding of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) field: u32,
    pub(crate) wire_type: WireType,
}

/// A place in an event's bytes, up to the end of the message that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `range` of `bytes`.
    #[inline]
    pub(crate) fn over(bytes: &'a [u8], range: Range<usize>) -> Self {
        Self { bytes: &bytes[..range.end], position: range.start }
    }

    #[inline]
    pub(crate) fn is_at_end(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// How many bytes of the event lie before the next one to be read.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// The next field's tag.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<Tag, Broken> {
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
    pub(crate) fn length_delimited(&mut self) -> Result<Range<usize>, Broken> {
        let length = self.varint32(Broken::LengthTooLong)? as usize;
        if length > self.bytes.len() - self.position {
            return Err(Broken::Truncated);
        }
        let start = self.position;
        self.position += length;
        Ok(start..self.position)
    }

    /// The next length-delimited value itself.
    #[inline]
    pub(crate) fn delimited(&mut self) -> Result<&'a [u8], Broken> {
        Ok(&self.bytes[self.length_delimited()?])
    }

    /// Passes over a value of 32 bits, which no field of an event has.
    pub(crate) fn skip_fixed32(&mut self) -> Result<(), Broken> {
        if self.bytes.len() - self.position < 4 {
            return Err(Broken::Truncated);
        }
        self.position += 4;
        Ok(())
    }

    #[inline]
    pub(crate) fn fixed64(&mut self) -> Result<[u8; 8], Broken> {
        let rest = &self.bytes[self.position..];
        let value = *rest.first_chunk::<8>().ok_or(Broken::Truncated)?;
        self.position += 8;
        Ok(value)
    }

    /// A varint of up to 64 bits.
    #[inline]
    pub(crate) fn varint64(&mut self) -> Result<u64, Broken> {
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
