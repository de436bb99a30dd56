//! How an embedded engine is opened: where, with which clocks, and within which bounds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use annals_storage::disk::{Disk, RealDisk};
use annals_storage::journal::JournalOptions;
use annals_storage::layout;
use annals_storage::manifest::ManifestOptions;
use annals_storage::segment::CacheLimits;

use super::clock::Clock;
use super::system_clock::SystemClock;

/// What an engine is opened with. Every bound has a default that suits a node with some gigabytes of memory.
#[derive(Clone, Debug)]
pub struct Options {
    /// The disk; its root is the store's directory.
    pub disk: Arc<dyn Disk>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// How long the clock of an opening must have run, and be called synchronised, before the time that the store was closed
    /// makes events older; none: a sixteenth of the table's age, from 1 h to 1 d.
    pub clock_grace: Option<Duration>,
    /// Whether anything may be written.
    pub mode: OpenMode,
    /// The journal's files.
    pub journal: JournalOptions,
    /// The manifest's files.
    pub manifest: ManifestOptions,
    /// What is kept of segments in memory.
    pub cache: CacheLimits,
    /// Where the directory of partitions lies, in the operating system's file system; none: partitions are listed from
    /// the segments' indexes each time.
    pub directory: Option<PathBuf>,
    /// Bytes of the directory that are kept in memory: inner nodes of 10 million partitions and the leaves in use.
    pub directory_cache_bytes: u64,
    /// Threads that read for callers what is not in memory. Each may hold an index and a block of every run of a table
    /// at once.
    pub read_threads: usize,
    /// Journal files that data in memory may hold back; past it the oldest data is flushed, however little it is, so
    /// that trickling tables do not keep the journal for ever. It bounds what is read when the store is opened: an opening
    /// that would leave more to the next one flushes first all that it has read, whatever the number of starts.
    pub journal_files_max: u32,
    /// How long nothing must have been written to the journal before its spare files are given back to the file system:
    /// long against the pauses of a busy store, since making them again writes all their bytes.
    pub journal_idle_after: Duration,
    /// Bytes of a group commit after which no more requests join it: enough to make the sync's cost small, and small
    /// enough that the sync's time does not grow with it.
    pub group_bytes_max: usize,
    /// The commit thread syncs a group of up to so many bytes itself. To hand it over would cost two wake-ups, which is more
    /// than what could be filled in the meantime is worth; with one append at a time nothing could. Larger groups are synced
    /// by another thread, while the next is filled. It says nothing about durability.
    pub sync_here_bytes_max: usize,
    /// How long nothing must have come before a mark is written behind the last data, which moves the place that a
    /// lying disk could lose off acknowledged events.
    pub idle_mark_after: Duration,
    /// Bytes that all memtables may cost before the largest are flushed. At twice as many no appends are taken until a
    /// flush has made room.
    pub memtable_bytes_max: u64,
    /// Bytes of events after which a memtable is frozen and becomes one run. A group below the 32 MiB that a run may
    /// hold: what a memtable takes past this bound still goes into the same run, and not into a small one of its own.
    /// Runs are merged into ones of at most a seventh more, or 8 MiB.
    pub run_bytes_max: u64,
    /// Bytes of appends that may be under way at once.
    pub admission_bytes_max: u64,
    /// Of these, bytes of one table: half, so that one that is flooded leaves the others as much.
    pub admission_table_bytes_max: u64,
    /// Appends that may wait for their turn.
    pub admission_waiting_max: usize,
    /// How long an append waits for its turn before it is refused.
    pub admission_wait_max: Duration,
}

/// Whether anything may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OpenMode {
    /// The store is made if the directory holds none, and taken for this process alone.
    #[default]
    ReadWrite,
    /// Nothing is written, not even what a crash left to be put right.
    ReadOnly,
}

impl Options {
    /// The defaults, for a store in `directory`.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        let root = directory.into();
        let directory = Some(root.join(layout::DIRECTORY));
        Self { directory, ..Self::on_disk(Arc::new(RealDisk::new(root))) }
    }

    /// The defaults, for a store on `disk`; without a directory of partitions, which only a real disk can hold.
    pub fn on_disk(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            clock: Arc::new(SystemClock::default()),
            clock_grace: None,
            mode: OpenMode::ReadWrite,
            journal: JournalOptions::default(),
            manifest: ManifestOptions::default(),
            cache: CacheLimits::default(),
            directory: None,
            directory_cache_bytes: 64 * 1024 * 1024,
            read_threads: 4,
            journal_files_max: 8,
            journal_idle_after: Duration::from_mins(1),
            group_bytes_max: 4 * 1024 * 1024,
            sync_here_bytes_max: 16 * 1024,
            idle_mark_after: Duration::from_millis(100),
            memtable_bytes_max: 256 * 1024 * 1024,
            run_bytes_max: 28 * 1024 * 1024,
            admission_bytes_max: 64 * 1024 * 1024,
            admission_table_bytes_max: 32 * 1024 * 1024,
            admission_waiting_max: 10_000,
            admission_wait_max: Duration::from_secs(1),
        }
    }
}
