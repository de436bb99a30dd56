//! The commit thread: it owns the journal, and everything that is stored goes through it.
//!
//! It takes all that waits, up to a bound, as one group: checks it, gives out sequences, writes it as one frame and has
//! that synced by another thread. Meanwhile it adds the group to the memtables, unseen, and fills the next frame. Then
//! it publishes the heads, answers, wakes, and writes the next. One frame is under way at a time, so that a torn frame
//! is always the last. A small frame it syncs by itself: its answer does not wait for two more threads to wake.
//!
//! While memory is short, appends wait for it, and nothing else does: who holds the memory may hold it for long, and what
//! makes tables, drops them or has memory written costs none worth speaking of.
//!
//! A full disk refuses a group and is tried again with the next. A failed sync is final: what was under way is answered
//! `Unknown`, everything after it `ReadOnly`.
//!
//! Promises: an answered append was synced; sequences are dense; a refused append leaves nothing.
//!
//! Does not: read segments, or wait for readers.

mod committer;
mod group;
mod handle;
mod plan;
mod request;
mod sync_thread;

pub(crate) use committer::{CommitStart, Committer, Ended};
pub(crate) use handle::CommitHandle;
pub(crate) use request::Change;
