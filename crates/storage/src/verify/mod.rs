//! Reading and checking every byte of a store's files.
//!
//! Unlike opening, this does not stop at the first damage, and it looks also where opening has no need to: behind the
//! frames of files that have a successor, into spare files and into all segments. The directory of
//! partitions is not looked at: it is made again from the segments whenever it is wrong.
//!
//! Promises: all that is wrong is found and named, up to a bounded number of findings.
//!
//! Does not: write or mend anything.

mod file;
mod finding;
mod segments;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::damage::Damage;
use crate::disk::Disk;
use crate::framed::{Kind, TornTail};
use crate::identity::StoreIdentity;
use crate::layout;
use crate::manifest::{self, ManifestState};
use crate::store::{OpenError, ReadStore, open_read_only};

pub use finding::{FINDINGS_MAX, Finding, Findings};

/// Is told of each file, or part of one, how many bytes were done.
type Progress<'a> = &'a mut dyn FnMut(&Path, u64);

/// What was checked and what was found.
#[derive(Debug, Default)]
pub struct Verified {
    /// What is wrong, in the order of the files; empty if all is well.
    pub findings: Findings,
    /// Files that were read.
    pub files: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Segments among the files.
    pub segments: u64,
    /// Events that were read in segments.
    pub events: u64,
    /// What was being written when the power last went. Not damage: it was never acknowledged.
    pub torn: Vec<TornTail>,
    /// Files that the store did not make. Not damage.
    pub unknown: Vec<PathBuf>,
    /// Files of the store that nothing in it names: what a crash left. Not damage: they mean nothing.
    pub unnamed: Vec<PathBuf>,
    /// What was put into quarantine, with its bytes. Not damage: it was told when it was put there.
    pub quarantine: Vec<(PathBuf, u64)>,
    /// What the store consists of, as far as it could be opened for reading.
    pub manifest: Option<ManifestState>,
    /// Which store it is, if that could be read.
    pub identity: Option<StoreIdentity>,
}

/// Checks a store that no other process has open, all of it. Tells `progress` how far it is, in bytes of files.
///
/// # Errors
/// `NoStore` when there is none. Everything else that goes wrong is among the findings.
pub fn verify_all(disk: &Arc<dyn Disk>, progress: &mut dyn FnMut(&Path, u64)) -> Result<Verified, OpenError> {
    let mut verified = check(&**disk, progress)?;
    if let Some(identity) = verified.identity {
        verified.check_segments(disk, &identity, progress);
    }
    Ok(verified)
}

/// Bytes of all files that [`verify_all`] reads; what cannot be looked at counts nothing.
pub fn bytes_to_verify(disk: &dyn Disk) -> u64 {
    let lengths = |directory: &str| -> u64 {
        let names = disk.list(Path::new(directory)).unwrap_or_default();
        let paths = names.into_iter().map(|name| Path::new(directory).join(name));
        paths.filter_map(|path| disk.open(&path).and_then(|file| file.length()).ok()).sum()
    };
    layout::DIRECTORIES.into_iter().map(lengths).sum()
}

/// As [`verify_all`], without the segments.
///
/// # Errors
/// As `verify_all`.
pub fn verify(disk: &dyn Disk) -> Result<Verified, OpenError> {
    check(disk, &mut |_, _| {})
}

