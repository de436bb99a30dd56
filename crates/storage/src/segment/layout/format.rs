//! The version of the segment format, and what a reader of this version refuses.

/// The version that this code writes, and the only one that it reads.
pub(crate) const VERSION: u32 = 1;

/// Feature bits that a reader may know nothing of and still read the file rightly. None are written yet.
pub(crate) const COMPATIBLE: u64 = 0;

/// Feature bits that a reader must know. None are written yet.
pub(crate) const INCOMPATIBLE: u64 = 0;

/// The key that encrypts the file: none.
pub(crate) const KEY_NONE: u64 = 0;

/// The version and features of a part of a segment, as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    pub version: u32,
    pub compatible: u64,
    pub incompatible: u64,
    pub key: u64,
}

impl Features {
    /// Those that this code writes.
    pub(crate) const WRITTEN: Self =
        Self { version: VERSION, compatible: COMPATIBLE, incompatible: INCOMPATIBLE, key: KEY_NONE };

    /// What this version cannot read of it, in words; none if it can read all.
    pub(crate) fn beyond_us(&self) -> Option<String> {
        if self.version != VERSION {
            return Some(format!("segment format {}, where this version reads {VERSION}", self.version));
        }
        let unknown = self.incompatible & !INCOMPATIBLE;
        if unknown != 0 {
            return Some(format!("feature bits {unknown:#x}, which this version does not know"));
        }
        (self.key != KEY_NONE).then(|| format!("encryption with key {}, which this version does not know", self.key))
    }
}
