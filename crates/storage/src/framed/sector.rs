//! Sectors: 500 bytes of payload and the 12 that tell whether they were written, when, and as what.

use std::collections::HashMap;

use crate::layout::FileNumber;

use super::salt::{Salt, Salts};
use super::{PAYLOAD_BYTES, SECTOR_BYTES};

const FILE: std::ops::Range<usize> = PAYLOAD_BYTES..PAYLOAD_BYTES + 4;
const FRAME: std::ops::Range<usize> = FILE.end..FILE.end + 4;
/// Where a sector's checksum stands; it covers all before it.
pub(crate) const CHECKSUM: std::ops::Range<usize> = FRAME.end..SECTOR_BYTES;

/// What a sector is, seen from the file that it lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SectorState {
    /// All zero: never written.
    Zero,
    /// Written when the file had this lower number, and not since.
    Stale(FileNumber),
    /// Written in this life of the file, as part of this frame; zero is the file's header.
    Written(u32),
    /// None of these: damage.
    Garbage,
}

impl SectorState {
    /// Whether the sector was never written in this life of the file.
    pub(crate) fn is_unwritten(self) -> bool {
        matches!(self, Self::Zero | Self::Stale(_))
    }
}

/// Fills in the trailers of whole sectors, of which the first is the file's sector `first_index`, and adds their
/// checksums to `checksums`.
pub(crate) fn seal(
    sectors: &mut [u8],
    first_index: u32,
    file: FileNumber,
    frame: u32,
    salt: Salt,
    checksums: &mut Vec<u8>,
) {
    for (index, sector) in (first_index..).zip(sectors.chunks_exact_mut(SECTOR_BYTES)) {
        sector[FILE].copy_from_slice(&file.get().to_le_bytes());
        sector[FRAME].copy_from_slice(&frame.to_le_bytes());
        let checksum = checksum(sector, index, salt).to_le_bytes();
        sector[CHECKSUM].copy_from_slice(&checksum);
        checksums.extend_from_slice(&checksum);
    }
}

fn checksum(sector: &[u8], index: u32, salt: Salt) -> u32 {
    let start = crc32c::crc32c_append(salt.get(), &index.to_le_bytes());
    crc32c::crc32c_append(start, &sector[..CHECKSUM.start])
}

/// Tells what sectors are, for one file. Remembers the salts of older lives that it has met.
#[derive(Debug)]
pub(crate) struct Classifier {
    salts: Salts,
    number: FileNumber,
    salt: Salt,
    older: HashMap<FileNumber, Salt>,
}

impl Classifier {
    pub(crate) fn new(salts: Salts, number: FileNumber) -> Self {
        let salt = salts.of(number);
        Self { salts, number, salt, older: HashMap::new() }
    }

    /// The file's number.
    pub(crate) fn number(&self) -> FileNumber {
        self.number
    }

    /// The file's salt.
    pub(crate) fn salt(&self) -> Salt {
        self.salt
    }

    /// What the files of the salts are for.
    pub(crate) fn kind(&self) -> super::Kind {
        self.salts.kind()
    }

    /// What `sector`, the file's sector `index`, is.
    pub(crate) fn classify(&mut self, sector: &[u8], index: u32) -> SectorState {
        let Some(number) = FileNumber::new(u32_at(sector, FILE)) else {
            return if sector.iter().all(|&byte| byte == 0) { SectorState::Zero } else { SectorState::Garbage };
        };
        let salt = match number.cmp(&self.number) {
            std::cmp::Ordering::Equal => self.salt,
            std::cmp::Ordering::Less => {
                let salts = &self.salts;
                *self.older.entry(number).or_insert_with(|| salts.of(number))
            }
            std::cmp::Ordering::Greater => return SectorState::Garbage,
        };
        if checksum(sector, index, salt) != u32_at(sector, CHECKSUM) {
            return SectorState::Garbage;
        }
        if number == self.number { SectorState::Written(u32_at(sector, FRAME)) } else { SectorState::Stale(number) }
    }
}

fn u32_at(sector: &[u8], range: std::ops::Range<usize>) -> u32 {
    u32::from_le_bytes(sector[range].try_into().expect("a range of 4 bytes"))
}
