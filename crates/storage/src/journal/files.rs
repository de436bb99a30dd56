//! The journal's files as such: making them ahead, giving them up, and using them again.
//!
//! Shared by the thread that owns the journal, which takes the next file, and one in the background, which makes spares
//! and releases what is no longer needed. A file that is given up becomes a spare under a name of its own before it
//! gets its next number, so that its old name stays until nothing needs it and its bytes are not touched before.
//!
//! Files have one of two lengths. A store begins with a short one, and keeps a short one ready, the reserve: with it a
//! store opens and tables are dropped on a full disk. A long one is made once there is something to write into it, and
//! given back after a silence, so that many stores that hold little do not take much.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::JournalOptions;
use crate::disk::{Disk, File};
use crate::framed::{preallocate, remove_if_there};
use crate::layout::{self, FileNumber};
use crate::sync::{Mutex, MutexGuard};

/// What a file is begun for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The store is opened: a short file does, as long as no long one is there.
    Opening,
    /// A frame with events, or one that is too long for a short file.
    Long,
    /// A frame without events, which is written on a full disk too.
    State,
}

/// The journal's files. See the module.
#[derive(Debug)]
pub struct JournalFiles {
    disk: Arc<dyn Disk>,
    file_bytes: u64,
    short_bytes: u64,
    spares_max: usize,
    names: Mutex<Names>,
    /// Held while a spare is made, so that two threads do not make the same one.
    making: Mutex<()>,
}

#[derive(Debug)]
struct Names {
    live: BTreeSet<FileNumber>,
    spares: Vec<PathBuf>,
    /// A short file.
    reserve: Option<PathBuf>,
    next_spare: u64,
}

