//! A journal frame being filled: what will be committed together.

use annals_model::CommitTime;

use super::record::{BATCH, RECORD_HEADER_BYTES};
use crate::framed::FrameBuffer;

/// What is committed together, laid out as it will lie in the file. Made once and used again: it keeps its memory.
#[derive(Debug)]
pub struct JournalFrame {
    pub(super) buffer: FrameBuffer,
    holds_events: bool,
}

impl Default for JournalFrame {
    fn default() -> Self {
        Self::new()
    }
}

impl JournalFrame {
    /// An empty frame.
    pub fn new() -> Self {
        Self { buffer: FrameBuffer::new(), holds_events: false }
    }

    /// Empties the frame and keeps its memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.holds_events = false;
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.buffer.records() == 0
    }

    /// Bytes added so far, records' headers and rows among them: what the limit of a group counts.
    pub fn body_bytes(&self) -> usize {
        self.buffer.body_bytes()
    }

    /// Whether events were added. A frame without may use the space that is kept for removing things.
    pub fn holds_events(&self) -> bool {
        self.holds_events
    }

    pub(super) fn set_commit_time(&mut self, time: CommitTime) {
        self.buffer.set_commit_time(time);
    }

    /// Begins a record of this kind and length; as many bytes must follow.
    pub(super) fn begin(&mut self, kind: u8, length: usize) {
        self.holds_events |= kind == BATCH;
        self.buffer.begin_record();
        self.buffer.reserve(RECORD_HEADER_BYTES + length);
        let mut header = [kind; RECORD_HEADER_BYTES];
        let length = u32::try_from(length).expect("a record is a part of a request of 16 MiB");
        header[1..].copy_from_slice(&length.to_le_bytes());
        self.buffer.extend(&header);
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.buffer.extend(bytes);
    }
}
