//! The disk in memory. The fault model is in the module above.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annals_storage::disk::{Disk, File, Lock};

use super::fault::{Calls, Failure, Fault, Operation};
use super::gate::{Gate, HeldSyncs};
use super::memory_file::MemoryFile;
use super::names::parent;
use super::recording::Recording;
use super::state::{Change, State, Unsynced, digest_of};
use crate::turns;

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    inner: Arc<Mutex<Inner>>,
    pub(super) syncs: Arc<Gate>,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) state: State,
    locked: BTreeMap<PathBuf, Held>,
    pub(super) capacity: Option<u64>,
    fault: Option<Fault>,
    calls: Calls,
    recording: Option<Recording>,
}

/// How a directory is locked.
#[derive(Clone, Copy, Debug)]
enum Held {
    /// By one for itself.
    Alone,
    /// By so many together.
    Shared(usize),
}

impl MemoryDisk {
    /// An empty disk without a limit.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn holding(state: State) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { state, ..Inner::default() })), syncs: Arc::default() }
    }

    /// A disk of its own with the same files, all of them durable.
    #[must_use]
    pub fn copy(&self) -> Self {
        let mut state = self.inner().state.clone();
        state.cut(|_| true);
        Self::holding(state)
    }

    /// Takes the power away and gives it back: of what was not synced, `keep` says what is left. Locks are gone, and so
    /// are faults and a recording. Handles that were open must not be used any more.
    pub fn power_cut(&self, keep: impl FnMut(Unsynced<'_>) -> bool) {
        let mut inner = self.inner();
        inner.state.cut(keep);
        inner.locked.clear();
        (inner.fault, inner.recording) = (None, None);
    }

    /// Sets or takes away a fault; calls are counted anew.
    pub fn set_fault(&self, fault: Option<Fault>) {
        let mut inner = self.inner();
        (inner.fault, inner.calls) = (fault, Calls::default());
    }

    /// Has syncs of files wait, until what this gives is dropped.
    #[must_use]
    pub fn hold_syncs(&self) -> HeldSyncs {
        self.syncs.shut()
    }

    /// Calls since the last fault was set.
    pub fn calls(&self) -> Calls {
        self.inner().calls
    }

    /// Begins to record all changes, from now on.
    pub fn record(&self) {
        let mut inner = self.inner();
        inner.recording = Some(Recording::new(inner.state.clone()));
    }

    /// How many changes were recorded so far; 0 if none are recorded.
    pub fn recorded(&self) -> usize {
        self.inner().recording.as_ref().map_or(0, Recording::len)
    }

    /// Ends the recording and gives it; none if none was begun.
    pub fn take_recording(&self) -> Option<Recording> {
        self.inner().recording.take()
    }

    /// A digest of all that is seen, durable and not synced.
    pub fn digest(&self) -> u64 {
        digest_of(&self.inner().state)
    }

    /// Limits what all files together can hold; none for no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.inner().capacity = bytes;
    }

    /// What all files hold.
    pub fn used(&self) -> u64 {
        self.inner().state.used()
    }

    /// The files, in the order of their paths, with their lengths.
    pub fn files(&self) -> Vec<(PathBuf, usize)> {
        let inner = self.inner();
        let paths = inner.state.names.seen.keys();
        paths.map(|path| (path.clone(), inner.state.find(path).map_or(0, |(_, bytes)| bytes.len()))).collect()
    }

    /// Changes a file's bytes durably, behind the back of whoever uses it.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn damage(&self, path: impl AsRef<Path>, change: impl FnOnce(&mut Vec<u8>)) {
        let mut inner = self.inner();
        let (id, _) = inner.state.find(path.as_ref()).unwrap_or_else(|| panic!("no file {}", path.as_ref().display()));
        inner.state.content_mut(id, |content| content.damage(change));
    }

    /// Removes a file durably, behind the back of whoever uses it.
    pub fn lose(&self, path: impl AsRef<Path>) {
        self.inner().state.names.lose(path.as_ref());
    }

    /// Whether there is such a file.
    pub fn holds(&self, path: impl AsRef<Path>) -> bool {
        self.inner().state.find(path.as_ref()).is_some()
    }

    /// A file's bytes, as they are seen.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn bytes(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let inner = self.inner();
        let found = inner.state.find(path.as_ref());
        found.unwrap_or_else(|| panic!("no file {}", path.as_ref().display())).1.to_vec()
    }

    /// Writes all files into a directory of the real disk, to look at them there.
    ///
    /// # Errors
    /// Whatever the operating system reports.
    pub fn save(&self, directory: &Path) -> io::Result<()> {
        let inner = self.inner();
        for name in &inner.state.names.directories {
            std::fs::create_dir_all(directory.join(name))?;
        }
        for path in inner.state.names.seen.keys() {
            let bytes = inner.state.find(path).map_or(&[][..], |(_, bytes)| bytes);
            std::fs::write(directory.join(path), bytes)?;
        }
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, and tells how it fails, if its time has come.
    pub(super) fn counted(&self, operation: Operation) -> (MutexGuard<'_, Inner>, Option<Failing>) {
        if operation.is_change() {
            turns::step();
        }
        let mut inner = self.inner();
        let (all, of_kind) = (inner.calls.all(), inner.calls.of(operation));
        inner.calls.count(operation);
        let failing = match inner.fault {
            Some(Fault::Once { call, kind }) if call == all => {
                Some(Failing::Error(io::Error::new(kind, "this call was to fail")))
            }
            Some(Fault::PowerOff { call }) if call <= all => Some(Failing::PowerOff { is_going: call == all }),
            Some(Fault::Nth { operation: of, nth, failure }) if of == operation && nth == of_kind => match failure {
                Failure::Short => Some(Failing::Short),
                Failure::Io | Failure::Full => Some(Failing::Error(failure.error())),
            },
            _ => None,
        };
        (inner, failing)
    }

    /// Counts a call and fails it if its time has come.
    pub(super) fn call(&self, operation: Operation) -> io::Result<MutexGuard<'_, Inner>> {
        match self.counted(operation) {
            (inner, None) => Ok(inner),
            (_, Some(failing)) => Err(failing.error()),
        }
    }

    fn file(&self, id: u64) -> Arc<dyn File> {
        Arc::new(MemoryFile::new(self.clone(), id))
    }
}

