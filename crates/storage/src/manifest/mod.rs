//! The manifest: what the store consists of.
//!
//! A framed file of edits, numbered densely over all files, each frame of which holds edits that take effect together.
//! What an edit names exists and is synced first; what an edit takes away is removed only afterwards. Each file begins
//! with a snapshot of the whole, and is the manifest once that snapshot is synced; the file before is then removed, so
//! that a manifest that is lost is missed. Opening starts a new file, as the journal does.
//!
//! The manifest also holds what lets the store notice a file that was lost, or put back from an older copy: which
//! journal files were begun, how far the journal had come, and how the store was closed.
//!
//! Promises: edits of one frame take effect together or not at all, and a manifest that is lost or older than the store
//! is noticed.
//!
//! Does not: look into the segments that it names, or remove what it names no longer.

mod edit;
mod error;
mod messages;
mod recover;
mod state;
mod writer;

pub use edit::Edit;
pub use error::ManifestError;
pub(crate) use messages::check_body;
pub use recover::{RecoveredManifest, recover};
pub use state::{ManifestState, SegmentEntry};
pub use writer::{Manifest, ManifestOptions};
