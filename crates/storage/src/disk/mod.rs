//! The disk, as far as the store needs one: whole directories of files that are read and written at offsets.
//!
//! Everything that touches a file goes through these two traits, so that the real disk, a disk in memory and one that
//! tears, lies and fills up pass the same suite. Nothing here buffers: a write that returned is in the operating
//! system's hands, and survives a killed process; only a sync makes it survive the loss of power.
//!
//! What a sync covers: [`File::sync`] the file's bytes and length; [`Disk::sync_directory`] the names in a directory
//! (made, renamed, removed). A new file needs both before anything may refer to it.
//!
//! Promises: what a sync that returned covers is there after a loss of power.
//!
//! Does not: buffer, retry, or know what is in a file.

mod real;

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use real::RealDisk;

/// A tree of files. Paths are relative to the store's own directory, or absolute where a caller chose so.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// `NotFound` when it is not there, and whatever the operating system reports.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// As `open`.
    fn open_writable(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Makes an empty file for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Gives a file another name, over the one that has it. Atomic; durable once the directory is synced.
    ///
    /// # Errors
    /// Whatever the operating system reports.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound` when it is not there.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, in no order.
    ///
    /// # Errors
    /// `NotFound` when it is not there.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;

    /// Makes a directory and those above it; one that is there is left.
    ///
    /// # Errors
    /// Whatever the operating system reports.
    fn create_directory(&self, directory: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// Final: what is durable is not known until the store is opened again.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;

    /// Takes the directory for this process alone, until the lock is dropped.
    ///
    /// # Errors
    /// `WouldBlock` when another process has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;

    /// Keeps those out who would `lock` the directory, until the lock is dropped; others may do the same. Writes nothing:
    /// none where there is no such file yet.
    ///
    /// # Errors
    /// `WouldBlock` when another process has locked the directory for itself.
    fn lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
}

/// A file, shared by those who read and write it.
pub trait File: Debug + Send + Sync {
    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`; the file grows as needed.
    ///
    /// # Errors
    /// `StorageFull` when there is no space. Part of the bytes may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// The file's length.
    ///
    /// # Errors
    /// Whatever the operating system reports.
    fn length(&self) -> io::Result<u64>;

    /// Makes the file's bytes and its length durable (`fdatasync`).
    ///
    /// # Errors
    /// Final: the file must not be synced again, since what it then reports means nothing.
    fn sync(&self) -> io::Result<()>;
}

/// Held while a process has a store open.
pub trait Lock: Debug + Send + Sync {}
