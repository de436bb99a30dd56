//! The names of a disk's files: as they are seen, and as a power cut would leave them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The directories and the names in them.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Names {
    /// The files that are seen, with their numbers.
    pub(super) seen: BTreeMap<PathBuf, u64>,
    pub(super) directories: BTreeSet<PathBuf>,
    durable: BTreeMap<PathBuf, u64>,
    /// What was changed and not synced, the oldest first.
    unsynced: Vec<NameChange>,
}

/// A change of names that a power cut keeps whole or loses whole.
#[derive(Clone, Debug, Hash)]
struct NameChange {
    /// The name that is not there any more.
    gone: Option<PathBuf>,
    /// The name that is new, or stands for another file.
    set: Option<(PathBuf, u64)>,
}

impl NameChange {
    /// The name that says where it was: the new one, if there is one.
    fn path(&self) -> &Path {
        self.set.as_ref().map(|(path, _)| path).or(self.gone.as_ref()).map_or(Path::new(""), PathBuf::as_path)
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        if let Some(path) = &self.gone {
            names.remove(path);
        }
        if let Some((path, id)) = &self.set {
            names.insert(path.clone(), *id);
        }
    }
}

impl Names {
    /// Gives a file its first name.
    pub(super) fn create(&mut self, path: &Path, id: u64) {
        self.change(NameChange { gone: None, set: Some((path.to_owned(), id)) });
    }

    /// Takes a name away.
    pub(super) fn remove(&mut self, path: &Path) {
        self.change(NameChange { gone: Some(path.to_owned()), set: None });
    }

    /// Gives a file another name. Within a directory this is one change; between two each has its own.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        let Some(&id) = self.seen.get(from) else { return };
        if parent(from) == parent(to) {
            self.change(NameChange { gone: Some(from.to_owned()), set: Some((to.to_owned(), id)) });
        } else {
            self.create(to, id);
            self.remove(from);
        }
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }

    /// Makes the changes in a directory durable.
    pub(super) fn sync(&mut self, directory: &Path) {
        let (synced, rest) =
            std::mem::take(&mut self.unsynced).into_iter().partition(|change| parent(change.path()) == directory);
        self.unsynced = rest;
        Vec::into_iter(synced).for_each(|change: NameChange| change.apply(&mut self.durable));
    }

    /// Leaves of what was not synced the changes that `keep` takes, which is asked for each by its name.
    pub(super) fn cut(&mut self, mut keep: impl FnMut(&Path) -> bool) {
        for change in std::mem::take(&mut self.unsynced) {
            if keep(change.path()) {
                change.apply(&mut self.durable);
            }
        }
        self.seen = self.durable.clone();
    }

    /// Takes a name away durably.
    pub(super) fn lose(&mut self, path: &Path) {
        self.seen.remove(path);
        self.durable.remove(path);
    }

    /// How many changes were not synced.
    pub(super) fn unsynced(&self) -> usize {
        self.unsynced.len()
    }
}

/// The directory that a name lies in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}
