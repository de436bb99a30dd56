//! What a segment is known by.

use std::fmt;
use std::path::Path;

/// The end of a sealed segment's file name.
const SEALED: &str = "segment";
/// The end of the name of a segment that is being written.
const PARTIAL: &str = "segment.partial";

/// The number of a segment file; never reused within a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(u64);

impl SegmentId {
    /// After all that a store will ever have; no segment has it.
    pub(crate) const LAST: Self = Self(u64::MAX);

    /// An id by its number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The id after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The name of the sealed file in the segments' directory.
    pub fn file_name(self) -> String {
        format!("{self}.{SEALED}")
    }

    /// The name of the file while it is being written.
    pub fn partial_file_name(self) -> String {
        format!("{self}.{PARTIAL}")
    }

    /// The id in the name of a sealed file; none for any other name.
    pub fn from_file_name(name: &Path) -> Option<Self> {
        Self::from_name(name, Self::file_name)
    }

    /// The id in the name of a file that was being written; none for any other name.
    pub fn from_partial_file_name(name: &Path) -> Option<Self> {
        Self::from_name(name, Self::partial_file_name)
    }

    /// Reads a name and accepts it only if this version would give that very name.
    fn from_name(name: &Path, name_of: fn(Self) -> String) -> Option<Self> {
        let name = name.to_str()?;
        let id = Self(u64::from_str_radix(name.split_once('.')?.0, 16).ok()?);
        (name_of(id) == name).then_some(id)
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_a_sealed_segment_from_one_being_written_and_from_strangers() {
        let id = SegmentId::new(0x2a);
        assert_eq!(id.file_name(), "000000000000002a.segment");
        assert_eq!(SegmentId::from_file_name(Path::new(&id.file_name())), Some(id));
        assert_eq!(SegmentId::from_partial_file_name(Path::new(&id.partial_file_name())), Some(id));
        for stranger in ["2a.segment", "000000000000002A.segment", "000000000000002a.segment.bak", "notes"] {
            assert_eq!(SegmentId::from_file_name(Path::new(stranger)), None, "{stranger}");
        }
    }
}
