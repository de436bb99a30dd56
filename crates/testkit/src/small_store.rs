//! A store of small files under a workload that uses all of journal, manifest and state, and the check of what a
//! crash may leave of it.
//!
//! The workload commits batches of one shard, some of which span files, takes snapshots of the state, releases journal
//! files, adds and removes segments (by name only: there are no files), marks and closes, and does so over two
//! openings. A [`Ledger`] notes what was begun and what was acknowledged. After a crash at any point the store must
//! open, hold all that was acknowledged, nothing that was never begun, and all of it as it was written.

use std::sync::Arc;

use annals_model::{BatchBuilder, CommitTime, EventBatch, EventTime, Sequence, Shard, TableId};
use annals_storage::disk::Disk;
use annals_storage::framed::FrameInfo;
use annals_storage::identity::StoreIdentity;
use annals_storage::journal::{JournalFrame, JournalOptions, Mark, RecordedBatch};
use annals_storage::manifest::{Edit, ManifestOptions, ManifestState};
use annals_storage::segment::{SegmentId, SegmentSummary};
use annals_storage::state::{State, StateRecord};
use annals_storage::store::{self, OpenError, OpenStore, Replay, StoreOptions};
use annals_storage::{Damage, Digest};
use uuid::Uuid;

/// Files of eight blocks, so that a few batches fill one.
pub const OPTIONS: StoreOptions = StoreOptions {
    journal: JournalOptions { file_bytes: 32 * 1024, short_file_bytes: 32 * 1024, spare_files_max: 2 },
    manifest: ManifestOptions { file_bytes: 64 * 1024 },
};

/// The one table that events are committed to.
pub const TABLE: TableId = TableId::from_bytes([7; 16]);

/// The identity of every small store.
pub fn identity() -> StoreIdentity {
    StoreIdentity { uuid: Uuid::from_u128(0x00a1_1a15), salt: 0x5a17, created_unix_nanos: 1 }
}

/// What a workload began, and what was acknowledged of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The last sequence that was written.
    pub begun: u64,
    /// The last sequence that was synced.
    pub acknowledged: u64,
    /// The first sequence that was not given up.
    pub floor: u64,
    /// The highest segment that was to be added.
    pub segment_begun: u64,
    /// The highest segment that was added.
    pub segment_acknowledged: u64,
}

/// What a store holds, as it is replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The sequences in the journal, in order.
    pub sequences: Vec<u64>,
    /// The segments in the manifest.
    pub segments: Vec<u64>,
    /// The dropped tables in the state.
    pub dropped: usize,
}

/// The event with a sequence: its key, then bytes that only this one has, of a length that differs from its
/// neighbours'.
pub fn event(sequence: u64) -> Vec<u8> {
    let mut bytes = format!("key{sequence:08}").into_bytes();
    let filler = u8::try_from(sequence % 251).expect("below 251");
    bytes.resize(11 + usize::try_from(sequence * 37 % 900).expect("small"), filler);
    bytes
}

/// The batch of `count` events from `first` on.
pub fn batch(first: u64, count: u64) -> EventBatch {
    let mut builder = BatchBuilder::default();
    for sequence in first..first + count {
        let time = EventTime::from_unix_nanos(i64::try_from(sequence).expect("small"));
        builder.push(&[&event(sequence)], 0..11, time);
    }
    builder.finish()
}

impl Replay for Contents {
    fn begin(&mut self, _: &StoreIdentity, manifest: &ManifestState, state: &State) {
        self.segments = manifest.segments().keys().map(|id| id.get()).collect();
        self.dropped = state.dropped().len();
    }

    fn batch(&mut self, _: &FrameInfo, recorded: RecordedBatch, _: &State) -> Result<(), String> {
        let first = recorded.first_sequence.get();
        let expected = batch(first, recorded.events.len() as u64);
        if (recorded.table, recorded.shard) != (TABLE, Shard::ZERO)
            || recorded.events.bytes() != expected.bytes()
            || recorded.events.rows() != expected.rows()
        {
            return Err(format!("another batch than the one that was written at sequence {first}"));
        }
        if self.sequences.last().is_some_and(|&last| first != last + 1) {
            return Err(format!("sequence {first} after {:?}", self.sequences.last()));
        }
        self.sequences.extend(first..first + recorded.events.len() as u64);
        Ok(())
    }

    fn changed(&mut self, _: &FrameInfo, _: &StateRecord, state: &State) -> Result<(), String> {
        self.dropped = state.dropped().len();
        Ok(())
    }

    fn end(&mut self, _: &State, _: Option<&Damage>) -> Result<(), String> {
        Ok(())
    }
}

/// Opens a store and what it holds.
///
/// # Errors
/// As `store::open`.
pub fn open(disk: &Arc<dyn Disk>, options: StoreOptions) -> Result<(OpenStore, Contents), OpenError> {
    let mut contents = Contents::default();
    store::open(Arc::clone(disk), options, &mut contents).map(|store| (store, contents))
}

/// Reads what a store holds, and writes nothing.
///
/// # Errors
/// As `store::open_read_only`; any damage is one.
pub fn read(disk: &dyn Disk) -> Result<Contents, OpenError> {
    let mut contents = Contents::default();
    match store::open_read_only(disk, &mut contents)?.damage {
        None => Ok(contents),
        Some(damage) => Err(damage.into()),
    }
}

/// Any error: the workload ends at the first.
pub type Stopped = Box<dyn std::error::Error>;

/// An open small store that keeps its ledger.
#[derive(Debug)]
pub struct Worker<'a> {
    /// The store.
    pub store: OpenStore,
    /// What it did.
    pub ledger: &'a mut Ledger,
    frame: JournalFrame,
}

