//! What can go wrong while the manifest is written.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why edits were not stored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ManifestError {
    /// There is no space. Nothing of the edits is stored; they can be tried again.
    #[error("the disk is full: {0}")]
    Full(Arc<io::Error>),
    /// The edits do not fit what the store consists of: a mistake of the caller. Nothing of them is stored.
    #[error("these edits do not fit the store: {0}")]
    Refused(String),
    /// Final: whether the last edits are stored is not known until the store is opened again.
    #[error("{path}: {source}; the manifest takes nothing more until the store is opened again", path = .path.display())]
    Failed {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
}

impl From<ManifestError> for io::Error {
    fn from(error: ManifestError) -> Self {
        let kind = match &error {
            ManifestError::Full(_) => io::ErrorKind::StorageFull,
            ManifestError::Refused(_) => io::ErrorKind::InvalidInput,
            ManifestError::Failed { source, .. } => source.kind(),
        };
        Self::new(kind, error)
    }
}
