//! What readers of heads meet committers through: locks, atomics and notifications.
//!
//! The contract takes these from here, so that `tests/loom` and `tests/shuttle` can compile its own files over others,
//! which try out how the threads' steps may interleave.

pub(crate) use std::collections::HashMap;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
pub(crate) use std::sync::{Mutex, MutexGuard};

pub(crate) use tokio::sync::Notify;
