//! Reading and checking every byte of a store's identity, manifest, state and journal.
//!
//! Unlike opening, this does not stop at the first damage, and it looks also where opening has no need to: behind the
//! frames of files that have a successor, and into spare files. It writes nothing. Segments are checked by themselves,
//! from the summaries that the manifest holds.

mod file;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::damage::{Damage, ReadFailure};
use crate::disk::Disk;
use crate::framed::{FrameInfo, Kind, TornTail};
use crate::identity::StoreIdentity;
use crate::journal::RecordedBatch;
use crate::layout;
use crate::manifest::ManifestState;
use crate::state::{State, StateRecord};
use crate::store::{OpenError, ReadStore, Replay, open_read_only};

/// What was checked and what was found.
#[derive(Debug, Default)]
pub struct Verified {
    /// What is wrong, in the order of the files; empty if all is well.
    pub findings: Vec<Finding>,
    /// Files that were read.
    pub files: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// What was being written when the power last went. Not damage: it was never acknowledged.
    pub torn: Vec<TornTail>,
    /// Files that the store did not make. Not damage.
    pub unknown: Vec<PathBuf>,
    /// What the store consists of, as far as it could be opened for reading.
    pub manifest: Option<ManifestState>,
    /// Which store it is, if that could be read.
    pub identity: Option<StoreIdentity>,
}

/// Something that is wrong with a file.
#[derive(Debug)]
pub enum Finding {
    /// It is not what the store wrote.
    Damaged(Damage),
    /// It could not be read.
    Unreadable {
        /// What was being done, with the path.
        doing: String,
        /// What the operating system said.
        source: io::Error,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(damage) => damage.fmt(f),
            Self::Unreadable { doing, source } => write!(f, "{doing}: {source}"),
        }
    }
}

impl From<ReadFailure> for Finding {
    fn from(failure: ReadFailure) -> Self {
        match failure {
            ReadFailure::Damaged(damage) => Self::Damaged(damage),
            ReadFailure::Io { path, source } => {
                Self::Unreadable { doing: format!("reading {}", path.display()), source }
            }
        }
    }
}

/// Checks a store that no other process has open.
///
/// # Errors
/// `NoStore` when there is none. Everything else that goes wrong is among the findings.
pub fn verify(disk: &dyn Disk) -> Result<Verified, OpenError> {
    let mut verified = Verified::default();
    let identity = match StoreIdentity::load(disk) {
        Ok(Some(identity)) => identity,
        Ok(None) => return Err(OpenError::NoStore),
        Err(failure) => {
            verified.findings.push(failure.into());
            return Ok(verified);
        }
    };
    verified.identity = Some(identity);
    verified.count(disk, Path::new(layout::STORE));
    verified.check_framed_files(disk, &identity, Kind::Manifest);
    verified.check_framed_files(disk, &identity, Kind::Journal);
    verified.check_together(disk);
    Ok(verified)
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn check_framed_files(&mut self, disk: &dyn Disk, identity: &StoreIdentity, kind: Kind) {
        let (directory, extension) = match kind {
            Kind::Journal => (layout::JOURNAL, "journal"),
            Kind::Manifest => (layout::MANIFEST, "manifest"),
        };
        let mut names = match disk.list(Path::new(directory)) {
            Ok(names) => names,
            Err(source) => return self.unreadable(directory, source),
        };
        names.sort_unstable();
        for name in names {
            let path = Path::new(directory).join(&name);
            let result = if let Some(number) = layout::file_number_in_name(&name, extension) {
                file::check_file(disk, identity, kind, number, path.clone())
            } else if layout::number_in_name(&name, "spare").is_some() {
                file::check_spare(disk, identity, kind, path.clone())
            } else {
                continue;
            };
            self.count(disk, &path);
            match result {
                Ok(damage) => self.findings.extend(damage.into_iter().map(Finding::Damaged)),
                Err(failure) => self.findings.push(failure.into()),
            }
        }
    }

    /// Checks what no file can tell of itself: that all are there, and agree with one another.
    fn check_together(&mut self, disk: &dyn Disk) {
        let mut nobody = Nobody;
        match open_read_only(disk, &mut nobody) {
            Ok(ReadStore { manifest, report, damage, .. }) => {
                if let Some(damage) = damage {
                    self.add_if_new(damage);
                }
                if let Some(place) = manifest.snapshot() {
                    self.count(disk, &layout::state_file(place.number));
                }
                self.torn = report.torn;
                self.unknown = report.unknown;
                self.manifest = Some(manifest);
            }
            Err(OpenError::Damaged(damage)) => self.add_if_new(damage),
            Err(OpenError::Io { doing, source }) => self.findings.push(Finding::Unreadable { doing, source }),
            Err(error @ (OpenError::NoStore | OpenError::InUse)) => {
                let doing = "opening the store for reading".to_owned();
                self.findings.push(Finding::Unreadable { doing, source: io::Error::other(error) });
            }
        }
    }

    /// Opening stops at what the files themselves have shown before.
    fn add_if_new(&mut self, damage: Damage) {
        let known: BTreeSet<_> = self
            .findings
            .iter()
            .filter_map(|finding| match finding {
                Finding::Damaged(known) => Some((&known.path, known.offset)),
                Finding::Unreadable { .. } => None,
            })
            .collect();
        if !known.contains(&(&damage.path, damage.offset)) {
            self.findings.push(Finding::Damaged(damage));
        }
    }

    fn count(&mut self, disk: &dyn Disk, path: &Path) {
        self.files += 1;
        match disk.open(path).and_then(|file| file.length()) {
            Ok(length) => self.bytes += length,
            Err(source) => self.unreadable(&path.to_string_lossy(), source),
        }
    }

    fn unreadable(&mut self, path: &str, source: io::Error) {
        self.findings.push(Finding::Unreadable { doing: format!("reading {path}"), source });
    }
}

/// Replays into nothing: reading is the check.
struct Nobody;

impl Replay for Nobody {
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
