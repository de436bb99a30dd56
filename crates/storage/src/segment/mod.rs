//! Segments: sealed files of sorted runs.
//!
//! A run holds a closed range of one shard's sequences, sorted by (token, key, event time, sequence), in compressed
//! pages under an index, with a permutation that gives the same rows in arrival order. A segment is a list of runs.
//! Sealed files never change. The bytes are described in `FORMAT.md`.

mod arrivals;
mod batches;
mod block;
mod columns;
mod compression;
mod cursor;
mod directory;
mod error;
mod fields;
mod file;
mod footer;
mod format;
mod hours;
mod id;
mod indexed_run;
mod inspect;
mod join;
mod key_filter;
mod merge;
mod page;
mod page_walk;
mod partition_cursor;
mod partitions;
mod permutation;
mod row;
mod row_index;
mod run;
mod run_writer;
mod segments;
mod summary;
mod tail;
mod verify;
mod writer;

pub use arrivals::Arrivals;
pub use batches::{Batch, BatchTable};
pub use block::Block;
pub use compression::Compression;
pub use cursor::{Cursor, Direction, ShownRow};
pub use error::{ReadError, RunFault, WriteError};
pub use file::SegmentFile;
pub use hours::Hours;
pub use id::SegmentId;
pub use indexed_run::IndexedRun;
pub use inspect::{RunInspection, SectionInspection, SegmentInspection};
pub use merge::{merge_groups, merge_runs};
pub use page::PageKind;
pub use partition_cursor::PartitionCursor;
pub use partitions::RunPartition;
pub use row::{Row, RowOrder, RowPosition, RowSpan};
pub use run::Run;
pub use run_writer::RunWriter;
pub use segments::Segments;
pub use summary::{RunSummary, SegmentSummary};
pub use verify::SegmentReport;
pub use writer::{RunSpec, Writer};

pub(crate) use arrivals::DecodedRun;
pub(crate) use partitions::Partitions;
pub(crate) use permutation::Permutation;
pub(crate) use tail::Tail;

/// Bytes of encoded events in one run. A flush closes a run before the batch that would pass this; since a request
/// is at most half of it, it always can. Arrival readers decode a run at a time, so this bounds what they hold.
pub const RUN_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Events of one run, so that what is kept for each event of a run stays small where events are.
pub const RUN_EVENTS_MAX: u32 = 1 << 20;

#[cfg(test)]
mod tests;
