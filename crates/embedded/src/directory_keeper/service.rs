//! The directory as readers get it: there, or not at the moment.

use std::sync::{Arc, PoisonError};

use annals_storage::directory::{Directory, DirectoryError};

use crate::sync::RwLock;

/// Holds the directory while it can be used.
#[derive(Debug, Default)]
pub(crate) struct DirectoryService(RwLock<Current>);

#[derive(Debug, Default)]
struct Current {
    directory: Option<Arc<Directory>>,
    is_broken: bool,
}

impl DirectoryService {
    /// The directory; none while there is none that can be used. Readers then do without.
    pub(crate) fn get(&self) -> Option<Arc<Directory>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).directory.clone()
    }

    /// Gives out a directory from now on.
    pub(super) fn put(&self, directory: Arc<Directory>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) =
            Current { directory: Some(directory), is_broken: false };
    }

    /// Gives out none any more, since the present one failed. The keeper makes it again.
    pub(crate) fn report_broken(&self, error: &DirectoryError) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if current.directory.take().is_some() {
            tracing::warn!("{error}; it is removed and made again from the segments, meanwhile lists take longer");
            current.is_broken = true;
        }
    }

    /// Gives out none any more: the store closes.
    pub(super) fn take_away(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).directory = None;
    }

    /// Whether the directory is to be removed and made again.
    pub(super) fn is_broken(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_broken
    }
}
