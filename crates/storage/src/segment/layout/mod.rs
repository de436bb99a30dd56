//! What lies in a segment, byte for byte: pages and what they hold, indexes, summaries, footers. `FORMAT.md` describes them.
//!
//! Promises: what is decoded here was checked, or is refused with the place at which it is wrong. Does not: read or write
//! files, or keep anything.

pub(crate) mod batches;
pub(crate) mod block;
pub(crate) mod columns;
pub(crate) mod compression;
pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod footer;
pub(crate) mod format;
pub(crate) mod hours;
pub(crate) mod id;
pub(crate) mod key_filter;
pub(crate) mod page;
pub(crate) mod partitions;
pub(crate) mod permutation;
pub(crate) mod row;
pub(crate) mod row_index;
pub(crate) mod run_index;
pub(crate) mod run_limits;
pub(crate) mod section_table;
pub(crate) mod summary;
