//! Opening a store, for writing or for reading only.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{OpenError, OpenStore, StoreOptions, agreement};
use crate::damage::{Damage, DamageCase};
use crate::disk::{Disk, Lock};
use crate::framed::{FrameInfo, TornTail};
use crate::identity::StoreIdentity;
use crate::journal::{self, Journal, JournalRecord, RecordedBatch, RecoverFrom, Recovered};
use crate::layout;
use crate::manifest::{self, Manifest, ManifestState, RecoveredManifest};
use crate::state::{State, StateRecord, load_snapshot};

/// Takes in what a store holds while it is opened, in the order in which it was committed.
pub trait Replay {
    /// Which store it is, what it consists of, and the state that the journal's records go on from. Called once, first.
    fn begin(&mut self, identity: &StoreIdentity, manifest: &ManifestState, state: &State);

    /// Events of the journal. Those that lie in segments too may still come; `state` is that after all records before
    /// this one.
    ///
    /// # Errors
    /// Why the events cannot be these; the store is then damaged and is not opened.
    fn batch(&mut self, frame: &FrameInfo, batch: RecordedBatch, state: &State) -> Result<(), String>;

    /// A change of the state, which `state` holds already. Those that the snapshot holds do not come.
    ///
    /// # Errors
    /// Why the change cannot be this; the store is then damaged and is not opened.
    fn changed(&mut self, frame: &FrameInfo, record: &StateRecord, state: &State) -> Result<(), String>;

    /// All has come, or all before `damage`, behind which the journal is not read; `state` is the newest.
    ///
    /// # Errors
    /// In what way manifest and journal do not fit together; the store is then damaged and is not opened.
    fn end(&mut self, state: &State, damage: Option<&Damage>) -> Result<(), String>;
}

/// Takes in nothing: for whom the checks of the opening, or the state at its end, are enough.
impl Replay for () {
    fn begin(&mut self, _: &StoreIdentity, _: &ManifestState, _: &State) {}

    fn batch(&mut self, _: &FrameInfo, _: RecordedBatch, _: &State) -> Result<(), String> {
        Ok(())
    }

    fn changed(&mut self, _: &FrameInfo, _: &StateRecord, _: &State) -> Result<(), String> {
        Ok(())
    }

    fn end(&mut self, _: &State, _: Option<&Damage>) -> Result<(), String> {
        Ok(())
    }
}

/// What opening found, for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Whether the store was closed when it was last used.
    pub was_closed: bool,
    /// Frames of the journal that were read.
    pub journal_frames: u64,
    /// Files of the journal that were read.
    pub journal_files: usize,
    /// What was being written when the power went and was never acknowledged. Kept in `quarantine/`, unless the store
    /// was opened for reading only.
    pub torn: Vec<TornTail>,
    /// Files that the store did not make. They are left alone.
    pub unknown: Vec<PathBuf>,
}

/// A store that was opened for reading only, as far as it is sound. Nothing was written.
#[derive(Debug)]
pub struct ReadStore {
    /// Which store it is.
    pub identity: StoreIdentity,
    /// Keeps writers out while it is held.
    pub lock: Option<Box<dyn Lock>>,
    /// What it consists of.
    pub manifest: ManifestState,
    /// The state after all that was replayed.
    pub state: State,
    /// What was found.
    pub report: OpenReport,
    /// The first damage that was met outside the segments, if any. All that was replayed comes before it.
    pub damage: Option<Damage>,
    /// Whether all that was ever acknowledged was replayed, or lies in segments. With damage this is known only of a
    /// store that was closed, if the damage lies behind the end that its manifest names.
    pub is_whole: bool,
}

/// Opens a store for writing, and replays what its journal holds.
///
/// # Errors
/// When there is none, another process has it, it is damaged, or the operating system refuses. Damage is found before
/// anything is written.
pub fn open(disk: Arc<dyn Disk>, options: StoreOptions, replay: &mut dyn Replay) -> Result<OpenStore, OpenError> {
    let identity = StoreIdentity::load(&*disk)?.ok_or(OpenError::NoStore)?;
    let lock = disk.lock(Path::new(layout::LOCK)).map_err(not_locked)?;
    let Contents { manifest, state, journal, .. } = read(&*disk, &identity, replay, Extent::Whole)?;
    let report = report(&manifest, &journal);
    let manifest = Manifest::start(Arc::clone(&disk), identity, options.manifest, manifest)
        .map_err(OpenError::io("beginning a manifest file"))?;
    let manifest = Arc::new(manifest);
    remove_unnamed_snapshots(&*disk, &manifest).map_err(OpenError::io("removing snapshots of the state"))?;
    let register = Arc::clone(&manifest) as Arc<_>;
    let journal = Journal::start(Arc::clone(&disk), identity, options.journal, &journal, register)
        .map_err(OpenError::io("beginning a journal file"))?;
    Ok(OpenStore { disk, identity, lock, manifest, journal, state, report })
}

