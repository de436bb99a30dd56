//! Writes the little of the protobuf encoding that an event needs: tags, varints, lengths.

use super::cursor::WireType;

/// The tag byte of a field numbered below 16.
pub(crate) const fn tag(field: u8, wire_type: WireType) -> u8 {
    let low = match wire_type {
        WireType::Varint => 0,
        WireType::Fixed64 => 1,
        WireType::LengthDelimited => 2,
        WireType::Fixed32 => 5,
    };
    field << 3 | low
}

/// Bytes that `value` takes as a varint.
pub(crate) const fn varint_length(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Writes `value` in 7-bit groups, lowest first.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}

const fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

/// Writes a field of bytes: tag, length, bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(tag(field, WireType::LengthDelimited));
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Signed to unsigned so that small absolute values stay short.
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// Back from [`zigzag`].
pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::cursor::Cursor;

    #[test]
    fn varints_come_back_at_every_length() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1_u64 << shift) - 1, u64::MAX >> shift] {
                let mut out = vec![tag(1, WireType::Varint)];
                put_varint(&mut out, value);
                assert_eq!(out.len() - 1, varint_length(value), "{value}");
                let mut cursor = Cursor::over(&out, 1..out.len());
                assert_eq!(cursor.varint64(), Ok(value));
            }
        }
    }

    #[test]
    fn signs_come_back() {
        for value in [0, -1, 1, i64::MIN, i64::MAX, -64, 63] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
        assert_eq!(zigzag(-1), 1);
    }
}
