//! The journal's files as such: making them ahead, giving them up, and using them again.
//!
//! Shared by the thread that owns the journal, which takes the next file, and one in the background, which makes spares
//! and releases what is no longer needed. A file that is given up becomes a spare under a name of its own before it
//! gets its next number, so that its old name stays until nothing needs it and its bytes are not touched before.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use crate::disk::{Disk, File};
use crate::framed::{preallocate, remove_if_there};
use crate::layout::{self, FileNumber};
use crate::sync::{Mutex, MutexGuard};

/// The journal's files. See the module.
#[derive(Debug)]
pub struct JournalFiles {
    disk: Arc<dyn Disk>,
    file_bytes: u64,
    spares_max: usize,
    names: Mutex<Names>,
    /// Held while a spare is made, so that two threads do not make the same one.
    making: Mutex<()>,
}

#[derive(Debug)]
struct Names {
    live: BTreeSet<FileNumber>,
    spares: Vec<PathBuf>,
    next_spare: u64,
}

impl JournalFiles {
    /// The files that recovery found. Spares of another length, and more of them than wanted, are removed.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        file_bytes: u64,
        spares_max: usize,
        live: impl IntoIterator<Item = FileNumber>,
    ) -> io::Result<Self> {
        let directory = Path::new(layout::JOURNAL);
        remove_if_there(&*disk, &directory.join(layout::SPARE_UNFINISHED))?;
        let (mut spares, mut next_spare) = (Vec::new(), 0);
        for name in disk.list(directory)? {
            let Some(index) = layout::number_in_name(&name, "spare") else { continue };
            let path = layout::spare_file(layout::JOURNAL, index);
            next_spare = next_spare.max(index + 1);
            if spares.len() < spares_max && disk.open(&path)?.length()? == file_bytes {
                spares.push(path);
            } else {
                disk.remove(&path)?;
            }
        }
        let names = Names { live: live.into_iter().collect(), spares, next_spare };
        Ok(Self { disk, file_bytes, spares_max, names: Mutex::new(names), making: Mutex::new(()) })
    }

    /// Bytes of each file.
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

    /// Whether a file is ready to become the next one.
    pub fn has_spare(&self) -> bool {
        !self.names().spares.is_empty()
    }

    /// Makes a spare if there is none. Takes as long as writing a file's length to disk: not for the thread that owns
    /// the journal, which does it itself only when it has no other choice.
    ///
    /// # Errors
    /// `StorageFull` when there is no space; it can be tried again.
    pub fn prepare_spare(&self) -> io::Result<()> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has_spare() {
            return Ok(());
        }
        let path = self.new_spare_path();
        preallocate(&*self.disk, Path::new(layout::JOURNAL), &path, self.file_bytes)?;
        self.names().spares.push(path);
        Ok(())
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
        let is_like_new = self.disk.open(&path)?.length()? == self.file_bytes;
        let mut names = self.names();
        if is_like_new && names.spares.len() < self.spares_max {
            let spare = Self::spare_path(&mut names);
            self.disk.rename(&path, &spare)?;
            names.spares.push(spare);
        } else {
            self.disk.remove(&path)?;
        }
        names.live.remove(&number);
        Ok(())
    }

    /// Gives file `number`, of which no byte was written in this life; its name is durable.
    pub(super) fn take(&self, number: FileNumber) -> io::Result<Arc<dyn File>> {
        let path = layout::journal_file(number);
        if !self.has_spare() {
            self.prepare_spare()?;
        }
        let spare = self.names().spares.pop().ok_or_else(|| io::Error::other("the spare was taken by another"))?;
        self.disk.rename(&spare, &path)?;
        self.disk.sync_directory(Path::new(layout::JOURNAL))?;
        let file = self.disk.open_writable(&path)?;
        self.names().live.insert(number);
        Ok(file)
    }

    fn new_spare_path(&self) -> PathBuf {
        Self::spare_path(&mut self.names())
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
