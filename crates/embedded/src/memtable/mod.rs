//! A memtable: events of one shard that are durable in the journal, or about to be, and not yet in a segment.
//!
//! It answers two questions: what came after sequence N, and what does partition P hold between t0 and t1. The batches
//! are kept as they came; two indexes point into them. The commit thread alone adds, a batch at a time, and many read
//! beside it: entries are there before their group is durable, so every read says through which sequence it may see.
//!
//! A memtable is one run once it is flushed. It never loses an event: it is frozen, written to a segment, dropped whole.
//!
//! Promises: what was added is found in both orders, and nothing past the sequence through which a read may see.
//!
//! Does not: make anything durable, or decide when it is frozen.

mod arrived;
mod gauge;
mod key;
mod partition;
mod partitions;
mod read;
mod timeline;

use std::sync::{Arc, OnceLock, PoisonError};

use annals_model::{Sequence, Shard};
use annals_storage::layout::FileNumber;

pub(crate) use arrived::ArrivedBatch;
pub(crate) use gauge::MemoryGauge;
use gauge::MemoryShare;
use partitions::{Partitions, TokenOrder};

use crate::sync::{AtomicU64, Mutex, Ordering, RwLock, RwLockReadGuard};
pub(crate) use read::{PartitionPlace, PartitionSummary, TimelineRead};

/// Rows that are indexed under one hold of the lock, so that a batch of 100,000 events does not keep readers out for
/// milliseconds.
const ROWS_PER_LOCK: usize = 1_024;

/// Events of one shard in memory. See the module.
#[derive(Debug)]
pub(crate) struct Memtable {
    shard: Shard,
    first: Sequence,
    /// The first journal file that holds a batch of this memtable; the journal keeps it until the memtable is flushed.
    journal_file: OnceLock<FileNumber>,
    event_bytes: AtomicU64,
    memory: MemoryShare,
    contents: RwLock<Contents>,
    token_order: Mutex<TokenOrder>,
}

#[derive(Debug, Default)]
struct Contents {
    batches: Vec<Arc<ArrivedBatch>>,
    partitions: Partitions,
}

impl Memtable {
    /// An empty memtable whose first event will be `first`, and whose memory `gauge` counts.
    pub(crate) fn new(shard: Shard, first: Sequence, gauge: Arc<MemoryGauge>) -> Self {
        Self::with(Partitions::default(), shard, first, gauge)
    }

    /// The empty memtable that comes after this one. It is taken to get as many partitions.
    pub(crate) fn following(&self, gauge: Arc<MemoryGauge>) -> Self {
        let contents = self.read_contents();
        let partitions = Partitions::expecting(contents.partitions.len());
        Self::with(partitions, self.shard, contents.next_sequence(self.first), gauge)
    }

    fn with(partitions: Partitions, shard: Shard, first: Sequence, gauge: Arc<MemoryGauge>) -> Self {
        Self {
            shard,
            first,
            journal_file: OnceLock::new(),
            event_bytes: AtomicU64::new(0),
            memory: MemoryShare::new(gauge),
            contents: RwLock::new(Contents { batches: Vec::new(), partitions }),
            token_order: Mutex::default(),
        }
    }

    /// The sequence of its first event, also while it holds none.
    pub(crate) fn first_sequence(&self) -> Sequence {
        self.first
    }

    /// The sequence after its last event; equal to the first while it holds none. It may lie past the published head.
    pub(crate) fn next_sequence(&self) -> Sequence {
        self.read_contents().next_sequence(self.first)
    }

    /// Bytes of its encoded events.
    pub(crate) fn event_bytes(&self) -> u64 {
        self.event_bytes.load(Ordering::Relaxed)
    }

    /// What it costs in memory: batches and indexes, the latter estimated from above.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory.bytes()
    }

    /// The number of the oldest journal file that it needs; none while it is empty.
    pub(crate) fn journal_file(&self) -> Option<FileNumber> {
        self.journal_file.get().copied()
    }

    /// Adds a batch that lies in journal file `file`, which is no earlier than that of the batch before. Only the commit thread and recovery add.
    ///
    /// # Panics
    /// When the batch does not follow the last one: sequences are dense.
    pub(crate) fn add(&self, arrived: &Arc<ArrivedBatch>, file: FileNumber) {
        self.journal_file.get_or_init(|| file);
        self.event_bytes.fetch_add(arrived.batch.bytes().len() as u64, Ordering::Relaxed);
        let rows = arrived.batch.len();
        let mut indexed_bytes = (arrived.batch.memory_bytes() + size_of::<Arc<ArrivedBatch>>()) as u64;
        for start in (0..rows).step_by(ROWS_PER_LOCK) {
            let mut contents = self.contents.write().unwrap_or_else(PoisonError::into_inner);
            if start == 0 {
                assert_eq!(contents.next_sequence(self.first), arrived.first_sequence, "sequences are dense");
                contents.batches.push(Arc::clone(arrived));
            }
            let Contents { batches, partitions } = &mut *contents;
            indexed_bytes += partitions.add(batches, self.first, start..rows.min(start + ROWS_PER_LOCK));
        }
        self.memory.grow(indexed_bytes);
    }

    fn read_contents(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn next_sequence(&self, first: Sequence) -> Sequence {
        self.batches.last().map_or(first, |last| last.next_sequence())
    }
}

#[cfg(test)]
mod tests;