/// Takes a store for reading, beside others who read it, for as long as the answer is held; writes nothing. None where no
/// process ever had it open for writing, or none can.
///
/// # Errors
/// `InUse` when a process has the store open for writing: to a reader its files would look damaged.
pub fn lock_for_reading(disk: &dyn Disk) -> Result<Option<Box<dyn Lock>>, OpenError> {
    disk.lock_shared(Path::new(layout::LOCK)).map_err(not_locked)
}

fn not_locked(source: io::Error) -> OpenError {
    match source.kind() {
        io::ErrorKind::WouldBlock => OpenError::InUse,
        _ => OpenError::io("locking the store")(source),
    }
}

/// Opens a store for reading only, as far as it is sound: replays its journal up to the first damage, and writes
/// nothing. Others may have it open for reading, none for writing. Whoever takes a store with damage must tell those who read it.
///
/// # Errors
/// When there is no store, when its identity, its manifest or the snapshot of its state is damaged, without which nothing
/// says what the store is, or when the operating system refuses.
pub fn open_read_only(disk: &dyn Disk, replay: &mut dyn Replay) -> Result<ReadStore, OpenError> {
    let identity = StoreIdentity::load(disk)?.ok_or(OpenError::NoStore)?;
    let lock = lock_for_reading(disk)?;
    let Contents { manifest, state, journal, damage } = read(disk, &identity, replay, Extent::Sound)?;
    let report = report(&manifest, &journal);
    let is_whole = damage.is_none() || agreement::is_closed_end(&manifest.state, &journal);
    Ok(ReadStore { identity, lock, manifest: manifest.state, state, report, damage, is_whole })
}

/// Removes what a crash left of snapshots that the manifest does not name, or not any more.
fn remove_unnamed_snapshots(disk: &dyn Disk, manifest: &Manifest) -> io::Result<()> {
    let named = manifest.read(|state| state.snapshot().map(|place| place.number));
    for name in disk.list(Path::new(layout::STATE))? {
        let number = layout::file_number_in_name(&name, "state");
        if number.is_some() && number != named {
            disk.remove(&Path::new(layout::STATE).join(name))?;
        }
    }
    Ok(())
}

/// How far a store is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// To its end; damage is an error.
    Whole,
    /// Up to the first damage in the journal.
    Sound,
}

struct Contents {
    manifest: RecoveredManifest,
    state: State,
    journal: Recovered,
    /// Only where damage is no error.
    damage: Option<Damage>,
}

fn read(
    disk: &dyn Disk,
    identity: &StoreIdentity,
    replay: &mut dyn Replay,
    extent: Extent,
) -> Result<Contents, OpenError> {
    let manifest = manifest::recover(disk, identity, |_, _, _| {})?;
    let snapshot = manifest.state.snapshot().copied();
    let mut state = match &snapshot {
        Some(place) => load_snapshot(disk, identity, place)?,
        None => State::default(),
    };
    replay.begin(identity, &manifest.state, &state);
    let from = RecoverFrom {
        first_needed: manifest.state.journal_first_needed(),
        started: manifest.state.journal_started(),
        must_hold: agreement::must_hold(&manifest.state),
    };
    let visit = |frame: &FrameInfo, record: JournalRecord| {
        state.note_commit(frame.commit_time);
        match record {
            JournalRecord::Batch(batch) => replay.batch(frame, batch, &state),
            JournalRecord::State(record) => {
                if snapshot.is_some_and(|place| frame.place.end.place() <= place.position.place()) {
                    return Ok(());
                }
                state.apply(&record).map_err(|error| error.to_string())?;
                replay.changed(frame, &record, &state)
            }
            JournalRecord::Mark(_) => Ok(()),
        }
    };
    let (journal, damage) = match extent {
        Extent::Whole => (journal::recover(disk, identity, from, visit)?, None),
        Extent::Sound => journal::recover_sound(disk, identity, from, visit)?,
    };
    // A journal of which the end was not read tells nothing of how the store was last used.
    let damage = damage.or_else(|| agreement::check(&manifest, &journal).err());
    if extent == Extent::Whole
        && let Some(damage) = damage
    {
        return Err(damage.into());
    }
    replay.end(&state, damage.as_ref()).map_err(|found| {
        let path = layout::manifest_file(manifest.end.file);
        let expected = "segments, floors and a journal that follow one another without gap";
        Damage::of_case(DamageCase::OlderCopy, path, manifest.end.offset, expected, found)
    })?;
    Ok(Contents { manifest, state, journal, damage })
}

fn report(manifest: &RecoveredManifest, journal: &Recovered) -> OpenReport {
    OpenReport {
        was_closed: manifest.state.closed().is_some(),
        journal_frames: journal.frames,
        journal_files: journal.files.len(),
        torn: manifest.torn.iter().chain(&journal.torn).cloned().collect(),
        unknown: manifest.unknown.iter().chain(&journal.unknown).cloned().collect(),
    }
}
