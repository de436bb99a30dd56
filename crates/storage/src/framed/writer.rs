//! Writing a framed file from its header on.
//!
//! Writes only; whoever owns the writer syncs, one frame at a time. A writer starts a file, or goes on behind the header
//! of one in which no sector of a frame was found; never behind a frame that it found.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::File;
use crate::layout::FileNumber;

use super::frame::{FrameBuffer, FrameSlot, seal_blocks};
use super::header::FileHeader;
use super::position::{FramePlace, Position};
use super::salt::{Salt, Salts};
use super::{BLOCK, BLOCK_BYTES, PAYLOAD_BYTES};

/// A file that frames are added to.
#[derive(Debug)]
pub(crate) struct FramedWriter {
    file: Arc<dyn File>,
    path: PathBuf,
    salt: Salt,
    length: u64,
    end: Position,
    next_frame: u32,
}

impl FramedWriter {
    /// Starts a file: writes its header and syncs it. All that the file holds must be zero or of older lives. The
    /// caller syncs the directory.
    pub(crate) fn start(file: Arc<dyn File>, path: PathBuf, header: &FileHeader, salts: &Salts) -> io::Result<Self> {
        let salt = salts.of(header.number);
        let mut block = [0; BLOCK_BYTES];
        block[..PAYLOAD_BYTES].copy_from_slice(&header.encode());
        let slot = FrameSlot { file: header.number, salt, offset: 0, frame: 0, chain: header.chain() };
        let chain = seal_blocks(&mut block, slot, &mut Vec::new());
        file.write_at(&block, 0)?;
        file.sync()?;
        let end = Position { file: header.number, offset: BLOCK, chain };
        Ok(Self { file, path, salt, length: header.length, end, next_frame: 1 })
    }

    /// Goes on behind the header of a file that was read to its very end, and holds no sector of a frame. The header must
    /// be durable.
    pub(crate) fn after_header(
        file: Arc<dyn File>,
        path: PathBuf,
        header_end: Position,
        salts: &Salts,
    ) -> io::Result<Self> {
        debug_assert_eq!(header_end.offset, BLOCK, "nothing but the header is there");
        let (salt, length) = (salts.of(header_end.file), file.length()?);
        Ok(Self { file, path, salt, length, end: header_end, next_frame: 1 })
    }

    /// The file's number.
    pub(crate) fn number(&self) -> FileNumber {
        self.end.file
    }

    /// The file, to sync it.
    pub(crate) fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// The position after the last frame written.
    pub(crate) fn end(&self) -> Position {
        self.end
    }

    /// Bytes that the file had when it was begun.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that frames can still take without making the file longer.
    pub(crate) fn remaining(&self) -> u64 {
        self.length.saturating_sub(self.end.offset)
    }

    /// Whether no frame was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.next_frame == 1
    }

    /// Seals a frame for the place that the next one is written to.
    pub(crate) fn seal(&self, frame: &mut FrameBuffer) {
        frame.seal(self.next_slot());
    }

    /// Writes a frame; seals it first if that was not done. After an error the file must not be written to again:
    /// parts of the frame may lie where the next one would go.
    pub(crate) fn write(&mut self, frame: &mut FrameBuffer) -> io::Result<FramePlace> {
        let slot = self.next_slot();
        frame.seal(slot);
        let (bytes, place) = frame.sealed_for(slot).expect("it was sealed for this slot just now");
        self.file.write_at(bytes, place.offset)?;
        self.end = place.end;
        self.next_frame += 1;
        Ok(place)
    }

    fn next_slot(&self) -> FrameSlot {
        FrameSlot {
            file: self.end.file,
            salt: self.salt,
            offset: self.end.offset,
            frame: self.next_frame,
            chain: self.end.chain,
        }
    }
}
