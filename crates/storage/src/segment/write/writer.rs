//! Writes a segment: runs one after another into a file that gets its name once it is whole and durable.
//!
//! Until then it has a name that says it is partial. A crash, or a writer that is dropped, leaves such a file behind;
//! `Segments::remove_partial` clears it away when the store is opened.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals_model::{Sequence, Shard, TableId};
use uuid::Uuid;

use crate::digest::Digest;
use crate::disk::{Disk, File};
use crate::segment::layout::batches::Batch;
use crate::segment::layout::compression::Compression;
use crate::segment::layout::error::{RunFault, WriteError};
use crate::segment::layout::footer::{self, Owner};
use crate::segment::layout::format::Features;
use crate::segment::layout::id::SegmentId;
use crate::segment::layout::page::{PageEncoder, PageKind, PagePlace};
use crate::segment::layout::summary::{RunSummary, SegmentSummary};
use crate::segment::read::segments::Segments;

/// Bytes are handed to the operating system in pieces of this size.
const WRITE_BYTES: usize = 1024 * 1024;

/// What a run is, before its rows.
#[derive(Clone, Copy, Debug)]
pub struct RunSpec<'a> {
    /// The table.
    pub table: TableId,
    /// The shard.
    pub shard: Shard,
    /// The first sequence; the first batch begins with it.
    pub first: Sequence,
    /// The last sequence; every one from the first to this has a row.
    pub last: Sequence,
    /// The batches, whole, by sequence.
    pub batches: &'a [Batch],
}

/// A segment that is being written.
pub struct Writer {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    owner: Owner,
    path: PathBuf,
    file: Arc<dyn File>,
    /// What was written to the file, in bytes.
    written: u64,
    /// What follows it.
    pending: Vec<u8>,
    pages: PageEncoder,
    runs: Vec<RunSummary>,
    run_is_open: bool,
}

impl Segments {
    /// Begins to write a segment.
    ///
    /// # Errors
    /// When its file cannot be made.
    pub fn create(&self, id: SegmentId) -> Result<Writer, WriteError> {
        Writer::create(Arc::clone(self.files.disk()), self.files.directory(), self.store(), id)
    }
}

impl Writer {
    /// Makes the partial file of segment `id` in `directory`, for the store with the uuid `store`.
    ///
    /// # Errors
    /// When the file cannot be made; `AlreadyExists` when a partial one was not cleared away.
    pub fn create(disk: Arc<dyn Disk>, directory: &Path, store: Uuid, id: SegmentId) -> Result<Self, WriteError> {
        let path = directory.join(id.partial_file_name());
        let io = |source| WriteError::Io { path: path.clone(), source };
        let file = disk.create(&path).map_err(io)?;
        let owner = Owner { features: Features::WRITTEN, store, id };
        let pages = PageEncoder::new().map_err(io)?;
        let mut pending = Vec::with_capacity(WRITE_BYTES + WRITE_BYTES / 4);
        pending.extend_from_slice(&footer::encode_header(&owner));
        Ok(Self {
            disk,
            directory: directory.to_owned(),
            owner,
            path,
            file,
            written: 0,
            pending,
            pages,
            runs: Vec::new(),
            run_is_open: false,
        })
    }

    /// Compresses the pages that follow in this way; without it, fast.
    ///
    /// # Errors
    /// When zstd refuses, for want of memory.
    pub fn set_compression(&mut self, compression: Compression) -> Result<(), WriteError> {
        self.pages.set_compression(compression).map_err(|source| WriteError::Io { path: self.path.clone(), source })
    }

    /// The segment's id.
    pub fn id(&self) -> SegmentId {
        self.owner.id
    }

    /// What the file holds so far, in bytes.
    pub fn length(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    /// Seals the segment: writes the footer, syncs the file, gives it its name, syncs the directory. Once this
    /// returned the manifest may name the segment.
    ///
    /// # Errors
    /// When there is no run, or one was not finished; when the disk refuses. Nothing is known of the file then.
    pub fn finish(mut self) -> Result<SegmentSummary, WriteError> {
        self.check_no_open_run()?;
        if self.runs.is_empty() {
            return Err(RunFault::NoRuns.into());
        }
        let footer_offset = self.length();
        let footer = footer::encode_footer(&self.owner, &self.runs, footer_offset);
        self.pending.extend_from_slice(&footer);
        self.write_pending()?;
        self.file.sync().map_err(|source| self.io(source))?;
        let sealed = self.directory.join(self.owner.id.file_name());
        self.disk.rename(&self.path, &sealed).map_err(|source| self.io(source))?;
        self.disk.sync_directory(&self.directory).map_err(|source| self.io(source))?;
        Ok(SegmentSummary {
            id: self.owner.id,
            file_length: self.written,
            footer_offset,
            footer_length: footer.len() as u64,
            footer_digest: Digest::of(&footer),
            runs: self.runs,
        })
    }

    /// Removes the partial file.
    ///
    /// # Errors
    /// When the disk refuses; opening the store clears the file away then.
    pub fn abandon(self) -> Result<(), WriteError> {
        self.disk.remove(&self.path).map_err(|source| self.io(source))
    }

    /// The salt of the next run that is written, not copied: no other run of the store has it.
    pub(crate) fn next_salt(&self) -> u64 {
        let mut hash = blake3::Hasher::new_derive_key("annals segment run salt v1");
        hash.update(self.owner.store.as_bytes());
        hash.update(&self.owner.id.get().to_le_bytes());
        hash.update(&(self.runs.len() as u64).to_le_bytes());
        let hash = hash.finalize();
        u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes"))
    }

    pub(crate) fn set_run_open(&mut self) {
        self.run_is_open = true;
    }

    /// Adds the run that was begun last.
    pub(crate) fn close_run(&mut self, summary: RunSummary) {
        self.run_is_open = false;
        self.runs.push(summary);
    }

    /// Adds a page of the run that begins at `run_offset`.
    pub(crate) fn put_page(
        &mut self,
        kind: PageKind,
        salt: u64,
        run_offset: u64,
        content: &[u8],
    ) -> Result<PagePlace, WriteError> {
        let offset = self.length() - run_offset;
        let page = self.pages.encode_into(&mut self.pending, kind, salt, offset, content);
        let page = page.map_err(|source| self.io(source))?;
        self.write_when_full()?;
        Ok(page)
    }

    /// Adds bytes that are no page.
    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.pending.extend_from_slice(bytes);
        self.write_when_full()
    }

    fn write_when_full(&mut self) -> Result<(), WriteError> {
        if self.pending.len() >= WRITE_BYTES { self.write_pending() } else { Ok(()) }
    }

    fn write_pending(&mut self) -> Result<(), WriteError> {
        self.file.write_at(&self.pending, self.written).map_err(|source| self.io(source))?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    pub(crate) fn check_no_open_run(&self) -> Result<(), RunFault> {
        if self.run_is_open { Err(RunFault::Unfinished) } else { Ok(()) }
    }

    fn io(&self, source: io::Error) -> WriteError {
        WriteError::Io { path: self.path.clone(), source }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("path", &self.path).field("runs", &self.runs.len()).finish_non_exhaustive()
    }
}