impl<'a> Worker<'a> {
    /// Makes the store where there is none, and opens it.
    ///
    /// # Errors
    /// Whatever stops it.
    pub fn open(disk: &Arc<dyn Disk>, ledger: &'a mut Ledger) -> Result<Self, Stopped> {
        Self::open_with(disk, OPTIONS, ledger)
    }

    /// As `open`, with files of other lengths.
    ///
    /// # Errors
    /// Whatever stops it.
    pub fn open_with(disk: &Arc<dyn Disk>, options: StoreOptions, ledger: &'a mut Ledger) -> Result<Self, Stopped> {
        if StoreIdentity::load(&**disk)?.is_none() {
            store::create(&**disk, &identity(), options)?;
        }
        let (store, _) = open(disk, options)?;
        Ok(Self { store, ledger, frame: JournalFrame::new() })
    }

    /// Commits a batch with a change of the state.
    ///
    /// # Errors
    /// Whatever stops it.
    pub fn commit(&mut self, count: u64) -> Result<(), Stopped> {
        let first = self.ledger.acknowledged + 1;
        let dropped = TableId::from_bytes(Uuid::from_u128(first.into()).into_bytes());
        self.frame.clear();
        self.frame.push_batch(TABLE, Shard::ZERO, Sequence::new(first), &batch(first, count));
        self.frame.push_state(&StateRecord::DroppedForgotten { table: dropped });
        self.ledger.begun = first + count - 1;
        let time = CommitTime::from_unix_nanos(i64::try_from(first)?);
        self.store.journal.write(&mut self.frame, time)?.sync()?;
        self.store.state.note_commit(time);
        self.ledger.acknowledged = self.ledger.begun;
        Ok(())
    }

    /// Writes an idle mark.
    ///
    /// # Errors
    /// Whatever stops it.
    pub fn mark(&mut self) -> Result<(), Stopped> {
        self.frame.clear();
        self.frame.push_mark(Mark::Idle);
        self.store.journal.write(&mut self.frame, self.store.state.newest_commit())?.sync()?;
        Ok(())
    }

    /// Adds a segment, takes away the one before, and notes how far the journal has come.
    ///
    /// # Errors
    /// Whatever stops it.
    pub fn flush(&mut self) -> Result<(), Stopped> {
        let id = self.store.manifest.read(ManifestState::next_segment);
        self.ledger.segment_begun = id.get();
        let before = self.store.manifest.read(|state| state.segments().keys().last().copied());
        let mut edits = vec![Edit::SegmentsAdded(vec![segment(id)])];
        edits.extend(before.map(|segment| Edit::SegmentRemoved { segment }));
        edits.push(Edit::JournalReached { position: self.store.journal.end() });
        self.store.manifest.append(&edits)?;
        self.ledger.segment_acknowledged = id.get();
        Ok(())
    }

    /// Takes a snapshot of the state and gives up the journal files before the present one.
    ///
    /// # Errors
    /// Whatever stops it.
    pub fn release(&mut self) -> Result<(), Stopped> {
        let OpenStore { disk, identity, manifest, journal, state, .. } = &mut self.store;
        let end = journal.end();
        store::snapshot_state(&**disk, identity, manifest, state, end)?;
        self.ledger.floor = self.ledger.acknowledged + 1;
        manifest.append(&[Edit::JournalReleased { first_needed: end.file }])?;
        journal.files().release_before(end.file)?;
        Ok(())
    }

    /// Closes the store.
    ///
    /// # Errors
    /// Whatever stops it.
    pub fn close(mut self) -> Result<(), Stopped> {
        let time = self.store.state.newest_commit();
        store::close(&mut self.store.journal, &self.store.manifest, time)?;
        Ok(())
    }
}

fn segment(id: SegmentId) -> SegmentSummary {
    SegmentSummary {
        id,
        file_length: 100,
        footer_offset: 40,
        footer_length: 60,
        footer_digest: Digest::of(&id.get().to_le_bytes()),
        runs: Vec::new(),
    }
}

/// The whole workload. The ledger says how far it came.
///
/// # Errors
/// Whatever stops it.
pub fn work(disk: &Arc<dyn Disk>, ledger: &mut Ledger) -> Result<(), Stopped> {
    let mut worker = Worker::open(disk, ledger)?;
    for count in [1, 3, 20] {
        worker.commit(count)?;
    }
    worker.flush()?;
    worker.mark()?;
    worker.commit(30)?;
    worker.store.journal.files().prepare_spare()?;
    worker.commit(40)?;
    worker.release()?;
    worker.commit(2)?;
    worker.close()?;
    let mut worker = Worker::open(disk, ledger)?;
    worker.commit(25)?;
    worker.flush()?;
    worker.commit(35)?;
    worker.release()?;
    worker.flush()?;
    worker.commit(1)?;
    worker.close()
}

/// Checks that a store holds what the ledger says it must, and no more than it says it may.
///
/// # Errors
/// What is wrong.
pub fn check(contents: &Contents, ledger: &Ledger) -> Result<(), String> {
    let last = contents.sequences.last().copied().unwrap_or(ledger.floor.saturating_sub(1));
    if last < ledger.acknowledged || last > ledger.begun {
        return Err(format!("the journal ends with sequence {last}; {ledger:?}"));
    }
    let first = contents.sequences.first().copied();
    if first.is_some_and(|first| first > ledger.floor.max(1)) {
        return Err(format!("the journal begins with sequence {first:?}; {ledger:?}"));
    }
    let segment = contents.segments.last().copied().unwrap_or(0);
    if contents.segments.len() > 1 || segment < ledger.segment_acknowledged || segment > ledger.segment_begun {
        return Err(format!("segments {:?}; {ledger:?}", contents.segments));
    }
    Ok(())
}
