//! The header of a framed file: whose it is, which number it has, and what comes before it.
//!
//! It fills the file's first block and is synced before the first frame is written, so a file whose header is torn
//! never held a frame. Its first 16 bytes keep their meaning in all versions, with a checksum that needs no salt, so
//! that a file of another store or version is named as such and not taken for damage.

use uuid::Uuid;

use crate::layout::FileNumber;

use super::position::{Chain, Position};
use super::{FRAMED_VERSION, Kind, PAYLOAD_BYTES};

const MAGIC: [u8; 8] = *b"ANNALSFR";

/// A file's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub(crate) kind: Kind,
    pub(crate) store: Uuid,
    pub(crate) number: FileNumber,
    /// The file's bytes when it was started; it may grow for one long frame, and never shrinks.
    pub(crate) length: u64,
    /// Where the file before it ends; none for the first.
    pub(crate) predecessor: Option<Position>,
}

/// What a file's first block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderState {
    /// A header, and the chain's value after it.
    Valid(FileHeader, Chain),
    /// Nothing of this life of the file.
    Unwritten,
    /// Some of a header's sectors.
    Torn,
}

/// The fields of a header that need no salt to be trusted, kind and number as they stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawHeader {
    /// A header of this version.
    Known { kind: u32, number: u32, store: Uuid, length: u64, predecessor: (u32, u64, Chain) },
    /// A header of another version.
    OtherVersion(u32),
}

impl FileHeader {
    /// The chain's value before the header.
    pub(crate) fn chain(&self) -> Chain {
        self.predecessor.map_or(Chain::START, |position| position.chain)
    }

    /// The payload of the file's first sector.
    pub(crate) fn encode(&self) -> [u8; PAYLOAD_BYTES] {
        let mut bytes = [0; PAYLOAD_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FRAMED_VERSION.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.kind.code().to_le_bytes());
        bytes[20..24].copy_from_slice(&self.number.get().to_le_bytes());
        bytes[24..40].copy_from_slice(self.store.as_bytes());
        bytes[40..48].copy_from_slice(&self.length.to_le_bytes());
        if let Some(predecessor) = self.predecessor {
            bytes[48..52].copy_from_slice(&predecessor.file.get().to_le_bytes());
            bytes[56..64].copy_from_slice(&predecessor.offset.to_le_bytes());
            bytes[64..72].copy_from_slice(&predecessor.chain.get().to_le_bytes());
        }
        let checksum = own_checksum(&bytes);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

impl RawHeader {
    /// Reads the payload of a file's first sector; none if it is no header.
    pub(crate) fn decode(payload: &[u8; PAYLOAD_BYTES]) -> Option<Self> {
        let u32_at = |at: usize| u32::from_le_bytes(payload[at..at + 4].try_into().expect("4 bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(payload[at..at + 8].try_into().expect("8 bytes"));
        if payload[..8] != MAGIC || u32_at(12) != own_checksum(payload) {
            return None;
        }
        if u32_at(8) != FRAMED_VERSION {
            return Some(Self::OtherVersion(u32_at(8)));
        }
        Some(Self::Known {
            kind: u32_at(16),
            number: u32_at(20),
            store: Uuid::from_bytes(payload[24..40].try_into().expect("16 bytes")),
            length: u64_at(40),
            predecessor: (u32_at(48), u64_at(56), Chain::new(u64_at(64))),
        })
    }
}

fn own_checksum(payload: &[u8; PAYLOAD_BYTES]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&payload[..12]), &payload[16..])
}
