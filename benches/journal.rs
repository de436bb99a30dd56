//! The journal: framing and sealing a group of events, and writing and syncing it.

mod support;

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use annals_client::Event;
use annals_model::{BatchBuilder, CommitTime, EventBatch, Sequence, Shard, TableId};
use annals_storage::disk::{Disk, RealDisk};
use annals_storage::framed::FrameInfo;
use annals_storage::identity::StoreIdentity;
use annals_storage::journal::{Journal, JournalFrame, JournalOptions, RecoverFrom, RegisterFile, recover};
use annals_storage::layout::FileNumber;
use annals_storage::store::{StoreOptions, create};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use uuid::Uuid;

const TABLE: TableId = TableId::from_bytes([7; 16]);

/// Nothing keeps the list of files: what is measured is the journal.
#[derive(Debug)]
struct NoRegister;

impl RegisterFile for NoRegister {
    fn journal_started(&self, _: FileNumber) -> io::Result<()> {
        Ok(())
    }
}

/// A journal of its own in a folder below `target/`: on the disk, where the system's folder for temporary files may
/// be in memory.
fn journal(folder: &std::path::Path) -> Journal {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder));
    let identity = StoreIdentity { uuid: Uuid::from_u128(1), salt: 2, created_unix_nanos: 3 };
    create(&*disk, &identity, StoreOptions::default()).expect("a store");
    let from = RecoverFrom { first_needed: FileNumber::FIRST, started: None, must_hold: Vec::new() };
    let recovered = recover(&*disk, &identity, from, |_: &FrameInfo, _| Ok(())).expect("a new journal");
    // A long file from the start, as a busy store has.
    let options = JournalOptions::default();
    let options = JournalOptions { short_file_bytes: options.file_bytes, ..options };
    Journal::start(disk, identity, options, &recovered, Arc::new(NoRegister)).expect("a journal")
}

/// Encoded events as a batch for a shard.
fn batch(events: &[Bytes]) -> EventBatch {
    let mut builder = BatchBuilder::with_capacity(events.len(), events.len() * support::EVENT_BYTES);
    for event in events {
        let read = Event::from_encoded(event.clone());
        let view = read.view().expect("an event");
        // The key comes first: a tag, a length, the key.
        builder.push(&[event], 2..2 + view.key().len(), view.time().expect("a time"));
    }
    builder.finish()
}

fn seal(criterion: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let journal = journal(folder.path());
    let commit_time = CommitTime::from_unix_nanos(1);
    let mut group = criterion.benchmark_group("journal");
    for count in [1, 1_000, 30_000] {
        let batch = batch(&support::events(count, 100));
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("frame and seal {count} events"), |bencher| {
            let mut frame = JournalFrame::new();
            bencher.iter(|| {
                frame.clear();
                frame.push_batch(TABLE, Shard::ZERO, Sequence::new(1), &batch);
                journal.seal(&mut frame, commit_time);
                black_box(&frame);
            });
        });
    }
    group.finish();
}

fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal, on disk");
    // A file of the journal is written once: more iterations would only measure the making of files.
    group.sample_size(20);
    for count in [1, 1_000, 8_000] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let mut journal = journal(folder.path());
        let batch = batch(&support::events(count, 100));
        let (mut sequence, mut time) = (1, 1);
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("write and sync {count} events"), |bencher| {
            bencher.iter_batched(
                || {
                    let mut frame = JournalFrame::new();
                    frame.push_batch(TABLE, Shard::ZERO, Sequence::new(sequence), &batch);
                    sequence += count;
                    time += 1;
                    (frame, CommitTime::from_unix_nanos(time))
                },
                |(mut frame, time)| {
                    let unsynced = journal.write(&mut frame, time).expect("written");
                    unsynced.sync().expect("synced");
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, seal, write);
criterion_main!(benches);
