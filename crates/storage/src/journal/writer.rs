//! The journal as the thread that owns it sees it.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use annals_model::CommitTime;

use super::files::{Purpose, is_no_space};
use super::recover::Recovered;
use super::{JournalError, JournalFiles, JournalFrame};
use crate::disk::{Disk, File};
use crate::framed::{BLOCK, FileHeader, FramePlace, FramedWriter, Kind, Position, Salts};
use crate::identity::StoreIdentity;
use crate::layout::{self, FileNumber};

/// The longest of the space at a file's end that only frames without events may use, once there is no spare file.
const RESERVE_BYTES_MAX: u64 = 1024 * 1024;

/// How the journal's files are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// Bytes of a file; rounded up to whole blocks of 4 KiB. A frame that is longer makes its file longer.
    pub file_bytes: u64,
    /// Bytes of the file that a store begins with, and of the one that is kept ready for a full disk; rounded likewise,
    /// and no more than `file_bytes`.
    pub short_file_bytes: u64,
    /// Files that are kept to be used again. A steady load uses as many between two flushes.
    pub spare_files_max: usize,
}

impl Default for JournalOptions {
    /// 64 MiB: some ten of the largest groups, and little to read when the store is opened. Short files of 2 MiB: little
    /// for a store that holds nothing, and some thousands of small appends until a long one must be ready.
    fn default() -> Self {
        Self { file_bytes: 64 * 1024 * 1024, short_file_bytes: 2 * 1024 * 1024, spare_files_max: 4 }
    }
}

impl JournalOptions {
    fn in_blocks(self) -> Self {
        let file_bytes = self.file_bytes.next_multiple_of(BLOCK).max(2 * BLOCK);
        let short_file_bytes = self.short_file_bytes.next_multiple_of(BLOCK).clamp(2 * BLOCK, file_bytes);
        Self { file_bytes, short_file_bytes, ..self }
    }
}

/// Keeps, durably, which journal files were begun, so that a missing file is missed.
pub trait RegisterFile: Debug + Send + Sync {
    /// Notes that `file` has its header and will hold frames. Durable when it returns.
    ///
    /// # Errors
    /// Whatever the operating system reports; the file then takes no frame.
    fn journal_started(&self, file: FileNumber) -> io::Result<()>;
}

/// The journal. Belongs to one thread.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<dyn Disk>,
    identity: StoreIdentity,
    salts: Salts,
    files: Arc<JournalFiles>,
    register: Arc<dyn RegisterFile>,
    writer: FramedWriter,
    /// Parts of a frame that found no space may lie where the next one would go.
    must_roll: bool,
    duty: Arc<Duty>,
}

/// What the writer and whoever syncs share.
#[derive(Debug, Default)]
struct Duty {
    is_unsynced: AtomicBool,
    failure: OnceLock<JournalError>,
}

/// A frame that was written and must be synced before the next one is. May be taken to another thread.
#[derive(Debug)]
#[must_use = "a frame is durable once it was synced, and no other is written before"]
pub struct Unsynced {
    file: Arc<dyn File>,
    path: PathBuf,
    place: FramePlace,
    duty: Arc<Duty>,
}

impl Journal {
    /// Starts the file after those that recovery found, durably, or goes on with the newest if that holds nothing but its
    /// header. What recovery left to be done is done first: see [`Recovered`].
    ///
    /// # Errors
    /// Whatever the operating system reports. The store can then be opened again.
    pub fn start(
        disk: Arc<dyn Disk>,
        identity: StoreIdentity,
        options: JournalOptions,
        recovered: &Recovered,
        register: Arc<dyn RegisterFile>,
    ) -> io::Result<Self> {
        recovered.settle(&*disk)?;
        let options = options.in_blocks();
        let live = recovered.released.iter().chain(&recovered.files).copied();
        let files = JournalFiles::new(Arc::clone(&disk), options, live)?;
        if let Some(&first) = recovered.files.first() {
            files.release_before(first)?;
        }
        let salts = Salts::new(&identity, Kind::Journal);
        let (writer, is_named) = if let Some(header) = recovered.end.filter(|_| recovered.is_unused) {
            (go_on(&*disk, &salts, header)?, recovered.is_named)
        } else {
            let file = files.take(recovered.next_file, Purpose::Opening)?;
            (start_file(file, &identity, &salts, recovered.next_file, recovered.end)?, false)
        };
        if !is_named {
            register.journal_started(writer.number())?;
        }
        let files = Arc::new(files);
        Ok(Self { disk, identity, salts, files, register, writer, must_roll: false, duty: Arc::default() })
    }

    /// The files, for a thread in the background that makes spares and releases what is no longer needed.
    pub fn files(&self) -> &Arc<JournalFiles> {
        &self.files
    }

    /// The position after the last frame written.
    pub fn end(&self) -> Position {
        self.writer.end()
    }

    /// Does the work of sealing a frame ahead, for the place after the last one written; allowed while that one is
    /// synced. Adding to the frame or writing another first makes the work void, not wrong.
    pub fn seal(&self, frame: &mut JournalFrame, commit_time: CommitTime) {
        frame.set_commit_time(commit_time);
        if self.fits(frame) && frame.buffer.body_bytes() <= Kind::Journal.body_bytes_max() {
            self.writer.seal(&mut frame.buffer);
        }
    }

