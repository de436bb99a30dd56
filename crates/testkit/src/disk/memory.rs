//! The disk in memory. The fault model is in the module above.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annals_storage::disk::{Disk, File, Lock};

use super::file::Content;
use super::gate::{Gate, HeldSyncs};

/// Something that a power cut may keep or lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced<'a> {
    /// A sector of a file.
    Sector {
        /// The file, by the name that it has; empty if it has none any more.
        path: &'a Path,
        /// The sector's number in the file.
        sector: u64,
    },
    /// All changes of the names in a directory since it was synced.
    Names {
        /// The directory.
        directory: &'a Path,
    },
}

/// How calls fail. Calls are counted from when the fault is set; the first is call 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This call fails, and none after it.
    Once {
        /// Which call.
        call: u64,
        /// How it fails.
        kind: io::ErrorKind,
    },
    /// This call and all after it fail: the power is off.
    PowerOff {
        /// The first call that fails.
        call: u64,
    },
    /// This sync of a file, counted among such syncs only, fails, and none after it.
    Sync {
        /// Which sync.
        sync: u64,
    },
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    inner: Arc<Mutex<Inner>>,
    syncs: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Inner {
    contents: BTreeMap<u64, Content>,
    next_content: u64,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    directories: BTreeSet<PathBuf>,
    changed_directories: BTreeSet<PathBuf>,
    locked: BTreeSet<PathBuf>,
    capacity: Option<u64>,
    fault: Option<Fault>,
    calls: u64,
    syncs: u64,
}

impl MemoryDisk {
    /// An empty disk without a limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk of its own with the same files, all of them durable.
    #[must_use]
    pub fn copy(&self) -> Self {
        let inner = self.inner();
        let mut contents = inner.contents.clone();
        contents.values_mut().for_each(Content::sync);
        let copy = Inner {
            contents,
            next_content: inner.next_content,
            names: inner.names.clone(),
            durable_names: inner.names.clone(),
            directories: inner.directories.clone(),
            ..Inner::default()
        };
        Self { inner: Arc::new(Mutex::new(copy)), syncs: Arc::default() }
    }

    /// Takes the power away and gives it back: of what was not synced, `keep` says what is left. Locks are gone, and so
    /// are faults. Handles that were open must not be used any more.
    pub fn power_cut(&self, mut keep: impl FnMut(Unsynced<'_>) -> bool) {
        let mut inner = self.inner();
        for directory in std::mem::take(&mut inner.changed_directories) {
            if keep(Unsynced::Names { directory: &directory }) {
                inner.settle_names(&directory);
            }
        }
        inner.names = inner.durable_names.clone();
        let named: BTreeMap<u64, PathBuf> = inner.names.iter().map(|(path, &id)| (id, path.clone())).collect();
        inner.contents.retain(|id, _| named.contains_key(id));
        for (id, content) in &mut inner.contents {
            content.cut(|sector| keep(Unsynced::Sector { path: &named[id], sector }));
        }
        inner.locked.clear();
        inner.fault = None;
    }

    /// Sets or takes away a fault; calls are counted anew.
    pub fn set_fault(&self, fault: Option<Fault>) {
        let mut inner = self.inner();
        (inner.fault, inner.calls, inner.syncs) = (fault, 0, 0);
    }

    /// Has syncs of files wait, until what this gives is dropped.
    #[must_use]
    pub fn hold_syncs(&self) -> HeldSyncs {
        self.syncs.shut()
    }

    /// Calls since the last fault was set, and how many of them were syncs of files.
    pub fn calls(&self) -> (u64, u64) {
        let inner = self.inner();
        (inner.calls, inner.syncs)
    }

    /// Limits what all files together can hold; none for no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.inner().capacity = bytes;
    }

    /// What all files hold.
    pub fn used(&self) -> u64 {
        self.inner().used()
    }

    /// The files, in the order of their paths, with their lengths.
    pub fn files(&self) -> Vec<(PathBuf, usize)> {
        let inner = self.inner();
        inner.names.iter().map(|(path, id)| (path.clone(), inner.contents[id].seen.len())).collect()
    }

    /// Changes a file's bytes durably, behind the back of whoever uses it.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn damage(&self, path: impl AsRef<Path>, change: impl FnOnce(&mut Vec<u8>)) {
        let mut inner = self.inner();
        let id = *inner.names.get(path.as_ref()).unwrap_or_else(|| panic!("no file {}", path.as_ref().display()));
        inner.contents.get_mut(&id).expect("every name has content").damage(change);
    }

    /// Removes a file durably, behind the back of whoever uses it.
    pub fn lose(&self, path: impl AsRef<Path>) {
        let mut inner = self.inner();
        inner.names.remove(path.as_ref());
        inner.durable_names.remove(path.as_ref());
    }

    /// Whether there is such a file.
    pub fn holds(&self, path: impl AsRef<Path>) -> bool {
        self.inner().names.contains_key(path.as_ref())
    }

    /// A file's bytes, as they are seen.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn bytes(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let inner = self.inner();
        let id = inner.names.get(path.as_ref()).unwrap_or_else(|| panic!("no file {}", path.as_ref().display()));
        inner.contents[id].seen.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and fails it if its time has come.
    fn call(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.inner();
        let nth = inner.calls;
        inner.calls += 1;
        match inner.fault {
            Some(Fault::Once { call, kind }) if call == nth => Err(io::Error::new(kind, "this call was to fail")),
            Some(Fault::PowerOff { call }) if call <= nth => Err(io::Error::other("the power is off")),
            _ => Ok(inner),
        }
    }

    fn file(&self, id: u64) -> Arc<dyn File> {
        Arc::new(MemoryFile { disk: self.clone(), id })
    }
}

