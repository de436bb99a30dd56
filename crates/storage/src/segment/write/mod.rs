//! Writes segments: run by run, merged from runs, or joined from whole ones.
//!
//! Promises: a segment has its name only once it is whole and durable. Does not: tell the manifest.

pub(crate) mod join;
pub(crate) mod merge;
pub(crate) mod run_writer;
pub(crate) mod writer;
