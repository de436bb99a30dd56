//! Segments: sealed files of sorted runs.
//!
//! A run holds a closed range of one shard's sequences, sorted by (token, key, event time, sequence), in compressed
//! pages under an index, with a permutation that gives the same rows in arrival order. A segment is a list of runs.
//! Sealed files never change. The bytes are described in `FORMAT.md`.
//!
//! Four rooms, each of which knows only those before it: `layout` has what lies in a file, `read` reads it, `write` writes
//! it, `check` looks at all of it.
//!
//! Promises: a sealed file never changes, and what is read of one is what was written or an error that names the place.
//!
//! Does not: know which segments make up the store: the manifest does.

mod check;
mod layout;
mod read;
mod write;

pub use check::inspect::{RunInspection, SectionInspection, SegmentInspection};
pub use check::verify::SegmentReport;
pub use layout::batches::{Batch, BatchTable};
pub use layout::block::Block;
pub use layout::compression::Compression;
pub use layout::error::{ReadError, RunFault, WriteError};
pub use layout::hours::Hours;
pub use layout::id::SegmentId;
pub use layout::page::PageKind;
pub use layout::partitions::RunPartition;
pub use layout::row::{Row, RowOrder, RowPosition, RowSpan};
pub use layout::summary::{RunSummary, SegmentSummary};
pub use read::arrivals::Arrivals;
pub use read::cursor::{Cursor, Direction, ShownRow};
pub use read::file::SegmentFile;
pub use read::indexed_run::IndexedRun;
pub use read::partition_cursor::PartitionCursor;
pub use read::run::Run;
pub use read::segments::Segments;
pub use write::merge::{merge_groups, merge_runs};
pub use write::run_writer::RunWriter;
pub use write::writer::{RunSpec, Writer};

#[cfg(test)]
use read::decoded_run::DecodedRun;

pub use layout::run_limits::{RUN_BYTES_MAX, RUN_EVENTS_MAX};
pub use read::cache::{Access, CacheLimits};

#[cfg(test)]
mod tests;