    /// Writes a frame that will be durable once what is returned was synced. Starts the next file if the frame does
    /// not fit into the present one; that waits for the disk.
    ///
    /// # Errors
    /// `Full` when there is no space: nothing is stored then. `Failed` is final.
    ///
    /// # Panics
    /// When the frame before was not synced, or the frame is empty: both are mistakes of the caller.
    pub fn write(&mut self, frame: &mut JournalFrame, commit_time: CommitTime) -> Result<Unsynced, JournalError> {
        if let Some(failure) = self.duty.failure.get() {
            return Err(failure.clone());
        }
        assert!(!self.duty.is_unsynced.load(Ordering::Acquire), "a frame is written once the one before is synced");
        assert!(!frame.is_empty(), "a frame holds at least one record");
        let (bytes, bytes_max) = (frame.body_bytes(), Kind::Journal.body_bytes_max());
        if bytes > bytes_max {
            return Err(JournalError::FrameTooLong { bytes, bytes_max });
        }
        frame.set_commit_time(commit_time);
        self.make_room(frame)?;
        match self.writer.write(&mut frame.buffer) {
            Ok(place) => {
                self.duty.is_unsynced.store(true, Ordering::Release);
                let (file, path) = (Arc::clone(self.writer.file()), self.writer.path().clone());
                Ok(Unsynced { file, path, place, duty: Arc::clone(&self.duty) })
            }
            Err(error) => {
                self.must_roll = true;
                Err(self.duty.refuse(self.writer.path(), error))
            }
        }
    }

    /// Whether it is time to make a spare: there is none, and a quarter of the present file is full.
    pub fn wants_spare(&self) -> bool {
        self.writer.end().offset >= self.writer.length() / 4 && !self.files.has_spare()
    }

    fn fits(&self, frame: &JournalFrame) -> bool {
        // A short file is not made longer while it is written to: that would be slow, and could find no space.
        let may_grow = self.writer.is_empty() && self.writer.length() >= self.files.file_bytes();
        !self.must_roll && (may_grow || frame.buffer.file_bytes() as u64 <= self.writer.remaining())
    }

    /// Sees to it that the next frame, if it is no longer than `frame`, goes into the present file.
    ///
    /// # Errors
    /// As `write`.
    pub(crate) fn make_room(&mut self, frame: &JournalFrame) -> Result<(), JournalError> {
        if let Some(failure) = self.duty.failure.get() {
            return Err(failure.clone());
        }
        let needed = frame.buffer.file_bytes() as u64;
        let reserve = RESERVE_BYTES_MAX.min(self.writer.length() / 8);
        let directory = Path::new(layout::JOURNAL);
        if frame.holds_events() && !self.files.has_spare() && self.writer.remaining() < needed + reserve {
            self.files.prepare_spare().map_err(|error| self.duty.refuse(directory, error))?;
        }
        if self.fits(frame) {
            return Ok(());
        }
        let number = self.writer.number().next();
        let purpose = if frame.holds_events() { Purpose::Long } else { Purpose::State };
        self.writer = (self.files.take(number, purpose))
            .and_then(|file| start_file(file, &self.identity, &self.salts, number, Some(self.writer.end())))
            .and_then(|writer| self.register.journal_started(number).map(|()| writer))
            .map_err(|error| self.duty.refuse(&layout::journal_file(number), error))?;
        self.must_roll = false;
        Ok(())
    }

    /// The disk that the journal lies on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }
}

fn start_file(
    file: Arc<dyn File>,
    identity: &StoreIdentity,
    salts: &Salts,
    number: FileNumber,
    predecessor: Option<Position>,
) -> io::Result<FramedWriter> {
    let length = file.length()?;
    let header = FileHeader { kind: Kind::Journal, store: identity.uuid, number, length, predecessor };
    FramedWriter::start(file, layout::journal_file(number), &header, salts)
}

/// Goes on with a file of which recovery found nothing but the header, and nothing torn anywhere behind it.
fn go_on(disk: &dyn Disk, salts: &Salts, header: Position) -> io::Result<FramedWriter> {
    let path = layout::journal_file(header.file);
    FramedWriter::after_header(disk.open_writable(&path)?, path, header, salts)
}

impl Duty {
    /// Turns an error into the journal's: no space can pass, all else is final.
    fn refuse(&self, path: &Path, error: io::Error) -> JournalError {
        let source = Arc::new(error);
        if is_no_space(&source) {
            return JournalError::Full(source);
        }
        let failed = JournalError::Failed { path: path.to_owned(), source };
        self.failure.get_or_init(|| failed).clone()
    }
}

impl Unsynced {
    /// Where the frame lies.
    pub fn place(&self) -> FramePlace {
        self.place
    }

    /// Makes the frame durable.
    ///
    /// # Errors
    /// Final: the file is never synced again, and the journal takes no more frames.
    pub fn sync(self) -> Result<FramePlace, JournalError> {
        match self.file.sync() {
            Ok(()) => {
                self.duty.is_unsynced.store(false, Ordering::Release);
                Ok(self.place)
            }
            Err(error) => {
                let failed = JournalError::Failed { path: self.path, source: Arc::new(error) };
                Err(self.duty.failure.get_or_init(|| failed).clone())
            }
        }
    }
}
