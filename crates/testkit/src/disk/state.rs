//! What a disk in memory holds, and the changes that it goes through.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::Content;
use super::names::Names;

/// Something that a power cut may keep or lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced<'a> {
    /// A sector of a file.
    Sector {
        /// The file, by the name that it has.
        path: &'a Path,
        /// The sector's number in the file.
        sector: u64,
    },
    /// A name that was made, renamed or removed since its directory was synced.
    Name {
        /// The name; of a renamed file the new one.
        path: &'a Path,
    },
}

/// A change of what a disk holds.
#[derive(Clone, Debug, Hash)]
pub(super) enum Change {
    Created {
        path: PathBuf,
    },
    Renamed {
        from: PathBuf,
        to: PathBuf,
    },
    Removed {
        path: PathBuf,
    },
    DirectoryCreated {
        directory: PathBuf,
    },
    DirectorySynced {
        directory: PathBuf,
    },
    Written {
        id: u64,
        offset: usize,
        bytes: Arc<[u8]>,
    },
    Synced {
        id: u64,
    },
    /// A sync that failed and dropped what it was to make durable.
    SyncFailed {
        id: u64,
    },
}

/// Files, directories and names. A clone is cheap: it shares the bytes.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct State {
    pub(super) names: Names,
    contents: BTreeMap<u64, Content>,
    next_id: u64,
}

/// A digest that is the same in every process.
pub(super) fn digest_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

impl State {
    /// Goes through a change, which is one that was found to be possible.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Created { path } => {
                self.contents.insert(self.next_id, Content::default());
                self.names.create(path, self.next_id);
                self.next_id += 1;
            }
            Change::Renamed { from, to } => self.names.rename(from, to),
            Change::Removed { path } => self.names.remove(path),
            Change::DirectoryCreated { directory } => {
                // Directories are durable at once: the store makes them before anything that matters.
                let all = directory.ancestors().filter(|path| *path != Path::new("")).map(PathBuf::from);
                self.names.directories.extend(all);
            }
            Change::DirectorySynced { directory } => self.names.sync(directory),
            Change::Written { id, offset, bytes } => self.content_mut(*id, |content| content.write(bytes, *offset)),
            Change::Synced { id } => self.content_mut(*id, Content::sync),
            Change::SyncFailed { id } => self.content_mut(*id, Content::fail_sync),
        }
    }

    /// The number of the file that will be made next.
    pub(super) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// A file's content, by its number; none once a power cut left it without a name.
    pub(super) fn content(&self, id: u64) -> Option<&Content> {
        self.contents.get(&id)
    }

    /// Does something to a file's content.
    pub(super) fn content_mut(&mut self, id: u64, act: impl FnOnce(&mut Content)) {
        if let Some(content) = self.contents.get_mut(&id) {
            act(content);
        }
    }

    /// A file's number and bytes, by its name.
    pub(super) fn find(&self, path: &Path) -> Option<(u64, &[u8])> {
        let id = *self.names.seen.get(path)?;
        Some((id, self.contents.get(&id)?.seen()))
    }

    /// What all files that have a name hold.
    pub(super) fn used(&self) -> u64 {
        self.names.seen.values().filter_map(|id| self.contents.get(id)).map(|content| content.seen().len() as u64).sum()
    }

    /// Leaves of what was not synced what `keep` takes.
    pub(super) fn cut(&mut self, mut keep: impl FnMut(Unsynced<'_>) -> bool) {
        self.names.cut(|path| keep(Unsynced::Name { path }));
        let named: BTreeMap<u64, &Path> = self.names.seen.iter().map(|(path, &id)| (id, path.as_path())).collect();
        self.contents.retain(|id, _| named.contains_key(id));
        for (id, content) in &mut self.contents {
            content.cut(|sector| keep(Unsynced::Sector { path: named[id], sector }));
        }
    }

    /// How many sectors and names a power cut may keep or lose.
    pub(super) fn unsynced(&self) -> usize {
        self.names.unsynced() + self.contents.values().map(Content::unsynced).sum::<usize>()
    }
}