/// How a call fails.
#[derive(Debug)]
pub(super) enum Failing {
    Error(io::Error),
    /// Half way.
    Short,
    /// The power is off; is it going with this call?
    PowerOff {
        is_going: bool,
    },
}

impl Failing {
    pub(super) fn error(self) -> io::Error {
        match self {
            Self::Error(error) => error,
            Self::Short => Failure::Short.error(),
            Self::PowerOff { .. } => io::Error::other("the power is off"),
        }
    }
}

impl Inner {
    fn find(&self, path: &Path) -> io::Result<u64> {
        self.state.find(path).map(|(id, _)| id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn has_directory(&self, directory: &Path) -> bool {
        self.state.names.directories.contains(directory) || directory == Path::new("")
    }

    pub(super) fn change(&mut self, change: Change) {
        self.state.apply(&change);
        if let Some(recording) = &mut self.recording {
            recording.push(change);
        }
    }

    pub(super) fn write(&mut self, id: u64, offset: usize, bytes: &[u8]) {
        self.change(Change::Written { id, offset, bytes: bytes.into() });
    }
}

impl Disk for MemoryDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let id = self.call(Operation::Open)?.find(path)?;
        Ok(self.file(id))
    }

    fn open_writable(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut inner = self.call(Operation::Create)?;
        if inner.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !inner.has_directory(parent(path)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let id = inner.state.next_id();
        inner.change(Change::Created { path: path.to_owned() });
        drop(inner);
        Ok(self.file(id))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.call(Operation::Rename)?;
        inner.find(from)?;
        inner.change(Change::Renamed { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.call(Operation::Remove)?;
        inner.find(path)?;
        inner.change(Change::Removed { path: path.to_owned() });
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let inner = self.call(Operation::List)?;
        if !inner.has_directory(directory) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let names = &inner.state.names;
        let inside = names.seen.keys().chain(&names.directories).filter(|path| parent(path) == directory);
        Ok(inside.filter_map(|path| path.file_name().map(PathBuf::from)).collect())
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        let mut inner = self.call(Operation::CreateDirectory)?;
        inner.change(Change::DirectoryCreated { directory: directory.to_owned() });
        Ok(())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let mut inner = self.call(Operation::SyncDirectory)?;
        inner.change(Change::DirectorySynced { directory: directory.to_owned() });
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let mut inner = self.call(Operation::Lock)?;
        if inner.locked.contains_key(path) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        inner.locked.insert(path.to_owned(), Held::Alone);
        drop(inner);
        Ok(Box::new(MemoryLock { disk: self.clone(), path: path.to_owned() }))
    }

    fn lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let mut inner = self.call(Operation::Lock)?;
        let readers = match inner.locked.get(path) {
            Some(Held::Alone) => return Err(io::ErrorKind::WouldBlock.into()),
            Some(Held::Shared(readers)) => readers + 1,
            None => 1,
        };
        inner.locked.insert(path.to_owned(), Held::Shared(readers));
        drop(inner);
        Ok(Some(Box::new(MemoryLock { disk: self.clone(), path: path.to_owned() })))
    }
}

#[derive(Debug)]
struct MemoryLock {
    disk: MemoryDisk,
    path: PathBuf,
}

impl Lock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut inner = self.disk.inner();
        match inner.locked.get_mut(&self.path) {
            Some(Held::Shared(readers)) if *readers > 1 => *readers -= 1,
            _ => drop(inner.locked.remove(&self.path)),
        }
    }
}