fn check(disk: &dyn Disk, progress: Progress<'_>) -> Result<Verified, OpenError> {
    let mut verified = Verified::default();
    let identity = match StoreIdentity::load(disk) {
        Ok(Some(identity)) => identity,
        Ok(None) => return Err(OpenError::NoStore),
        Err(failure) => {
            verified.findings.add(failure);
            return Ok(verified);
        }
    };
    verified.identity = Some(identity);
    verified.count(disk, Path::new(layout::STORE), progress);
    verified.check_framed_files(disk, &identity, Kind::Manifest, progress);
    verified.check_framed_files(disk, &identity, Kind::Journal, progress);
    verified.check_together(disk, &identity);
    verified.check_state_files(disk, progress);
    verified.list_quarantine(disk, progress);
    Ok(verified)
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn check_framed_files(&mut self, disk: &dyn Disk, identity: &StoreIdentity, kind: Kind, progress: Progress<'_>) {
        let (directory, extension) = match kind {
            Kind::Journal => (layout::JOURNAL, "journal"),
            Kind::Manifest => (layout::MANIFEST, "manifest"),
        };
        for path in self.list(disk, directory) {
            let name = path.file_name().map_or(Path::new(""), Path::new);
            let result = if let Some(number) = layout::file_number_in_name(name, extension) {
                file::check_file(disk, identity, kind, number, path.clone())
            } else if layout::number_in_name(name, "spare").is_some() {
                file::check_spare(disk, identity, kind, path.clone())
            } else {
                continue;
            };
            self.count(disk, &path, progress);
            match result {
                Ok(damage) => damage.into_iter().for_each(|damage| self.findings.add(Finding::Damaged(damage))),
                Err(failure) => self.findings.add(failure),
            }
        }
    }

    /// Checks what no file can tell of itself: that all are there, and agree with one another.
    fn check_together(&mut self, disk: &dyn Disk, identity: &StoreIdentity) {
        // What is wrong with the manifest by itself is among the findings already; a sound one is of use without a state.
        self.manifest = manifest::recover(disk, identity, |_, _, _| {}).ok().map(|recovered| recovered.state);
        match open_read_only(disk, &mut ()) {
            Ok(ReadStore { report, damage, .. }) => {
                if let Some(damage) = damage {
                    self.add_if_new(damage);
                }
                self.torn = report.torn;
                self.unknown = report.unknown;
            }
            Err(OpenError::Damaged(damage)) => self.add_if_new(damage),
            Err(OpenError::Io { doing, source }) => self.findings.add(Finding::Unreadable { doing, source }),
            Err(error @ (OpenError::NoStore | OpenError::InUse)) => {
                let doing = "opening the store for reading".to_owned();
                self.findings.add(Finding::Unreadable { doing, source: io::Error::other(error) });
            }
        }
    }

    /// Reads the snapshots of the state. That which the manifest names was checked with it; another one is what a crash
    /// left, of which no digest is known.
    fn check_state_files(&mut self, disk: &dyn Disk, progress: Progress<'_>) {
        let named = self.manifest.as_ref().map(|manifest| manifest.snapshot().map(|place| place.number));
        for path in self.list(disk, layout::STATE) {
            let name = path.file_name().map_or(Path::new(""), Path::new);
            let number = layout::file_number_in_name(name, "state");
            if number.is_none() {
                self.unknown.push(path);
                continue;
            }
            self.count(disk, &path, progress);
            if named.is_some_and(|named| named != number) {
                self.read_whole(disk, &path);
                self.unnamed.push(path);
            }
        }
    }

    fn list_quarantine(&mut self, disk: &dyn Disk, progress: Progress<'_>) {
        for path in self.list(disk, layout::QUARANTINE) {
            let before = self.bytes;
            self.count(disk, &path, progress);
            self.read_whole(disk, &path);
            self.quarantine.push((path, self.bytes - before));
        }
    }

    /// Reads a file of which no content is known, so that it is known that it can be read.
    fn read_whole(&mut self, disk: &dyn Disk, path: &Path) {
        let read = disk.open(path).and_then(|file| {
            let (length, mut at, mut bytes) = (file.length()?, 0, vec![0; READ_BYTES]);
            while at < length {
                let piece = usize::try_from(length - at).map_or(READ_BYTES, |left| left.min(READ_BYTES));
                file.read_at(&mut bytes[..piece], at)?;
                at += piece as u64;
            }
            Ok(())
        });
        if let Err(source) = read {
            self.unreadable(path, source);
        }
    }

    /// The paths of the files in a directory, in order.
    fn list(&mut self, disk: &dyn Disk, directory: &str) -> Vec<PathBuf> {
        let directory = Path::new(directory);
        let mut paths: Vec<_> = match disk.list(directory) {
            Ok(names) => names.into_iter().map(|name| directory.join(name)).collect(),
            Err(source) => {
                self.unreadable(directory, source);
                Vec::new()
            }
        };
        paths.sort_unstable();
        paths
    }

    /// Opening stops at what the files themselves have shown before.
    fn add_if_new(&mut self, damage: Damage) {
        if !self.findings.has(&damage) {
            self.findings.add(Finding::Damaged(damage));
        }
    }

    fn count(&mut self, disk: &dyn Disk, path: &Path, progress: Progress<'_>) {
        self.files += 1;
        match disk.open(path).and_then(|file| file.length()) {
            Ok(length) => {
                self.bytes += length;
                progress(path, length);
            }
            Err(source) => self.unreadable(path, source),
        }
    }

    fn unreadable(&mut self, path: &Path, source: io::Error) {
        self.findings.add(Finding::unreadable(path, source));
    }
}

/// How much of a file is read at a time.
const READ_BYTES: usize = 1024 * 1024;
