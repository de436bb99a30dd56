//! The operating system's disk.

use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Disk, File, Lock};

/// Files under one directory of the operating system.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// A disk whose relative paths start at `root`; the directory need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where relative paths start.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

#[derive(Debug)]
struct RealFile(fs::File);

#[derive(Debug)]
struct RealLock(fs::File);

impl Lock for RealLock {}

impl Drop for RealLock {
    /// Closing the file would not do: a process that is being started holds a copy of it until its program begins.
    fn drop(&mut self) {
        // Should it fail, the lock goes with the last copy of the file.
        let _ = self.0.unlock();
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RealFile(opened(fs::File::open(self.root.join(path)))?)))
    }

    fn open_writable(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RealFile(opened(OpenOptions::new().read(true).write(true).open(self.root.join(path)))?)))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let created = OpenOptions::new().read(true).write(true).create_new(true).open(self.root.join(path));
        Ok(Arc::new(RealFile(opened(created)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(self.root.join(directory))?.map(|entry| Ok(PathBuf::from(entry?.file_name()))).collect()
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(self.root.join(directory))
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        opened(fs::File::open(self.root.join(directory)))?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(self.root.join(path))?;
        locked(file.try_lock())?;
        Ok(Box::new(RealLock(file)))
    }

    fn lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let file = match fs::File::open(self.root.join(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        locked(file.try_lock_shared())?;
        Ok(Some(Box::new(RealLock(file))))
    }
}

/// Tells a want of file descriptors, which passes and has touched nothing, from a failure of the disk.
fn opened(result: io::Result<fs::File>) -> io::Result<fs::File> {
    /// Of the process, and of the system.
    const TOO_MANY_OPEN: [i32; 2] = [24, 23];
    result.map_err(|error| match error.raw_os_error() {
        Some(code) if TOO_MANY_OPEN.contains(&code) => {
            let advice = "no file descriptor is left, raise ulimit -n or LimitNOFILE";
            io::Error::new(io::ErrorKind::QuotaExceeded, format!("{advice}: {error}"))
        }
        _ => error,
    })
}

fn locked(result: Result<(), TryLockError>) -> io::Result<()> {
    result.map_err(|error| match error {
        TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        TryLockError::Error(error) => error,
    })
}

impl File for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_let_go_is_free_though_a_copy_of_its_file_is_open() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("LOCK");
        let file = fs::File::create(&path).expect("a file");
        file.try_lock().expect("free");
        let copy = file.try_clone().expect("a copy, as a child process has one");
        drop(RealLock(file));
        fs::File::open(&path).expect("there").try_lock().expect("free again");
        drop(copy);
    }
}
