//! What threads meet through where they hand something over: the heads and watches, the hand-off between commit and sync.
//!
//! These modules take their primitives from here, so that `tests/loom` can compile them over loom's, which try every
//! interleaving of the threads.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
pub(crate) use std::sync::{Mutex, MutexGuard};
pub(crate) use std::thread::{Builder, JoinHandle};

pub(crate) use crossbeam::channel::{Receiver, Sender, bounded};
pub(crate) use tokio::sync::Notify;
