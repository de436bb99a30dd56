//! The segments of a store: one directory of files, read through one cache.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use crate::damage::{Damage, DamageCase};
use crate::disk::{Disk, File};
use crate::segment::layout::error::{ReadError, WriteError};
use crate::segment::layout::id::SegmentId;
use crate::segment::read::cache::{CacheLimits, DecodedRuns, Parts};
use crate::segment::read::files::{Files, OPEN_FILES_MAX};

/// The segment files of a store, and what is kept of them in memory. Making one does no I/O.
#[derive(Debug)]
pub struct Segments {
    store: Uuid,
    pub(crate) files: Files,
    pub(crate) parts: Parts,
    pub(crate) decoded_runs: DecodedRuns,
}

impl Segments {
    /// The segments in `directory` of the store with the uuid `store`.
    pub fn new(disk: Arc<dyn Disk>, directory: impl Into<PathBuf>, store: Uuid, limits: CacheLimits) -> Arc<Self> {
        Arc::new(Self {
            store,
            files: Files::new(disk, directory, OPEN_FILES_MAX),
            parts: Parts::new(limits.parts_bytes),
            decoded_runs: DecodedRuns::new(limits.decoded_runs_bytes),
        })
    }

    /// Removes a segment's file, durably. The manifest must not name it any more. Readers that are in the middle of
    /// the file go on; those that begin afterwards find it gone.
    ///
    /// # Errors
    /// When the disk refuses; a file that is gone already is no error.
    pub fn remove(&self, id: SegmentId) -> Result<(), WriteError> {
        self.files.forget(id);
        let path = self.files.path(id);
        let io = |source| WriteError::Io { path: path.clone(), source };
        match self.files.disk().remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io(error)),
            _ => self.files.disk().sync_directory(self.files.directory()).map_err(io),
        }
    }

    /// Removes the files of segments that were never finished, and gives their names. For opening the store, before
    /// any segment is written.
    ///
    /// # Errors
    /// When the directory cannot be read or a file not removed.
    pub fn remove_partial(&self) -> Result<Vec<PathBuf>, WriteError> {
        let directory = self.files.directory();
        let io = |path: &Path| {
            let path = path.to_owned();
            |source| WriteError::Io { path, source }
        };
        let names = self.files.disk().list(directory).map_err(io(directory))?;
        let partial: Vec<PathBuf> =
            names.into_iter().filter(|name| SegmentId::from_partial_file_name(name).is_some()).collect();
        for name in &partial {
            let path = directory.join(name);
            self.files.disk().remove(&path).map_err(io(&path))?;
        }
        Ok(partial)
    }

    /// The sealed segments in the directory, in no order, and the names of files that are no segments. For comparing
    /// the directory with the manifest.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> io::Result<(Vec<SegmentId>, Vec<PathBuf>)> {
        let (mut sealed, mut strangers) = (Vec::new(), Vec::new());
        for name in self.files.disk().list(self.files.directory())? {
            match SegmentId::from_file_name(&name) {
                Some(id) => sealed.push(id),
                None => strangers.push(name),
            }
        }
        Ok((sealed, strangers))
    }

    /// The store's uuid.
    pub fn store(&self) -> Uuid {
        self.store
    }

    /// Where the sealed file of a segment lies.
    pub fn path(&self, id: SegmentId) -> PathBuf {
        self.files.path(id)
    }

    /// The same files, read without keeping anything.
    pub(crate) fn uncached(&self) -> Arc<Self> {
        let limits = CacheLimits { parts_bytes: 0, decoded_runs_bytes: 0 };
        Self::new(Arc::clone(self.files.disk()), self.files.directory(), self.store, limits)
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &**self.files.disk()
    }

    /// What is kept in memory, in bytes: parts of runs, and decoded runs.
    pub fn memory_bytes(&self) -> (u64, u64) {
        (self.parts.bytes(), self.decoded_runs.bytes() as u64)
    }

    /// The open file of a segment.
    pub(crate) fn file(&self, id: SegmentId) -> Result<Arc<dyn File>, ReadError> {
        self.files.get(id).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => {
                let expected = "the segment file that the manifest names";
                Damage::of_case(DamageCase::FileMissing, self.path(id), 0, expected, "no file").into()
            }
            _ => ReadError::Io { path: self.path(id), source },
        })
    }

    /// `length` bytes of a segment from `offset` on. The length was checked against a bound by the caller.
    pub(crate) fn read(&self, id: SegmentId, offset: u64, length: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        self.read_into(id, offset, length, &mut bytes)?;
        Ok(bytes)
    }

    /// As `read`, with the bytes in the place of what `bytes` held.
    pub(crate) fn read_into(
        &self,
        id: SegmentId,
        offset: u64,
        length: usize,
        bytes: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let file = self.file(id)?;
        let io = |source| ReadError::Io { path: self.path(id), source };
        let is_large = length > LARGE_READ_BYTES;
        if is_large && offset.saturating_add(length as u64) > file.length().map_err(io)? {
            return Err(self.ends_early(id, &*file, offset, length));
        }
        bytes.resize(length, 0);
        match file.read_at(bytes, offset) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.ends_early(id, &*file, offset, length))
            }
            Err(error) => Err(io(error)),
        }
    }

    fn ends_early(&self, id: SegmentId, file: &dyn File, offset: u64, length: usize) -> ReadError {
        let found = match file.length() {
            Ok(found) => format!("a file of {found} bytes"),
            Err(error) => format!("a file that ends before, of unknown length ({error})"),
        };
        Damage::of_case(DamageCase::FileTruncated, self.path(id), offset, format!("{length} bytes"), found).into()
    }
}

/// Before more than this is allocated for a read, the file's length is asked.
const LARGE_READ_BYTES: usize = 1024 * 1024;
