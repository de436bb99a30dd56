//! A writer of framed files that was made after `FORMAT.md` alone: for any content, with checksums that hold.
//!
//! It shares no code with the store's own writer, so that what the store reads of its files is compared with the page
//! that describes them.

use annals_storage::framed::Kind;
use annals_storage::identity::StoreIdentity;
use uuid::Uuid;

pub(super) const SECTOR: usize = 512;
pub(super) const PAYLOAD: usize = 500;
pub(super) const BLOCK: usize = 4096;
/// Bytes of a frame's header, before its body.
pub(super) const FRAME_HEADER: usize = 40;

/// The store whose files are written.
pub(super) const IDENTITY: StoreIdentity =
    StoreIdentity { uuid: Uuid::from_bytes([0x5a; 16]), salt: 0x0123_4567_89ab_cdef, created_unix_nanos: 1 };

/// Writes the framed files of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forge {
    key: [u8; 32],
    kind: u32,
}

/// A place that a file reached: its number, the offset, and the chain's value there.
pub(super) type Place = (u32, u64, u64);

/// What stands in a frame's header, but for the frame's number and length.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameFields {
    pub(super) commit_time: i64,
    pub(super) records: u32,
    /// The chain's value before the frame.
    pub(super) chain: u64,
}

impl Forge {
    pub(super) fn new(kind: Kind) -> Self {
        let material = [&IDENTITY.uuid.as_bytes()[..], &IDENTITY.salt.to_le_bytes()].concat();
        let kind = match kind {
            Kind::Journal => 1,
            Kind::Manifest => 2,
        };
        Self { key: blake3::derive_key("annals framed file salt 1", &material), kind }
    }

    fn salt(&self, number: u32) -> u32 {
        let name = [self.kind.to_le_bytes(), number.to_le_bytes()].concat();
        let hash = blake3::keyed_hash(&self.key, &name);
        u32::from_le_bytes(hash.as_bytes()[..4].try_into().expect("4 of 32 bytes"))
    }

    /// Gives sector `index` of file `number`, whose payload is there, the trailer of a frame's sector.
    pub(super) fn seal(&self, sector: &mut [u8], index: usize, number: u32, frame: u32) {
        sector[500..504].copy_from_slice(&number.to_le_bytes());
        sector[504..508].copy_from_slice(&frame.to_le_bytes());
        let index = u32::try_from(index).expect("a small file");
        let start = crc32c::crc32c_append(self.salt(number), &index.to_le_bytes());
        let checksum = crc32c::crc32c_append(start, &sector[..508]);
        sector[508..].copy_from_slice(&checksum.to_le_bytes());
    }

    /// Makes the checksum of a file header's payload hold.
    pub(super) fn seal_file_header(payload: &mut [u8]) {
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&payload[..12]), &payload[16..PAYLOAD]);
        payload[12..16].copy_from_slice(&checksum.to_le_bytes());
    }

    /// Makes the checksum of a frame header's payload hold.
    pub(super) fn seal_frame_header(&self, payload: &mut [u8], number: u32) {
        let checksum = crc32c::crc32c_append(self.salt(number), &payload[8..FRAME_HEADER]);
        payload[4..8].copy_from_slice(&checksum.to_le_bytes());
    }

    /// The first block of a file of `length` bytes that follows on `before`.
    pub(super) fn file_header(&self, number: u32, length: usize, before: Option<Place>) -> Vec<u8> {
        let mut payload = vec![0; PAYLOAD];
        payload[..8].copy_from_slice(b"ANNALSFR");
        payload[8..12].copy_from_slice(&1_u32.to_le_bytes());
        payload[16..20].copy_from_slice(&self.kind.to_le_bytes());
        payload[20..24].copy_from_slice(&number.to_le_bytes());
        payload[24..40].copy_from_slice(IDENTITY.uuid.as_bytes());
        payload[40..48].copy_from_slice(&(length as u64).to_le_bytes());
        if let Some((file, offset, chain)) = before {
            payload[48..52].copy_from_slice(&file.to_le_bytes());
            payload[56..64].copy_from_slice(&offset.to_le_bytes());
            payload[64..72].copy_from_slice(&chain.to_le_bytes());
        }
        Self::seal_file_header(&mut payload);
        self.blocks(&payload, 0, number, 0)
    }

    /// The blocks of frame `frame` of file `number`, which will lie at `offset`.
    pub(super) fn frame(&self, number: u32, frame: u32, offset: usize, fields: FrameFields, body: &[u8]) -> Vec<u8> {
        let mut payload = vec![0; FRAME_HEADER];
        payload[..4].copy_from_slice(b"AFrm");
        payload[8..12].copy_from_slice(&frame.to_le_bytes());
        let length = u32::try_from(body.len()).expect("a small body");
        payload[12..16].copy_from_slice(&length.to_le_bytes());
        payload[16..24].copy_from_slice(&fields.commit_time.to_le_bytes());
        payload[24..28].copy_from_slice(&fields.records.to_le_bytes());
        payload[32..40].copy_from_slice(&fields.chain.to_le_bytes());
        self.seal_frame_header(&mut payload, number);
        payload.extend_from_slice(body);
        self.blocks(&payload, offset / SECTOR, number, frame)
    }

    /// Cuts a payload into the sectors of whole blocks.
    fn blocks(&self, payload: &[u8], first_index: usize, number: u32, frame: u32) -> Vec<u8> {
        let sectors = payload.len().div_ceil(PAYLOAD).next_multiple_of(BLOCK / SECTOR);
        let mut blocks = vec![0; sectors * SECTOR];
        for (sector, piece) in blocks.chunks_exact_mut(SECTOR).zip(payload.chunks(PAYLOAD)) {
            sector[..piece.len()].copy_from_slice(piece);
        }
        for (index, sector) in (first_index..).zip(blocks.chunks_exact_mut(SECTOR)) {
            self.seal(sector, index, number, frame);
        }
        blocks
    }
}

/// The chain's value after blocks that follow on `chain`.
pub(super) fn chain_after(chain: u64, blocks: &[u8]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&chain.to_le_bytes());
    for sector in blocks.chunks_exact(SECTOR) {
        hasher.update(&sector[508..]);
    }
    u64::from_le_bytes(hasher.finalize().as_bytes()[..8].try_into().expect("8 of 32 bytes"))
}

/// The payload of sectors, one after another.
pub(super) fn payload_of(blocks: &[u8]) -> Vec<u8> {
    blocks.chunks_exact(SECTOR).flat_map(|sector| &sector[..PAYLOAD]).copied().collect()
}
