//! What all memtables of a node cost in memory.

use std::sync::Arc;

use crate::sync::{AtomicU64, Ordering, Receiver, Sender, bounded};

/// Counts the memory of memtables, also of those that were flushed and that a reader still holds, and tells when some is
/// given back: that is when the last who holds a memtable lets it go, which may be long after its flush.
#[derive(Debug)]
pub(crate) struct MemoryGauge {
    bytes: AtomicU64,
    given_back: (Sender<()>, Receiver<()>),
}

/// The part of one memtable; given back when it is dropped.
#[derive(Debug)]
pub(super) struct MemoryShare {
    gauge: Arc<MemoryGauge>,
    bytes: AtomicU64,
}

impl Default for MemoryGauge {
    fn default() -> Self {
        Self { bytes: AtomicU64::new(0), given_back: bounded(1) }
    }
}

impl MemoryGauge {
    /// Bytes of all memtables together.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Where whoever waits for memory hears that some was given back since it last looked.
    pub(crate) fn given_back(&self) -> &Receiver<()> {
        &self.given_back.1
    }
}

impl MemoryShare {
    pub(super) fn new(gauge: Arc<MemoryGauge>) -> Self {
        Self { gauge, bytes: AtomicU64::new(0) }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn grow(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.gauge.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.gauge.bytes.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
        // Full: it was told already and has not looked yet.
        let _ = self.gauge.given_back.0.try_send(());
    }
}
