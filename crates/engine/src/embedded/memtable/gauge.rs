//! What all memtables of a node cost in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the memory of memtables, also of those that were flushed and that a reader still holds.
#[derive(Debug, Default)]
pub(crate) struct MemoryGauge(AtomicU64);

/// The part of one memtable; given back when it is dropped.
#[derive(Debug)]
pub(super) struct MemoryShare {
    gauge: Arc<MemoryGauge>,
    bytes: AtomicU64,
}

impl MemoryGauge {
    /// Bytes of all memtables together.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
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
        self.gauge.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.gauge.0.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}
