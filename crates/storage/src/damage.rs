//! Damage: bytes on disk that are not what was written.
//!
//! Damage is never cut, skipped or repaired in silence. Whoever finds it passes it on whole, up to the operator; what
//! the operator can do is said by those who know what was being done. The cases of framed files, and how each is told from what a crash leaves behind, are listed in `FORMAT.md` under the
//! labels given here.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A kind of damage. The label is the name of its row in `FORMAT.md` and of its test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DamageCase {
    /// A sector that is neither zero, nor of an older life of the file, nor verifies.
    GarbageSector,
    /// A frame with sectors that were never written, and written sectors of a later frame behind it.
    HoleBeforeLaterFrame,
    /// A sector that verifies and belongs to another frame than the one whose place it is in.
    SectorOutOfPlace,
    /// A frame whose sectors verify and whose header does not say what it must.
    FrameHeaderWrong,
    /// Bytes after a frame's body that are not zero.
    PaddingNotZero,
    /// A frame or file that does not follow the one before it.
    ChainBroken,
    /// Content that is not what was written, or that verifies and does not make sense.
    ContentWrong,
    /// The end of a file's frames lies before the place that another file says it reached.
    FramesMissing,
    /// The file ends before the length that its header gives.
    FileTruncated,
    /// A file that another one names is not there.
    FileMissing,
    /// A file's header does not verify, or is not there although the file was in use.
    HeaderDamaged,
    /// A file that belongs to another store.
    WrongStore,
    /// A file under a name that is not its own.
    WrongFile,
    /// A file of a format that this version does not know.
    UnknownVersion,
    /// Journal and manifest do not agree on how the store was last used: one of them is an older copy.
    OlderCopy,
    /// The store's identity does not verify.
    IdentityDamaged,
    /// A snapshot of the state does not verify.
    StateDamaged,
}

impl DamageCase {
    /// The case's name, as messages, `FORMAT.md` and tests give it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::GarbageSector => "garbage-sector",
            Self::HoleBeforeLaterFrame => "hole-before-later-frame",
            Self::SectorOutOfPlace => "sector-out-of-place",
            Self::FrameHeaderWrong => "frame-header-wrong",
            Self::PaddingNotZero => "padding-not-zero",
            Self::ChainBroken => "chain-broken",
            Self::ContentWrong => "content-wrong",
            Self::FramesMissing => "frames-missing",
            Self::FileTruncated => "file-truncated",
            Self::FileMissing => "file-missing",
            Self::HeaderDamaged => "header-damaged",
            Self::WrongStore => "wrong-store",
            Self::WrongFile => "wrong-file",
            Self::UnknownVersion => "unknown-version",
            Self::OlderCopy => "older-copy",
            Self::IdentityDamaged => "identity-damaged",
            Self::StateDamaged => "state-damaged",
        }
    }
}

impl fmt::Display for DamageCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Where a file differs from what the store wrote, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is damaged at byte {offset} ({case}): expected {expected}, found {found}", path.display())]
pub struct Damage {
    /// What kind of damage.
    pub case: DamageCase,
    /// The file.
    pub path: PathBuf,
    /// The first byte of what is wrong, from the file's beginning.
    pub offset: u64,
    /// What should stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl Damage {
    /// Damage of `path` at `offset`: content that is not what was written.
    #[expect(clippy::needless_pass_by_value, reason = "a number, a text or a digest, whatever the caller has at hand")]
    pub fn new(path: impl Into<PathBuf>, offset: u64, expected: impl ToString, found: impl ToString) -> Self {
        Self::of_case(DamageCase::ContentWrong, path, offset, expected.to_string(), found.to_string())
    }

    /// Damage of a case that has a name of its own.
    pub fn of_case(
        case: DamageCase,
        path: impl Into<PathBuf>,
        offset: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self { case, path: path.into(), offset, expected: expected.into(), found: found.into() }
    }
}

/// Why a file of the store could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadFailure {
    /// A file is not what the store wrote.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The operating system refused.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file or directory, relative to the store's directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl ReadFailure {
    /// The operating system's refusal at `path`.
    pub fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
