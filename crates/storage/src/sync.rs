//! What threads wait for while they use the store's files together.
//!
//! The locks come from here, so that `tests/shuttle` can compile these files over shuttle's: a thread may then be held up
//! at any call that changes the disk, also while it holds one of them. What nobody waits for is not here.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
