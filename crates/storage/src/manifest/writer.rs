//! The manifest as those see it who change what the store consists of.

use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use super::messages::{encode_edits, encode_snapshot};
use super::{Edit, ManifestError, ManifestState, RecoveredManifest};
use crate::disk::{Disk, File};
use crate::framed::{
    BLOCK, FileHeader, FrameBuffer, FramedWriter, Kind, Position, Salts, preallocate, remove_if_there,
};
use crate::identity::StoreIdentity;
use crate::journal::RegisterFile;
use crate::layout::{self, FileNumber};
use crate::sync::{Mutex, MutexGuard};

/// How the manifest's files are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestOptions {
    /// Bytes of a file, in whole blocks of 4 KiB; more where a snapshot needs more.
    pub file_bytes: u64,
}

impl Default for ManifestOptions {
    /// 4 MiB: about a thousand edits between two snapshots.
    fn default() -> Self {
        Self { file_bytes: 4 * 1024 * 1024 }
    }
}

/// The manifest. Shared by all threads; edits are appended one group after another.
#[derive(Debug)]
pub struct Manifest {
    disk: Arc<dyn Disk>,
    identity: StoreIdentity,
    salts: Salts,
    options: ManifestOptions,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    writer: FramedWriter,
    frame: FrameBuffer,
    state: ManifestState,
    /// Parts of edits that found no space may lie where the next ones would go.
    must_roll: bool,
    failure: Option<ManifestError>,
}

/// One part in so many of a file is kept for edits that free space.
const RESERVE_PART: u64 = 4;

impl Manifest {
    /// Makes the manifest of a new store.
    ///
    /// # Errors
    /// Whatever the operating system reports.
    pub fn create(disk: &dyn Disk, identity: &StoreIdentity, options: ManifestOptions) -> io::Result<()> {
        let salts = Salts::new(identity, Kind::Manifest);
        let mut frame = FrameBuffer::new();
        let state = ManifestState::default();
        start_file(disk, identity, &salts, options, FileNumber::FIRST, None, &state, &mut frame)?;
        Ok(())
    }

    /// Starts the file after the one that recovery read, durably, with a snapshot of the whole.
    ///
    /// # Errors
    /// Whatever the operating system reports. The store can then be opened again.
    pub fn start(
        disk: Arc<dyn Disk>,
        identity: StoreIdentity,
        options: ManifestOptions,
        recovered: RecoveredManifest,
    ) -> io::Result<Self> {
        recovered.settle(&*disk)?;
        let salts = Salts::new(&identity, Kind::Manifest);
        let mut frame = FrameBuffer::new();
        let (number, end) = (recovered.end.file.next(), Some(recovered.end));
        let writer = start_file(&*disk, &identity, &salts, options, number, end, &recovered.state, &mut frame)?;
        let inner = Inner { writer, frame, state: recovered.state, must_roll: false, failure: None };
        let manifest = Self { disk, identity, salts, options, inner: Mutex::new(inner) };
        manifest.retire(recovered.end.file)?;
        Ok(manifest)
    }

    /// Appends edits that take effect together; durable when this returns. Gives the number of the last.
    ///
    /// # Errors
    /// Nothing of the edits is stored, but for `Failed`, which is final.
    pub fn append(&self, edits: &[Edit]) -> Result<u64, ManifestError> {
        let mut inner = self.lock();
        inner.state.check(edits).map_err(ManifestError::Refused)?;
        self.append_checked(&mut inner, edits)
    }

    /// Notes that the store is closed: `mark` writes and syncs the journal's mark, which names the number of the edit
    /// to come, and tells where the journal ends. No other edit comes between, so `mark` must not begin a journal file.
    ///
    /// # Errors
    /// As `append`, or what `mark` returns.
    pub(crate) fn close<E: From<ManifestError>>(&self, mark: impl FnOnce(u64) -> Result<Position, E>) -> Result<(), E> {
        let mut inner = self.lock();
        let position = mark(inner.state.next_edit)?;
        self.append_checked(&mut inner, &[Edit::CleanClose { position }])?;
        Ok(())
    }

    /// Looks at what the store consists of. `look` is short and appends nothing.
    pub fn read<R>(&self, look: impl FnOnce(&ManifestState) -> R) -> R {
        look(&self.lock().state)
    }

