//! Opening the directory, on a thread of its own: sled can take long, and nothing waits for it.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use annals_storage::directory::{Directory, DirectoryError};
use crossbeam::channel::{Receiver, bounded};

/// Whether what lies there is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Present {
    /// It is opened; if it cannot be, it is made again.
    Keep,
    /// It is removed first.
    Remove,
}

/// A directory that is being opened.
#[derive(Debug)]
pub(super) struct Opening(Receiver<Result<Directory, DirectoryError>>);

impl Opening {
    /// Begins to open the directory in `path` of the store `store`, to keep some `cache_bytes` of it in memory.
    pub(super) fn begin(path: PathBuf, store: [u8; 16], cache_bytes: u64, present: Present) -> std::io::Result<Self> {
        let (sender, receiver) = bounded(1);
        thread::Builder::new().name("annals-directory".into()).spawn(move || {
            // Nobody waits any more if the store was closed meanwhile.
            drop(sender.send(open(&path, store, cache_bytes, present)));
        })?;
        Ok(Self(receiver))
    }

    /// Waits until it is done, at most so long, and closes what was opened.
    pub(super) fn abandon(&self, wait_max: Duration) {
        if self.0.recv_timeout(wait_max).is_err() {
            tracing::warn!("the directory is still being opened; it is left to itself");
        }
    }

    /// What came of it; none as long as it is not done.
    pub(super) fn poll(&self) -> Option<Result<Directory, DirectoryError>> {
        self.0.try_recv().ok()
    }
}

fn open(path: &Path, store: [u8; 16], cache_bytes: u64, present: Present) -> Result<Directory, DirectoryError> {
    if present == Present::Keep {
        match Directory::open(path, store, cache_bytes) {
            Err(error) => tracing::warn!("{error}; it is removed and made again from the segments"),
            opened => return opened,
        }
    }
    Directory::remove(path)?;
    Directory::open(path, store, cache_bytes)
}
