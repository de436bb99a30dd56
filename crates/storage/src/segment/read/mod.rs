//! Reads segments: files that are held open, parts that are kept in memory, runs and cursors over them.
//!
//! Promises: a reader gets what was written or an error that names the place. Does not: write anything.

pub(crate) mod arrivals;
pub(crate) mod cache;
pub(crate) mod cursor;
pub(crate) mod decoded_run;
pub(crate) mod decoding;
pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod indexed_run;
pub(crate) mod partition_cursor;
pub(crate) mod run;
pub(crate) mod run_pages;
pub(crate) mod segments;
