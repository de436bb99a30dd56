//! Segments: sealed files of sorted runs.
//!
//! A run holds a closed range of one shard's sequences, sorted by (token, key, event time, sequence), in compressed
//! pages under an index, with a permutation that gives the same rows in arrival order. A segment is a list of runs.
//! Sealed files never change. The bytes are described in `FORMAT.md`.

mod fields;
mod id;
mod summary;

pub use id::SegmentId;
pub use summary::{RunSummary, SegmentSummary};