impl JournalFiles {
    /// The files that recovery found. Spares of another length, and more of them than wanted, are removed.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        JournalOptions { file_bytes, short_file_bytes: short_bytes, spare_files_max: spares_max }: JournalOptions,
        live: impl IntoIterator<Item = FileNumber>,
    ) -> io::Result<Self> {
        let directory = Path::new(layout::JOURNAL);
        remove_if_there(&*disk, &directory.join(layout::SPARE_UNFINISHED))?;
        let (mut spares, mut reserve, mut next_spare) = (Vec::new(), None, 0);
        for name in disk.list(directory)? {
            let Some(index) = layout::number_in_name(&name, "spare") else { continue };
            let path = layout::spare_file(layout::JOURNAL, index);
            next_spare = next_spare.max(index + 1);
            let length = disk.open(&path)?.length()?;
            if length == file_bytes && spares.len() < spares_max {
                spares.push(path);
            } else if length == short_bytes && reserve.is_none() {
                reserve = Some(path);
            } else {
                disk.remove(&path)?;
            }
        }
        let names = Names { live: live.into_iter().collect(), spares, reserve, next_spare };
        Ok(Self { disk, file_bytes, short_bytes, spares_max, names: Mutex::new(names), making: Mutex::new(()) })
    }

    /// Bytes of a long file.
    pub(super) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// The oldest file that was not released.
    pub fn first(&self) -> Option<FileNumber> {
        self.names().live.first().copied()
    }

    /// How many files were not released; spares are not counted.
    pub fn count(&self) -> usize {
        self.names().live.len()
    }

    /// Whether a long file is ready to become the next one.
    pub fn has_spare(&self) -> bool {
        !self.names().spares.is_empty()
    }

    /// Makes a long spare if there is none. Takes as long as writing a file's length to disk: not for the thread that owns
    /// the journal, which does it itself only when it has no other choice.
    ///
    /// # Errors
    /// `StorageFull` when there is no space; it can be tried again.
    pub fn prepare_spare(&self) -> io::Result<()> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has_spare() {
            return Ok(());
        }
        let path = self.make(self.file_bytes)?;
        self.names().spares.push(path);
        Ok(())
    }

    /// Makes the reserve, unless it or a spare is there.
    ///
    /// # Errors
    /// As [`prepare_spare`](Self::prepare_spare).
    pub fn prepare_reserve(&self) -> io::Result<()> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has_spare() {
            return Ok(());
        }
        self.make_reserve()
    }

    /// Gives the spares back to the file system; what stays is the reserve. Tells how many went.
    ///
    /// # Errors
    /// Whatever the operating system reports. If there is no space for a reserve, one spare stays in its place.
    pub fn give_back(&self) -> io::Result<usize> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        // All but one at first: on a full disk they make the room that the reserve needs.
        let given_back = self.remove_spares(1)?;
        if !self.has_spare() {
            return Ok(given_back);
        }
        self.make_reserve()?;
        Ok(given_back + self.remove_spares(0)?)
    }

    fn remove_spares(&self, kept: usize) -> io::Result<usize> {
        let mut removed = 0;
        loop {
            let spare = {
                let mut names = self.names();
                if names.spares.len() > kept { names.spares.pop() } else { None }
            };
            let Some(spare) = spare else { return Ok(removed) };
            remove_if_there(&*self.disk, &spare)?;
            removed += 1;
        }
    }

    fn make_reserve(&self) -> io::Result<()> {
        if self.names().reserve.is_none() {
            let path = self.make(self.short_bytes)?;
            self.names().reserve = Some(path);
        }
        Ok(())
    }

    /// Makes a file of this length under a spare's name; `making` is held.
    fn make(&self, length: u64) -> io::Result<PathBuf> {
        let path = Self::spare_path(&mut self.names());
        preallocate(&*self.disk, Path::new(layout::JOURNAL), &path, length)?;
        Ok(path)
    }

    /// Gives up all files before `first`. The manifest must say durably that they are no longer needed. Some become
    /// spares, the others are removed. Tells how many were given up.
    ///
    /// # Errors
    /// Whatever the operating system reports. What was not given up is by the next call, or when the store is opened.
    pub fn release_before(&self, first: FileNumber) -> io::Result<usize> {
        let mut released = 0;
        while let Some(number) = self.first().filter(|&oldest| oldest < first) {
            self.release(number)?;
            released += 1;
        }
        if released > 0 {
            self.disk.sync_directory(Path::new(layout::JOURNAL))?;
        }
        Ok(released)
    }

    fn release(&self, number: FileNumber) -> io::Result<()> {
        let path = layout::journal_file(number);
        let length = self.disk.open(&path)?.length()?;
        let mut names = self.names();
        if length == self.file_bytes && names.spares.len() < self.spares_max {
            let spare = Self::spare_path(&mut names);
            self.disk.rename(&path, &spare)?;
            names.spares.push(spare);
        } else if length == self.short_bytes && names.reserve.is_none() {
            let spare = Self::spare_path(&mut names);
            self.disk.rename(&path, &spare)?;
            names.reserve = Some(spare);
        } else {
            self.disk.remove(&path)?;
        }
        names.live.remove(&number);
        Ok(())
    }

    /// Gives file `number`, of which no byte was written in this life; its name is durable.
    pub(super) fn take(&self, number: FileNumber, purpose: Purpose) -> io::Result<Arc<dyn File>> {
        let path = layout::journal_file(number);
        let spare = self.take_spare(purpose)?;
        self.disk.rename(&spare, &path)?;
        self.disk.sync_directory(Path::new(layout::JOURNAL))?;
        let file = self.disk.open_writable(&path)?;
        self.names().live.insert(number);
        Ok(file)
    }

    fn take_spare(&self, purpose: Purpose) -> io::Result<PathBuf> {
        // Again only if a spare was given back between the two steps: once for each silence.
        loop {
            if let Some(spare) = self.names().spares.pop() {
                return Ok(spare);
            }
            match purpose {
                Purpose::Opening => {
                    self.prepare_reserve()?;
                    if let Some(short) = self.names().reserve.take() {
                        return Ok(short);
                    }
                }
                Purpose::Long => self.prepare_spare()?,
                Purpose::State => {
                    if let Err(error) = self.prepare_spare() {
                        let reserve = if is_no_space(&error) { self.names().reserve.take() } else { None };
                        return reserve.ok_or(error);
                    }
                }
            }
        }
    }

    fn spare_path(names: &mut Names) -> PathBuf {
        let path = layout::spare_file(layout::JOURNAL, names.next_spare);
        names.next_spare += 1;
        path
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error says that there is no space, which can pass.
pub(super) fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
