//! Framed files: append-only files of which a reader can tell what was torn from what is damaged.
//!
//! The journal and the manifest are framed files. A file is 4 KiB blocks of eight sectors; every sector ends in the
//! number of its file and frame and a salted checksum; frames start on block boundaries; one frame is synced before
//! the next is written. So after a crash at most the last frame is incomplete, and of its sectors each was either
//! written (it verifies) or not (it is zero, or verifies as part of an older life of the file). Whatever is neither is
//! damage. `FORMAT.md` has the layout and the table of cases.
//!
//! Promises: what was synced is read back or named as damage; what a crash left torn is told apart from it.
//!
//! Does not: know what a frame's body says: that is for the modules above.

mod frame;
mod header;
mod position;
mod preallocate;
mod quarantine;
mod reader;
mod salt;
mod sector;
#[cfg(test)]
mod tests;
mod window;
mod write_back;
mod writer;

pub(crate) use frame::{FrameBuffer, body_offset};
pub(crate) use header::{FileHeader, HeaderState};
pub use position::{Chain, FramePlace, Position};
pub(crate) use preallocate::{preallocate, remove_if_there};
pub(crate) use quarantine::keep_aside;
pub use reader::{Ending, FrameInfo, TornTail};
pub(crate) use reader::{FramedFile, Frames, Next, sectors};
pub(crate) use salt::Salts;
pub(crate) use sector::SectorState;
pub(crate) use write_back::write_back;
pub(crate) use writer::FramedWriter;

/// The unit of a torn write, as far as disks promise one.
pub(crate) const SECTOR_BYTES: usize = 512;
/// A sector's bytes without its trailer.
pub(crate) const PAYLOAD_BYTES: usize = 500;
/// Frames start and end on multiples of this, so that no write touches a page that holds acknowledged bytes.
pub(crate) const BLOCK_BYTES: usize = 4096;
/// The same, as a place in a file.
pub(crate) const BLOCK: u64 = BLOCK_BYTES as u64;
/// Sectors of a block.
pub(crate) const BLOCK_SECTORS: usize = BLOCK_BYTES / SECTOR_BYTES;

/// The version of the framed files' layout.
pub(crate) const FRAMED_VERSION: u32 = 1;

/// What a framed file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The write-ahead log.
    Journal,
    /// What the store consists of.
    Manifest,
}

impl Kind {
    /// The number that stands for the kind in a header.
    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::Journal => 1,
            Self::Manifest => 2,
        }
    }

    /// The longest frame body that a reader takes: for the journal one request of 16 MiB with its rows, and room; for
    /// the manifest a snapshot of some million runs. Anything longer was not written by this version.
    pub(crate) const fn body_bytes_max(self) -> usize {
        match self {
            Self::Journal => 32 * 1024 * 1024,
            Self::Manifest => 1024 * 1024 * 1024,
        }
    }
}