    fn append_checked(&self, inner: &mut Inner, edits: &[Edit]) -> Result<u64, ManifestError> {
        if let Some(failure) = &inner.failure {
            return Err(failure.clone());
        }
        fill(&mut inner.frame, &encode_edits(inner.state.next_edit, edits));
        let reserve = if edits.iter().any(Edit::is_growth) { self.options.file_bytes / RESERVE_PART } else { 0 };
        if inner.must_roll || inner.writer.remaining() < inner.frame.file_bytes() as u64 + reserve {
            self.roll(inner)?;
            fill(&mut inner.frame, &encode_edits(inner.state.next_edit, edits));
        }
        if let Err(error) = inner.writer.write(&mut inner.frame) {
            inner.must_roll = true;
            return Err(inner.refuse(error));
        }
        if let Err(error) = inner.writer.file().sync() {
            return Err(inner.fail(error));
        }
        inner.state.apply(edits);
        Ok(inner.state.next_edit - 1)
    }

    /// Goes on in a new file that begins with a snapshot. Where there is no space for one, the present file stays.
    fn roll(&self, inner: &mut Inner) -> Result<(), ManifestError> {
        let end = inner.writer.end();
        let number = end.file.next();
        let Inner { state, frame, .. } = inner;
        match start_file(&*self.disk, &self.identity, &self.salts, self.options, number, Some(end), state, frame) {
            Ok(writer) => {
                inner.writer = writer;
                inner.must_roll = false;
                self.retire(end.file).map_err(|error| inner.fail(error))
            }
            Err(error) => {
                // Were the file to come back with its snapshot, the edits to come would be lost behind it.
                let gone = remove_if_there(&*self.disk, &layout::manifest_file(number))
                    .and_then(|()| self.disk.sync_directory(Path::new(layout::MANIFEST)));
                match gone {
                    Ok(()) if is_full(&error) => Err(ManifestError::Full(Arc::new(error))),
                    Ok(()) => Err(inner.fail(error)),
                    Err(gone) => Err(inner.fail(gone)),
                }
            }
        }
    }

    /// Makes a file that was replaced the spare for the next one, so that a full disk does not stand in its way.
    fn retire(&self, number: FileNumber) -> io::Result<()> {
        let path = layout::manifest_file(number);
        let directory = Path::new(layout::MANIFEST);
        if self.disk.open(&path)?.length()? == self.options.file_bytes {
            self.disk.rename(&path, &layout::spare_file(layout::MANIFEST, 0))?;
        } else {
            self.disk.remove(&path)?;
        }
        self.disk.sync_directory(directory)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RegisterFile for Manifest {
    fn journal_started(&self, file: FileNumber) -> io::Result<()> {
        self.append(&[Edit::JournalStarted { file }])?;
        Ok(())
    }
}

impl Inner {
    /// Turns an error of a write into the manifest's: no space can pass, all else is final.
    fn refuse(&mut self, error: io::Error) -> ManifestError {
        if is_full(&error) { ManifestError::Full(Arc::new(error)) } else { self.fail(error) }
    }

    fn fail(&mut self, error: io::Error) -> ManifestError {
        let failed = ManifestError::Failed { path: self.writer.path().clone(), source: Arc::new(error) };
        self.failure.get_or_insert(failed).clone()
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn fill(frame: &mut FrameBuffer, body: &[u8]) {
    frame.clear();
    frame.begin_record();
    frame.extend(body);
}

/// Starts a file and writes its snapshot, both durable.
#[expect(clippy::too_many_arguments, reason = "what a manifest is made of, used when it is made and when it goes on")]
fn start_file(
    disk: &dyn Disk,
    identity: &StoreIdentity,
    salts: &Salts,
    options: ManifestOptions,
    number: FileNumber,
    predecessor: Option<Position>,
    state: &ManifestState,
    frame: &mut FrameBuffer,
) -> io::Result<FramedWriter> {
    fill(frame, &encode_snapshot(state));
    let path = layout::manifest_file(number);
    let needed = BLOCK + 2 * frame.file_bytes() as u64;
    let length = needed.max(options.file_bytes).next_multiple_of(options.file_bytes);
    let file = take_file(disk, &path, length)?;
    let header = FileHeader { kind: Kind::Manifest, store: identity.uuid, number, length, predecessor };
    let mut writer = FramedWriter::start(file, path, &header, salts)?;
    writer.write(frame)?;
    writer.file().sync()?;
    Ok(writer)
}

/// A file of this length under its durable name, of which no byte was written in this life.
fn take_file(disk: &dyn Disk, path: &Path, length: u64) -> io::Result<Arc<dyn File>> {
    let directory = Path::new(layout::MANIFEST);
    let spare = layout::spare_file(layout::MANIFEST, 0);
    let is_fit = match disk.open(&spare) {
        Ok(file) => file.length()? == length,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if !is_fit {
        return preallocate(disk, directory, path, length);
    }
    disk.rename(&spare, path)?;
    disk.sync_directory(directory)?;
    disk.open_writable(path)
}
