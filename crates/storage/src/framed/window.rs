//! A part of a file in memory, moved along as a reader goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::damage::ReadFailure;
use crate::disk::{Disk, File};

/// Bytes that are read at once: few calls, little memory.
const WINDOW_BYTES: usize = 1024 * 1024;

/// Reads a file from its beginning on. What lies past the file's end reads as zero: it was never written.
#[derive(Debug)]
pub(crate) struct Window {
    path: PathBuf,
    file: Arc<dyn File>,
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> Result<Self, ReadFailure> {
        let failed = |error| ReadFailure::io(path, error);
        let file = disk.open(path).map_err(failed)?;
        let length = file.length().map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, length, start: 0, bytes: Vec::new() })
    }

    /// The file's length when it was opened.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// `count` bytes from `offset` on.
    pub(crate) fn read(&mut self, offset: u64, count: usize) -> Result<&[u8], ReadFailure> {
        let is_held = offset >= self.start && offset + count as u64 <= self.start + self.bytes.len() as u64;
        if !is_held {
            self.load(offset, count)?;
        }
        let at = usize::try_from(offset - self.start).expect("the offset lies in the window");
        Ok(&self.bytes[at..at + count])
    }

    fn load(&mut self, offset: u64, count: usize) -> Result<(), ReadFailure> {
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = count.max(left.min(WINDOW_BYTES));
        let stored = length.min(left);
        // The memory is used again: fresh pages for each window cost more than reading into them.
        self.bytes.resize(length, 0);
        self.bytes[stored..].fill(0);
        self.start = offset;
        self.file.read_at(&mut self.bytes[..stored], offset).map_err(|error| {
            self.bytes.clear();
            ReadFailure::io(&self.path, error)
        })
    }
}
