//! A fuzzer's bytes, read as the choices of a target: numbers, pieces, yes or no.
//!
//! Bytes that have run out read as zero, so that every input means something and a short one means something small.

/// The bytes that are left.
#[derive(Clone, Debug)]
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `N` bytes, filled up with zeros.
    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let piece = self.piece(N);
        array[..piece.len()].copy_from_slice(piece);
        array
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub(super) fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub(super) fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub(super) fn long(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    pub(super) fn is_set(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below `count`, which is at least 1; of two bytes.
    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::from(self.short()) % count
    }

    /// A number of any size: small ones, and those at the edges of their types, come often.
    pub(super) fn number(&mut self) -> u64 {
        match self.byte() {
            255 => u64::MAX - u64::from(self.byte()),
            254 => i64::MAX.cast_unsigned().wrapping_add(self.byte().into()),
            253 => u64::from(u32::MAX) - u64::from(self.byte()),
            252 => self.long(),
            251 => self.word().into(),
            250 => self.short().into(),
            small => small.into(),
        }
    }

    /// As `number`, cut to its lower 32 bits.
    pub(super) fn number_of_32_bits(&mut self) -> u32 {
        let [first, second, third, fourth, ..] = self.number().to_le_bytes();
        u32::from_le_bytes([first, second, third, fourth])
    }

    /// Up to `length` bytes.
    pub(super) fn piece(&mut self, length: usize) -> &'a [u8] {
        let (piece, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        piece
    }

    /// A piece with its length, of two bytes, before it.
    pub(super) fn part(&mut self) -> &'a [u8] {
        let length = self.short();
        self.piece(length.into())
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.piece(usize::MAX)
    }
}
