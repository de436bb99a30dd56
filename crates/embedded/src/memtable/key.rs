//! A partition's key as a memtable keeps it.
//!
//! Each event that is added compares its key with the partition's. A short one lies in the partition itself, so that this
//! does not wait for one more place in memory; a longer one stays in the buffer of the partition's first event.

use std::ops::{Deref, Range};

use bytes::Bytes;

/// Longer keys are not copied: what a key takes here is what `Bytes` takes.
const SHORT_BYTES_MAX: usize = 23;

/// A partition's key. See the module.
#[derive(Debug)]
pub(super) enum Key {
    Short { length: u8, bytes: [u8; SHORT_BYTES_MAX] },
    Long(Bytes),
}

impl Key {
    /// The key that lies at `range` of an event's buffer. A short one leaves the buffer's count of owners alone, which
    /// other threads are changing.
    pub(super) fn of(buffer: &Bytes, range: Range<usize>) -> Self {
        let key = &buffer[range.clone()];
        let mut bytes = [0; SHORT_BYTES_MAX];
        match bytes.get_mut(..key.len()) {
            Some(short) => {
                short.copy_from_slice(key);
                let length = u8::try_from(key.len()).expect("a short key");
                Self::Short { length, bytes }
            }
            None => Self::Long(buffer.slice(range)),
        }
    }

    /// The key's bytes as `Bytes`: those of its first event, or a copy of a short one.
    pub(super) fn to_bytes(&self) -> Bytes {
        match self {
            Self::Short { .. } => Bytes::copy_from_slice(self),
            Self::Long(key) => key.clone(),
        }
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => &bytes[..usize::from(*length)],
            Self::Long(key) => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_all_lengths_stay_what_they_are_and_take_no_more_room_than_a_slice() {
        for length in [1, SHORT_BYTES_MAX - 1, SHORT_BYTES_MAX, SHORT_BYTES_MAX + 1, 65_535] {
            let bytes: Bytes = (0_u8..251).cycle().take(length).collect();
            let event = Bytes::from([b"before", &*bytes, b"behind"].concat());
            let key = Key::of(&event, 6..6 + length);
            assert_eq!((&*key, key.to_bytes()), (&*bytes, bytes.clone()), "{length} bytes");
        }
        assert_eq!(size_of::<Key>(), size_of::<Bytes>());
    }
}
