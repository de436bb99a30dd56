//! A gate before the syncs of a disk: while it is shut, they wait, as on a disk that is slow without end.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The gate. It is open to begin with.
#[derive(Debug, Default)]
pub(super) struct Gate {
    is_shut: Mutex<bool>,
    opened: Condvar,
}

/// Syncs of files wait until this is dropped.
#[derive(Debug)]
pub struct HeldSyncs(Arc<Gate>);

impl Gate {
    /// Shuts the gate.
    pub(super) fn shut(self: &Arc<Self>) -> HeldSyncs {
        *self.lock() = true;
        HeldSyncs(Arc::clone(self))
    }

    /// Waits while the gate is shut.
    pub(super) fn pass(&self) {
        drop(self.opened.wait_while(self.lock(), |is_shut| *is_shut).unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_shut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HeldSyncs {
    fn drop(&mut self) {
        *self.0.lock() = false;
        self.0.opened.notify_all();
    }
}
