//! Little-endian fields, read from bytes that nobody has checked yet.

use annals_model::{CommitTime, EventTime, Sequence, TableId, Token};

use crate::digest::Digest;

/// Reads fields one after another; each is `None` once the bytes run out.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub(crate) fn sixteen(&mut self) -> Option<[u8; 16]> {
        self.array()
    }

    pub(crate) fn token(&mut self) -> Option<Token> {
        self.i64().map(Token::new)
    }

    pub(crate) fn time(&mut self) -> Option<EventTime> {
        self.i64().map(EventTime::from_unix_nanos)
    }

    pub(crate) fn commit_time(&mut self) -> Option<CommitTime> {
        self.i64().map(CommitTime::from_unix_nanos)
    }

    pub(crate) fn sequence(&mut self) -> Option<Sequence> {
        self.u64().map(Sequence::new)
    }

    pub(crate) fn table(&mut self) -> Option<TableId> {
        self.sixteen().map(TableId::from_bytes)
    }

    pub(crate) fn digest(&mut self) -> Option<Digest> {
        self.array().map(Digest::from_bytes)
    }

    /// `Some` if all bytes were read.
    pub(crate) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}
