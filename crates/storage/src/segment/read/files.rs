//! Open segment files, at most so many at a time.
//!
//! A file that is in use when it makes room for another stays open until its last user lets it go.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use crate::disk::{Disk, File};
use crate::segment::layout::id::SegmentId;
use crate::sync::{Mutex, MutexGuard};

/// Files that are held open. Half of the usual limit of 1,024 for a process, which sockets need as well.
pub(crate) const OPEN_FILES_MAX: usize = 512;

/// The segment files of a directory, opened when they are first read; the one that was not read for longest is closed
/// first.
#[derive(Debug)]
pub(crate) struct Files {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    open_max: usize,
    open: Mutex<OpenFiles>,
}

#[derive(Debug, Default)]
struct OpenFiles {
    by_id: HashMap<SegmentId, OpenFile>,
    /// Counts uses, to tell which file was used last.
    uses: u64,
}

#[derive(Debug)]
struct OpenFile {
    file: Arc<dyn File>,
    last_use: u64,
}

impl Files {
    /// The files of `directory`, of which at most `open_max`, and at least one, are held open.
    pub(crate) fn new(disk: Arc<dyn Disk>, directory: impl Into<PathBuf>, open_max: usize) -> Self {
        Self { disk, directory: directory.into(), open_max: open_max.max(1), open: Mutex::default() }
    }

    /// The disk that the files lie on.
    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// The directory that the files lie in.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the sealed file of a segment lies.
    pub(crate) fn path(&self, id: SegmentId) -> PathBuf {
        self.directory.join(id.file_name())
    }

    /// The file of a segment, open for reading.
    ///
    /// # Errors
    /// `NotFound` when it is not there, and whatever the operating system reports.
    pub(crate) fn get(&self, id: SegmentId) -> io::Result<Arc<dyn File>> {
        if let Some(file) = self.lock().get(id) {
            return Ok(file);
        }
        // Opened without the lock, so that a slow disk does not hold up readers of open files. Two readers may open
        // the same file at once; one of the two is kept.
        let file = self.disk.open(&self.path(id))?;
        self.lock().insert(id, Arc::clone(&file), self.open_max);
        Ok(file)
    }

    /// Closes the file of a segment that is to be removed.
    pub(crate) fn forget(&self, id: SegmentId) {
        self.lock().by_id.remove(&id);
    }

    /// How many files are held open.
    #[cfg(test)]
    fn open_count(&self) -> usize {
        self.lock().by_id.len()
    }

    fn lock(&self) -> MutexGuard<'_, OpenFiles> {
        // The map is whole between any two statements, so a reader that panicked left nothing half done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenFiles {
    fn get(&mut self, id: SegmentId) -> Option<Arc<dyn File>> {
        self.uses += 1;
        let open = self.by_id.get_mut(&id)?;
        open.last_use = self.uses;
        Some(Arc::clone(&open.file))
    }

    fn insert(&mut self, id: SegmentId, file: Arc<dyn File>, open_max: usize) {
        while self.by_id.len() >= open_max && !self.by_id.contains_key(&id) {
            let oldest = self.by_id.iter().min_by_key(|(_, open)| open.last_use).map(|(&id, _)| id);
            oldest.and_then(|oldest| self.by_id.remove(&oldest));
        }
        self.uses += 1;
        self.by_id.insert(id, OpenFile { file, last_use: self.uses });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn the_file_that_was_not_read_for_longest_is_closed_first() {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = Arc::new(RealDisk::new(directory.path()));
        let ids: Vec<SegmentId> = (0..4).map(SegmentId::new).collect();
        for id in &ids {
            disk.create(Path::new(&id.file_name())).expect("creates");
        }
        let files = Files::new(disk.clone(), "", 3);
        for &id in &ids[..3] {
            files.get(id).expect("is there");
        }
        files.get(ids[0]).expect("is open");
        files.get(ids[3]).expect("is there");
        assert_eq!(files.open_count(), 3);
        // A removed file can still be read by those who have it open; it shows which were held.
        for id in &ids {
            disk.remove(Path::new(&id.file_name())).expect("removes");
        }
        let held: Vec<bool> = ids.iter().map(|&id| files.get(id).is_ok()).collect();
        assert_eq!(held, [true, false, true, true]);
        files.forget(ids[0]);
        assert!(files.get(ids[0]).is_err());
    }
}
