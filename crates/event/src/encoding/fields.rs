//! Reads a message's fields one after another, for readers that pass over what they do not know.

use super::cursor::{Broken, Cursor, WireType};

/// One field as it stands in a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: FieldValue<'a>,
}

/// A field's value, by its layout.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldValue<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

/// Reads the fields of one message, front to back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { cursor: Cursor::over(message, 0..message.len()) }
    }

    /// The next field; none at the end of the message.
    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, Broken> {
        if self.cursor.is_at_end() {
            return Ok(None);
        }
        let tag = self.cursor.tag()?;
        let value = match tag.wire_type {
            WireType::Varint => FieldValue::Varint(self.cursor.varint64()?),
            WireType::Fixed64 => FieldValue::Fixed64(self.cursor.fixed64()?),
            WireType::LengthDelimited => FieldValue::Bytes(self.cursor.delimited()?),
            WireType::Fixed32 => {
                self.cursor.skip_fixed32()?;
                FieldValue::Fixed32
            }
        };
        Ok(Some(Field { number: tag.field, value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::write::put_bytes;

    #[test]
    fn a_message_cut_at_any_place_is_refused_or_shorter() {
        let mut out = Vec::new();
        put_bytes(&mut out, 1, b"key");
        for length in 1..out.len() {
            assert!(Fields::new(&out[..length]).next().is_err(), "{length}");
        }
    }
}
