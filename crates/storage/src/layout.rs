//! Where everything lies in a store's directory.
//!
//! Paths are relative to the store's directory, as [`Disk`](crate::disk::Disk) takes them. Numbers in names are 16 hex
//! digits, so that names sort as numbers do. A name that this page cannot have made is not the store's: it is left
//! alone or put into quarantine, never removed.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::segment::SegmentId;

/// The store's identity.
pub const STORE: &str = "STORE";
/// Held while a process has the store open.
pub const LOCK: &str = "LOCK";
/// The journal's files.
pub const JOURNAL: &str = "journal";
/// The manifest's files.
pub const MANIFEST: &str = "manifest";
/// Snapshots of the state.
pub const STATE: &str = "state";
/// Segments.
pub const SEGMENTS: &str = "segments";
/// The directory of partitions, which can be rebuilt at any time.
pub const DIRECTORY: &str = "directory";
/// Torn bytes that were cut, and files that nothing names.
pub const QUARANTINE: &str = "quarantine";
/// A spare file that is being written.
pub const SPARE_UNFINISHED: &str = "spare.new";

/// The directories that a store has from the beginning; the directory of partitions makes its own.
pub const DIRECTORIES: [&str; 5] = [JOURNAL, MANIFEST, STATE, SEGMENTS, QUARANTINE];

/// The number of a file of the journal, the manifest or the state: from 1, each used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileNumber(u32);

impl FileNumber {
    /// The first file's.
    pub const FIRST: Self = Self(1);

    /// After all that a store will ever have; no file has it.
    pub(crate) const LAST: Self = Self(u32::MAX);

    /// A number as it stands in a file; none for zero, which no file has.
    pub const fn new(number: u32) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The next file's.
    ///
    /// # Panics
    /// After 2^32 files, which are 256 PiB of journal.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a store never has 2^32 files of a kind"))
    }

    /// The file before this one; none for the first.
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        Self::new(self.0 - 1)
    }
}

impl fmt::Display for FileNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A journal file.
pub fn journal_file(number: FileNumber) -> PathBuf {
    numbered(JOURNAL, number.get().into(), "journal")
}

/// A manifest file.
pub fn manifest_file(number: FileNumber) -> PathBuf {
    numbered(MANIFEST, number.get().into(), "manifest")
}

/// A file of the right length, all zero or of older lives, that is ready to become the next one in `directory`.
pub fn spare_file(directory: &str, index: u64) -> PathBuf {
    numbered(directory, index, "spare")
}

/// A snapshot of the state.
pub fn state_file(number: FileNumber) -> PathBuf {
    numbered(STATE, number.get().into(), "state")
}

/// A sealed segment.
pub fn segment_file(id: SegmentId) -> PathBuf {
    Path::new(SEGMENTS).join(id.file_name())
}

fn numbered(directory: &str, number: u64, extension: &str) -> PathBuf {
    Path::new(directory).join(format!("{number:016x}.{extension}"))
}

/// The number in a file's name, if this module could have made that name with this extension.
pub fn number_in_name(name: &Path, extension: &str) -> Option<u64> {
    let digits = name.to_str()?.strip_suffix(extension)?.strip_suffix('.')?;
    let is_ours = digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_ours { u64::from_str_radix(digits, 16).ok() } else { None }
}

/// As [`number_in_name`], for files that have a [`FileNumber`].
pub fn file_number_in_name(name: &Path, extension: &str) -> Option<FileNumber> {
    FileNumber::new(u32::try_from(number_in_name(name, extension)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_its_number_back_and_no_other_name_does() {
        let number = FileNumber::new(0xdead_beef).expect("not zero");
        let path = journal_file(number);
        assert_eq!(path, Path::new("journal/00000000deadbeef.journal"));
        let name = Path::new(path.file_name().expect("a name"));
        assert_eq!(file_number_in_name(name, "journal"), Some(number));
        for other in ["00000000DEADBEEF.journal", "deadbeef.journal", "00000000deadbeef.state", "notes", ".journal"] {
            assert_eq!(number_in_name(Path::new(other), "journal"), None, "{other}");
        }
        assert_eq!(file_number_in_name(Path::new("0000000000000000.journal"), "journal"), None);
    }
}