impl Inner {
    fn used(&self) -> u64 {
        self.names.values().map(|id| self.contents[id].seen.len() as u64).sum()
    }

    fn find(&self, path: &Path) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The write during which the power goes: any of its sectors may be kept.
    fn write_as_power_goes(&mut self, id: u64, bytes: &[u8], start: usize) {
        let last = self.calls - 1;
        if self.fault == Some(Fault::PowerOff { call: last })
            && let Some(content) = self.contents.get_mut(&id)
        {
            content.write(bytes, start);
        }
    }

    fn changed(&mut self, path: &Path) {
        self.changed_directories.insert(parent(path));
    }

    fn settle_names(&mut self, directory: &Path) {
        self.durable_names.retain(|path, _| parent(path) != directory);
        let present = self.names.iter().filter(|(path, _)| parent(path) == directory);
        self.durable_names.extend(present.map(|(path, &id)| (path.clone(), id)));
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

impl Disk for MemoryDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let id = self.call()?.find(path)?;
        Ok(self.file(id))
    }

    fn open_writable(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut inner = self.call()?;
        if inner.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !inner.directories.contains(&parent(path)) && parent(path) != Path::new("") {
            return Err(io::ErrorKind::NotFound.into());
        }
        let id = inner.next_content;
        inner.next_content += 1;
        inner.contents.insert(id, Content::default());
        inner.names.insert(path.to_owned(), id);
        inner.changed(path);
        drop(inner);
        Ok(self.file(id))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.call()?;
        let id = inner.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        inner.names.insert(to.to_owned(), id);
        inner.changed(from);
        inner.changed(to);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.call()?;
        inner.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        inner.changed(path);
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let inner = self.call()?;
        if !inner.directories.contains(directory) && directory != Path::new("") {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = inner.names.keys().chain(&inner.directories).filter(|path| parent(path) == directory);
        Ok(inside.filter_map(|path| path.file_name().map(PathBuf::from)).collect())
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        // Directories are durable at once: the store makes them before anything that matters.
        let mut inner = self.call()?;
        let all = directory.ancestors().filter(|path| *path != Path::new("")).map(PathBuf::from);
        inner.directories.extend(all);
        Ok(())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let mut inner = self.call()?;
        inner.changed_directories.remove(directory);
        inner.settle_names(directory);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let mut inner = self.call()?;
        if !inner.locked.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        drop(inner);
        Ok(Box::new(MemoryLock { disk: self.clone(), path: path.to_owned() }))
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
        self.disk.inner().locked.remove(&self.path);
    }
}

#[derive(Debug)]
struct MemoryFile {
    disk: MemoryDisk,
    id: u64,
}

impl File for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let inner = self.disk.call()?;
        let seen = inner.contents.get(&self.id).map_or(&[][..], |content| &content.seen);
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let part = seen.get(start..start + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(part);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let mut inner = match self.disk.call() {
            Ok(inner) => inner,
            Err(error) => {
                self.disk.inner().write_as_power_goes(self.id, bytes, start);
                return Err(error);
            }
        };
        let (capacity, used) = (inner.capacity, inner.used());
        let content = inner.contents.get_mut(&self.id).ok_or(io::ErrorKind::NotFound)?;
        let growth = (start + bytes.len()).saturating_sub(content.seen.len()) as u64;
        match capacity {
            // What there is space for is written, as a real disk does.
            Some(capacity) if growth > 0 && used + growth > capacity => {
                let over = usize::try_from(used + growth - capacity).map_err(io::Error::other)?;
                content.write(&bytes[..bytes.len().saturating_sub(over)], start);
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => {
                content.write(bytes, start);
                Ok(())
            }
        }
    }

    fn length(&self) -> io::Result<u64> {
        let inner = self.disk.call()?;
        Ok(inner.contents.get(&self.id).map_or(0, |content| content.seen.len() as u64))
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.syncs.pass();
        let called = self.disk.call().map(|mut inner| {
            let nth = inner.syncs;
            inner.syncs += 1;
            inner.fault == Some(Fault::Sync { sync: nth })
        });
        let mut inner = self.disk.inner();
        let is_power_off = matches!(inner.fault, Some(Fault::PowerOff { .. }));
        let content = inner.contents.get_mut(&self.id).ok_or(io::ErrorKind::NotFound)?;
        match called {
            Ok(false) => {
                content.sync();
                Ok(())
            }
            // With the power off, what was not synced is still for the cut to decide.
            Err(error) if is_power_off => Err(error),
            Ok(true) | Err(_) => {
                content.fail_sync();
                Err(io::Error::other("this sync was to fail"))
            }
        }
    }
}
