//! What can go wrong while the journal is written.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a frame was not written or not synced.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no space for the frame. Nothing of it is stored; the same frame can be written once there is space.
    #[error("the disk is full: {0}")]
    Full(Arc<io::Error>),
    /// A frame is longer than a reader would take. Nothing of it is stored.
    #[error("a frame of {bytes} bytes is longer than the {bytes_max} that a frame can have")]
    FrameTooLong {
        /// The frame's body.
        bytes: usize,
        /// The longest body.
        bytes_max: usize,
    },
    /// Final: what is stored of the last frame is not known until the store is opened again.
    #[error("{path}: {source}; the journal takes nothing more until the store is opened again", path = .path.display())]
    Failed {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
}

impl JournalError {
    /// Whether the journal takes nothing more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}
