//! Compaction: fewer, larger runs and files.

mod policy;
