//! Changes of what the store consists of.

use crate::framed::Position;
use crate::layout::FileNumber;
use crate::segment::{SegmentId, SegmentSummary};
use crate::state::SnapshotPlace;

/// One change. Those that are appended together take effect together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Segments are part of the store from now on; their files are sealed and synced.
    SegmentsAdded(Vec<SegmentSummary>),
    /// Runs of a segment are not part of the store any more; the file stays while it has others.
    RunsRemoved {
        /// The segment.
        segment: SegmentId,
        /// Which of its runs, by their place in its summary.
        runs: Vec<u32>,
    },
    /// A segment is not part of the store any more; its file may go.
    SegmentRemoved {
        /// The segment.
        segment: SegmentId,
    },
    /// A journal file has its header and may hold frames from now on.
    JournalStarted {
        /// The file.
        file: FileNumber,
    },
    /// The journal was durable up to here: a journal that is shorter is an older copy.
    JournalReached {
        /// The end of a frame that was synced.
        position: Position,
    },
    /// Journal files before this one are not needed any more; they may go.
    JournalReleased {
        /// The oldest file that is still needed.
        first_needed: FileNumber,
    },
    /// The state up to a place of the journal is in a file of its own, which is synced.
    StateSnapshot(SnapshotPlace),
    /// The store was closed; the journal ends here, with a mark that names this edit.
    CleanClose {
        /// The end of the mark.
        position: Position,
    },
}

impl Edit {
    /// Whether the edit makes the store need more space. Such edits leave room for those that do not.
    pub(super) fn is_growth(&self) -> bool {
        matches!(self, Self::SegmentsAdded(_) | Self::StateSnapshot(_) | Self::JournalReached { .. })
    }
}
