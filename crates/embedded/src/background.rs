//! The engine's threads, which it is worth nothing without: where one panics, the store takes no appends any more.
//!
//! Reads go on. Appends would else come to stand still, some time later and for no reason that anybody is told: memory
//! that is not flushed fills, journal files that are not given up pile up.

use std::io;
use std::sync::Arc;

use super::store::Store;
use crate::sync::{Builder, JoinHandle};
use annals_engine::ReadOnlyReason;

/// Has the store take no appends if it is dropped by a panic.
struct Guard {
    store: Arc<Store>,
    name: &'static str,
}

/// Starts a thread that works for the store.
///
/// # Errors
/// When the operating system refuses a thread.
pub(crate) fn start<T: Send + 'static>(
    store: &Arc<Store>,
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let guard = Guard { store: Arc::clone(store), name };
    Builder::new().name(format!("annals-{name}")).spawn(move || {
        let _guard = guard;
        work()
    })
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the {} thread panicked: the store takes no appends until it is opened again", self.name);
            self.store.set_read_only(ReadOnlyReason::Panicked(self.name.to_owned()));
            // The commit thread may wait for memory that nobody gives back now.
            self.store.backlog().note_look();
        }
    }
}
