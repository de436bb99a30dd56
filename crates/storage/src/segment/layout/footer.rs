//! The ends of a segment file: a header that says whose file it is, and a footer that lists its runs.
//!
//! Reading goes by the manifest's summary and touches neither. They are what makes a file understandable by itself:
//! `verify`, `inspect` and a lost manifest's rebuilding begin with them.

use uuid::Uuid;

use crate::segment::layout::error::Fault;
use crate::segment::layout::fields::Fields;
use crate::segment::layout::format::Features;
use crate::segment::layout::id::SegmentId;
use crate::segment::layout::summary::{RunSummary, decode_runs};

const HEADER_MAGIC: [u8; 8] = *b"ANNALseg";
const FOOTER_MAGIC: [u8; 8] = *b"ANNALfoo";
const TRAILER_MAGIC: [u8; 8] = *b"ANNALend";

/// The bytes of a file's header; the first run follows them.
pub(crate) const HEADER_BYTES: usize = 64;

/// The bytes of the trailer that ends a file.
pub(crate) const TRAILER_BYTES: usize = 32;

/// Whose file it is, and its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub features: Features,
    pub store: Uuid,
    pub id: SegmentId,
}

impl Owner {
    fn encode_into(&self, out: &mut Vec<u8>) {
        let Features { version, compatible, incompatible, key } = self.features;
        out.extend_from_slice(&version.to_le_bytes());
        for wide in [compatible, incompatible, key] {
            out.extend_from_slice(&wide.to_le_bytes());
        }
        out.extend_from_slice(self.store.as_bytes());
        out.extend_from_slice(&self.id.get().to_le_bytes());
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let version = fields.u32()?;
        let features = Features { version, compatible: fields.u64()?, incompatible: fields.u64()?, key: fields.u64()? };
        Some(Self { features, store: Uuid::from_bytes(fields.sixteen()?), id: SegmentId::new(fields.u64()?) })
    }
}

/// The first bytes of a file.
pub(crate) fn encode_header(owner: &Owner) -> Vec<u8> {
    let mut out = HEADER_MAGIC.to_vec();
    owner.encode_into(&mut out);
    let checksum = crc32c::crc32c(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    debug_assert_eq!(out.len(), HEADER_BYTES);
    out
}

/// Reads a file's first `HEADER_BYTES` bytes.
pub(crate) fn decode_header(bytes: &[u8]) -> Result<Owner, Fault> {
    let mut fields = Fields(bytes);
    if fields.bytes(HEADER_MAGIC.len()) != Some(&HEADER_MAGIC) {
        return Err(Fault::new(0, "the magic of a segment file", "something else"));
    }
    let owner = Owner::decode(&mut fields).zip(fields.u32());
    let (owner, checksum) = owner.ok_or_else(|| Fault::content("a whole header"))?;
    let computed = crc32c::crc32c(&bytes[..HEADER_BYTES - 4]);
    if computed == checksum { Ok(owner) } else { Err(checksum_fault(0, checksum, computed)) }
}

/// The footer with the trailer behind it, for a footer that begins at `offset` of the file.
pub(crate) fn encode_footer(owner: &Owner, runs: &[RunSummary], offset: u64) -> Vec<u8> {
    let mut out = FOOTER_MAGIC.to_vec();
    owner.encode_into(&mut out);
    let count = u32::try_from(runs.len()).expect("a writer refuses more runs than a u32 counts");
    out.extend_from_slice(&count.to_le_bytes());
    for run in runs {
        run.encode_into(&mut out);
    }
    let checksum = crc32c::crc32c(&out);
    let trailer_start = out.len();
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&(trailer_start as u64).to_le_bytes());
    out.extend_from_slice(&checksum.to_le_bytes());
    let trailer_checksum = crc32c::crc32c(&out[trailer_start..]);
    out.extend_from_slice(&trailer_checksum.to_le_bytes());
    out.extend_from_slice(&TRAILER_MAGIC);
    out
}

/// Where a file's footer lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub offset: u64,
    /// Without the trailer.
    length: u64,
    checksum: u32,
}

/// Reads the last `TRAILER_BYTES` bytes of a file of `file_length` bytes.
pub(crate) fn decode_trailer(bytes: &[u8], file_length: u64) -> Result<Trailer, Fault> {
    let parsed = parse_trailer(bytes).ok_or_else(|| Fault::new(0, "the magic that ends a segment file", "none"))?;
    let (trailer, checksum) = parsed;
    let computed = crc32c::crc32c(&bytes[..TRAILER_BYTES - 12]);
    if computed != checksum {
        return Err(checksum_fault(0, checksum, computed));
    }
    let end = trailer.offset.checked_add(trailer.length);
    if end.and_then(|end| end.checked_add(TRAILER_BYTES as u64)) != Some(file_length) {
        let found = format!("{} bytes at {}", trailer.length, trailer.offset);
        return Err(Fault::new(0, format!("a footer that ends a file of {file_length} bytes"), found));
    }
    Ok(trailer)
}

fn parse_trailer(bytes: &[u8]) -> Option<(Trailer, u32)> {
    let mut fields = Fields(bytes);
    let trailer = Trailer { offset: fields.u64()?, length: fields.u64()?, checksum: fields.u32()? };
    let checksum = fields.u32()?;
    (fields.0 == TRAILER_MAGIC).then_some((trailer, checksum))
}

/// Reads a footer, without its trailer.
pub(crate) fn decode_footer(bytes: &[u8], trailer: &Trailer) -> Result<(Owner, Vec<RunSummary>), Fault> {
    let computed = crc32c::crc32c(bytes);
    if computed != trailer.checksum {
        return Err(checksum_fault(0, trailer.checksum, computed));
    }
    let mut fields = Fields(bytes);
    if fields.bytes(FOOTER_MAGIC.len()) != Some(&FOOTER_MAGIC) {
        return Err(Fault::new(0, "the magic of a footer", "something else"));
    }
    let owner = Owner::decode(&mut fields).ok_or_else(|| Fault::content("a whole footer"))?;
    if owner.features.beyond_us().is_some() {
        return Ok((owner, Vec::new()));
    }
    let runs = decode_runs(&mut fields).filter(|_| fields.0.is_empty());
    let runs = runs.ok_or_else(|| Fault::content("a count and that many runs whose numbers fit together"))?;
    Ok((owner, runs))
}

fn checksum_fault(at: u64, stored: u32, computed: u32) -> Fault {
    Fault::new(at, format!("checksum {stored:08x}"), format!("{computed:08x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_footer_come_back_and_every_flipped_bit_of_them_is_found() {
        let owner = Owner { features: Features::WRITTEN, store: Uuid::from_bytes([3; 16]), id: SegmentId::new(4) };
        let header = encode_header(&owner);
        assert_eq!((header.len(), decode_header(&header)), (HEADER_BYTES, Ok(owner)));
        let footer = encode_footer(&owner, &[], 1_000);
        let read = |bytes: &[u8]| {
            let (footer, trailer) = bytes.split_at(bytes.len() - TRAILER_BYTES);
            decode_footer(footer, &decode_trailer(trailer, 1_000 + bytes.len() as u64)?)
        };
        assert_eq!(read(&footer), Ok((owner, Vec::new())));
        for bit in 0..header.len() * 8 {
            let mut damaged = header.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_header(&damaged).is_err(), "bit {bit} of the header");
        }
        for bit in 0..footer.len() * 8 {
            let mut damaged = footer.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&damaged).is_err(), "bit {bit} of the footer");
        }
    }
}
