//! A segment file by itself: what its own header and footer say, without a manifest.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::damage::{Damage, DamageCase};
use crate::digest::Digest;
use crate::disk::{Disk, File};
use crate::segment::layout::error::{Fault, ReadError};
use crate::segment::layout::footer::{self, HEADER_BYTES, Owner, TRAILER_BYTES, Trailer};
use crate::segment::layout::id::SegmentId;
use crate::segment::layout::summary::SegmentSummary;

/// A sealed segment, described by its own file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// The store that wrote it.
    pub store: Uuid,
    /// What the manifest of that store says of it, unless one of the two is damaged.
    pub summary: SegmentSummary,
}

impl SegmentFile {
    /// Reads the header and the footer of the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read, is no whole segment, or was written by a later version.
    pub fn read(disk: &dyn Disk, path: &Path) -> Result<Self, ReadError> {
        let io = |source| ReadError::Io { path: path.to_owned(), source };
        let reader = Reader { file: disk.open(path).map_err(io)?, path };
        let length = reader.file.length().map_err(io)?;
        let shortest = (HEADER_BYTES + TRAILER_BYTES) as u64;
        if length < shortest {
            let expected = format!("a segment, which has at least {shortest} bytes");
            return Err(reader.damage(
                DamageCase::FileTruncated,
                0,
                &Fault::new(0, expected, format!("{length} bytes")),
            ));
        }
        let header = reader.header()?;
        let trailer = reader.trailer(length)?;
        reader.footer(&header, &trailer, length)
    }

    /// The segment's id.
    pub fn id(&self) -> SegmentId {
        self.summary.id
    }
}

struct Reader<'a> {
    file: Arc<dyn File>,
    path: &'a Path,
}

impl Reader<'_> {
    fn header(&self) -> Result<Owner, ReadError> {
        let bytes = self.bytes(0, HEADER_BYTES)?;
        let owner = footer::decode_header(&bytes).map_err(|fault| self.damage(DamageCase::HeaderDamaged, 0, &fault))?;
        self.check_known(&owner)?;
        Ok(owner)
    }

    fn trailer(&self, length: u64) -> Result<Trailer, ReadError> {
        let at = length - TRAILER_BYTES as u64;
        let bytes = self.bytes(at, TRAILER_BYTES)?;
        footer::decode_trailer(&bytes, length).map_err(|fault| self.damage(DamageCase::ContentWrong, at, &fault))
    }

    /// The trailer was checked: the footer's length is that of a part of the file.
    fn footer(&self, header: &Owner, trailer: &Trailer, file_length: u64) -> Result<SegmentFile, ReadError> {
        let at = trailer.offset;
        let length = file_length - at;
        let bytes = self.bytes(at, usize::try_from(length).expect("a part of a file that was written from memory"))?;
        let footer = &bytes[..bytes.len() - TRAILER_BYTES];
        let (owner, runs) = footer::decode_footer(footer, trailer)
            .map_err(|fault| self.damage(DamageCase::ContentWrong, at, &fault))?;
        self.check_known(&owner)?;
        if owner != *header {
            let fault = Fault::new(0, format!("the footer of {header:?}, as the header says"), format!("{owner:?}"));
            return Err(self.damage(DamageCase::WrongFile, at, &fault));
        }
        let summary = SegmentSummary {
            id: owner.id,
            file_length,
            footer_offset: at,
            footer_length: length,
            footer_digest: Digest::of(&bytes),
            runs,
        };
        Ok(SegmentFile { store: owner.store, summary })
    }

    fn check_known(&self, owner: &Owner) -> Result<(), ReadError> {
        match owner.features.beyond_us() {
            Some(what) => Err(ReadError::Newer { path: self.path.to_owned(), what }),
            None => Ok(()),
        }
    }

    fn bytes(&self, offset: u64, length: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = vec![0; length];
        let read = self.file.read_at(&mut bytes, offset);
        read.map_err(|source| ReadError::Io { path: self.path.to_owned(), source })?;
        Ok(bytes)
    }

    fn damage(&self, case: DamageCase, base: u64, fault: &Fault) -> ReadError {
        Damage::of_case(case, self.path, base + fault.at, &fault.expected, &fault.found).into()
    }
}
