//! Operations on the embedded engine against the oracle, on a disk in memory that loses power.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use annals_embedded::{EmbeddedEngine, Options};
use annals_storage::disk::Disk;
use annals_storage::journal::JournalOptions;
use annals_storage::manifest::ManifestOptions;
use annals_storage::segment::CacheLimits;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::input::Input;
use crate::disk::MemoryDisk;
use crate::model::{self, Operation};
use crate::subject::Subject;

/// Operations of one input.
const OPERATIONS_MAX: usize = 30;

/// Takes bytes as operations, three for each: which it is, and the seed of its choices.
///
/// # Panics
/// At the first difference between engine and oracle, and when the engine fails.
pub fn engine(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.byte();
    let subject = MemorySubject {
        disk: MemoryDisk::new(),
        run_bytes_max: if choice & 1 == 0 { 1_000 } else { 20_000 },
        idle_mark_after: if choice & 2 == 0 { Duration::from_hours(1) } else { Duration::from_millis(1) },
        cuts: AtomicU64::new(choice.into()),
    };
    let mut operations = Vec::new();
    while !input.is_empty() && operations.len() < OPERATIONS_MAX {
        let operation = match usize::from(input.byte()) {
            // Most of what happens to a store is that it takes events.
            named if named < 2 * Operation::ALL.len() => Operation::ALL[named / 2],
            _ => Operation::Append,
        };
        operations.push((operation, input.short().into()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(model::follow(subject, operations));
}

/// A store on a disk in memory. A crash is a loss of power, of which the disk keeps what it likes.
#[derive(Debug)]
struct MemorySubject {
    disk: MemoryDisk,
    run_bytes_max: u64,
    idle_mark_after: Duration,
    /// Power cuts so far, from a number of the input on: what decides what is kept.
    cuts: AtomicU64,
}

impl Subject for MemorySubject {
    type Engine = EmbeddedEngine;

    async fn open(&self) -> Arc<EmbeddedEngine> {
        let mut options = Options::on_disk(Arc::new(self.disk.clone()) as Arc<dyn Disk>);
        options.journal = JournalOptions { file_bytes: 64 * 1024, short_file_bytes: 64 * 1024, spare_files_max: 1 };
        options.manifest = ManifestOptions { file_bytes: 32 * 1024 };
        options.cache = CacheLimits { parts_bytes: 64 * 1024, decoded_runs_bytes: 64 * 1024 };
        options.journal_files_max = 2;
        options.run_bytes_max = self.run_bytes_max;
        // Some groups of this workload are smaller, and others larger.
        options.sync_here_bytes_max = 300;
        options.idle_mark_after = self.idle_mark_after;
        Arc::new(EmbeddedEngine::open(options).expect("the store opens"))
    }

    async fn close(&self, engine: Arc<EmbeddedEngine>) {
        engine.close().expect("the store closes cleanly");
    }

    async fn settle(&self, engine: &EmbeddedEngine) {
        engine.settle().await.expect("the store settles");
    }

    async fn crash(&self, engine: Arc<EmbeddedEngine>) {
        drop(engine);
        let mut random = StdRng::seed_from_u64(self.cuts.fetch_add(1, Ordering::Relaxed));
        let share = [0.0, 0.5, 1.0][random.random_range(0..3)];
        self.disk.power_cut(|_| random.random_bool(share));
    }
}
