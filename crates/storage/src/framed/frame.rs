//! A frame being built: its bytes lie where they will lie in the file, so that they are copied once.
//!
//! A body is cut into pieces of 500 bytes, one for each sector, while it is added. Sealing fills in the frame's header
//! and the sectors' trailers for one place in one file; adding anything afterwards breaks the seal. The buffer keeps
//! its memory when it is cleared.

use annals_model::CommitTime;

use super::position::{Chain, FramePlace, Position};
use super::salt::Salt;
use super::{BLOCK_BYTES, BLOCK_SECTORS, PAYLOAD_BYTES, SECTOR_BYTES, sector};
use crate::layout::FileNumber;

pub(crate) const FRAME_MAGIC: u32 = u32::from_le_bytes(*b"AFrm");
/// Bytes of the header that starts a frame's payload.
pub(crate) const FRAME_HEADER_BYTES: usize = 40;

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) frame: u32,
    pub(crate) body_bytes: u32,
    pub(crate) commit_time: CommitTime,
    pub(crate) records: u32,
    /// The value before this frame.
    pub(crate) chain: Chain,
}

impl FrameHeader {
    pub(crate) fn encode(&self, salt: Salt) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[..4].copy_from_slice(&FRAME_MAGIC.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.frame.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.commit_time.unix_nanos().to_le_bytes());
        bytes[24..28].copy_from_slice(&self.records.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.chain.get().to_le_bytes());
        let checksum = crc32c::crc32c_append(salt.get(), &bytes[8..]);
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a header back; an error tells what was expected and found, and at which of its bytes.
    pub(crate) fn decode(bytes: &[u8; FRAME_HEADER_BYTES], salt: Salt) -> Result<Self, (u64, String, String)> {
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        if u32_at(0) != FRAME_MAGIC {
            return Err((0, format!("a frame's magic {FRAME_MAGIC:#010x}"), format!("{:#010x}", u32_at(0))));
        }
        let checksum = crc32c::crc32c_append(salt.get(), &bytes[8..]);
        if u32_at(4) != checksum {
            return Err((4, format!("header checksum {checksum:#010x}"), format!("{:#010x}", u32_at(4))));
        }
        if u32_at(28) != 0 {
            return Err((28, "zero".into(), format!("{:#010x}", u32_at(28))));
        }
        Ok(Self {
            frame: u32_at(8),
            body_bytes: u32_at(12),
            commit_time: CommitTime::from_unix_nanos(u64_at(16).cast_signed()),
            records: u32_at(24),
            chain: Chain::new(u64_at(32)),
        })
    }
}

/// The file that a frame is sealed for, and the place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameSlot {
    pub(crate) file: FileNumber,
    pub(crate) salt: Salt,
    pub(crate) offset: u64,
    pub(crate) frame: u32,
    pub(crate) chain: Chain,
}

/// A frame's bytes; see the module.
#[derive(Debug)]
pub(crate) struct FrameBuffer {
    /// Whole blocks; keeps its length when the frame is cleared, so that its memory is not zeroed anew.
    bytes: Vec<u8>,
    /// Payload bytes so far, the header's among them.
    payload: usize,
    records: u32,
    commit_time: CommitTime,
    sealed: Option<(FrameSlot, Chain)>,
    checksums: Vec<u8>,
}

impl FrameBuffer {
    pub(crate) fn new() -> Self {
        let mut buffer = Self {
            bytes: Vec::new(),
            payload: 0,
            records: 0,
            commit_time: CommitTime::MIN,
            sealed: None,
            checksums: Vec::new(),
        };
        buffer.clear();
        buffer
    }

