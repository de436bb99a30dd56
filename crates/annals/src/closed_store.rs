//! A store's files, while no server has them: what `verify` and `inspect` work on. Nothing is written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals_storage::disk::{Disk, Lock, RealDisk};
use annals_storage::identity::StoreIdentity;
use annals_storage::store::{OpenError, lock_for_reading};
use anyhow::Context;

/// The files of a store that no other process has open for writing.
pub(crate) struct ClosedStore {
    /// The directory as it was given.
    pub(crate) directory: PathBuf,
    /// Its files.
    pub(crate) disk: Arc<dyn Disk>,
    /// Which store it is.
    pub(crate) identity: StoreIdentity,
    /// Keeps a server that writes out meanwhile; one that reads only may go on.
    _lock: Option<Box<dyn Lock>>,
}

impl ClosedStore {
    /// Finds the store in `directory` and keeps servers that write out of it.
    ///
    /// # Errors
    /// When there is no store, its identity is damaged, or a server has it open for writing.
    pub(crate) fn open(directory: &Path) -> anyhow::Result<Self> {
        let place = || format!("the store in {}", directory.display());
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(directory));
        let identity = StoreIdentity::load(&*disk).map_err(OpenError::from).with_context(place)?;
        let identity = identity.ok_or(OpenError::NoStore).with_context(place)?;
        let lock = lock_for_reading(&*disk).with_context(place)?;
        Ok(Self { directory: directory.to_owned(), disk, identity, _lock: lock })
    }
}