    /// Empties the frame and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.payload = FRAME_HEADER_BYTES;
        self.records = 0;
        self.sealed = None;
        self.reserve(0);
    }

    /// Bytes of the body so far.
    pub(crate) fn body_bytes(&self) -> usize {
        self.payload - FRAME_HEADER_BYTES
    }

    /// Bytes that the frame takes in a file: whole blocks.
    pub(crate) fn file_bytes(&self) -> usize {
        file_bytes(self.payload)
    }

    pub(crate) fn records(&self) -> u32 {
        self.records
    }

    /// Counts one more record; what follows is its bytes.
    pub(crate) fn begin_record(&mut self) {
        self.records += 1;
    }

    /// Makes room for `body_bytes` more, so that adding them does not grow the buffer piece by piece.
    pub(crate) fn reserve(&mut self, body_bytes: usize) {
        let needed = file_bytes(self.payload + body_bytes);
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
    }

    /// Adds bytes to the body.
    pub(crate) fn extend(&mut self, mut part: &[u8]) {
        self.sealed = None;
        self.reserve(part.len());
        while !part.is_empty() {
            let within = self.payload % PAYLOAD_BYTES;
            let at = self.payload / PAYLOAD_BYTES * SECTOR_BYTES + within;
            let (piece, rest) = part.split_at(part.len().min(PAYLOAD_BYTES - within));
            self.bytes[at..at + piece.len()].copy_from_slice(piece);
            self.payload += piece.len();
            part = rest;
        }
    }

    /// The time that the frame is sealed with.
    pub(crate) fn set_commit_time(&mut self, time: CommitTime) {
        if time != self.commit_time {
            self.sealed = None;
            self.commit_time = time;
        }
    }

    /// Seals the frame for a slot; does nothing if it is sealed for that one.
    pub(crate) fn seal(&mut self, slot: FrameSlot) {
        if self.sealed.is_some_and(|(sealed, _)| sealed == slot) {
            return;
        }
        self.zero_padding();
        let header = FrameHeader {
            frame: slot.frame,
            body_bytes: u32::try_from(self.body_bytes()).expect("a frame's length is checked before it is sealed"),
            commit_time: self.commit_time,
            records: self.records,
            chain: slot.chain,
        };
        self.bytes[..FRAME_HEADER_BYTES].copy_from_slice(&header.encode(slot.salt));
        let chain = seal_blocks(&mut self.bytes[..file_bytes(self.payload)], slot, &mut self.checksums);
        self.sealed = Some((slot, chain));
    }

    /// The sealed bytes and where they go; none if the frame is not sealed for `slot`.
    pub(crate) fn sealed_for(&self, slot: FrameSlot) -> Option<(&[u8], FramePlace)> {
        let (_, chain) = self.sealed.filter(|(sealed, _)| *sealed == slot)?;
        let bytes = &self.bytes[..self.file_bytes()];
        let end = Position { file: slot.file, offset: slot.offset + bytes.len() as u64, chain };
        Some((bytes, FramePlace { file: slot.file, frame: slot.frame, offset: slot.offset, end }))
    }

    /// Zeroes the payload between the body's end and the end of its last block; the trailers are sealing's.
    fn zero_padding(&mut self) {
        let mut at = self.payload;
        let end = self.file_bytes() / SECTOR_BYTES * PAYLOAD_BYTES;
        while at < end {
            let within = at % PAYLOAD_BYTES;
            let start = at / PAYLOAD_BYTES * SECTOR_BYTES + within;
            self.bytes[start..start + PAYLOAD_BYTES - within].fill(0);
            at += PAYLOAD_BYTES - within;
        }
    }
}

/// Seals whole blocks for a slot and gives the chain's value after them.
pub(crate) fn seal_blocks(blocks: &mut [u8], slot: FrameSlot, checksums: &mut Vec<u8>) -> Chain {
    checksums.clear();
    sector::seal(blocks, sector_index(slot.offset), slot.file, slot.frame, slot.salt, checksums);
    slot.chain.after(checksums)
}

/// The number of the sector at a byte of a file.
pub(crate) fn sector_index(offset: u64) -> u32 {
    u32::try_from(offset / SECTOR_BYTES as u64).expect("framed files are shorter than 2 TiB")
}

/// Bytes in a file of a frame with this payload.
pub(crate) fn file_bytes(payload: usize) -> usize {
    payload.div_ceil(PAYLOAD_BYTES).div_ceil(BLOCK_SECTORS) * BLOCK_BYTES
}

/// Where in a frame, counted from its first byte in the file, byte `at` of its body lies.
pub(crate) fn body_offset(at: usize) -> u64 {
    let payload = FRAME_HEADER_BYTES + at;
    (payload / PAYLOAD_BYTES * SECTOR_BYTES + payload % PAYLOAD_BYTES) as u64
}
