//! How the calls to a disk fail.

use std::io;

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
    /// This call of one kind, counted among such calls only, fails, and none after it.
    Nth {
        /// The kind of calls.
        operation: Operation,
        /// Which of them.
        nth: u64,
        /// How it fails.
        failure: Failure,
    },
    /// This call and all after it fail: the power is off.
    PowerOff {
        /// The first call that fails.
        call: u64,
    },
}

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A file is opened, for reading or writing.
    Open,
    /// A file is made.
    Create,
    /// A file gets another name.
    Rename,
    /// A file is removed.
    Remove,
    /// The names of a directory are read.
    List,
    /// A directory is made.
    CreateDirectory,
    /// The names in a directory are synced.
    SyncDirectory,
    /// A directory is taken for this process alone.
    Lock,
    /// Bytes are read.
    Read,
    /// Bytes are written.
    Write,
    /// A file's length is asked for.
    Length,
    /// A file is synced.
    Sync,
}

impl Operation {
    /// All of them, in their order.
    pub const ALL: [Self; 12] = [
        Self::Open,
        Self::Create,
        Self::Rename,
        Self::Remove,
        Self::List,
        Self::CreateDirectory,
        Self::SyncDirectory,
        Self::Lock,
        Self::Read,
        Self::Write,
        Self::Length,
        Self::Sync,
    ];

    /// Whether such calls change what a disk holds, or what of it is durable.
    pub(super) fn is_change(self) -> bool {
        !matches!(self, Self::Open | Self::List | Self::Lock | Self::Read | Self::Length)
    }
}

/// How one call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// With an input/output error, and nothing done. A failed sync drops what it was to make durable.
    Io,
    /// For want of space, and nothing done.
    Full,
    /// With an input/output error after half of the bytes were read or written; as `Io` where there are none.
    Short,
}

impl Failure {
    /// The error that the caller gets.
    pub(super) fn error(self) -> io::Error {
        match self {
            Self::Io => io::Error::other("this call was to fail"),
            Self::Full => io::Error::new(io::ErrorKind::StorageFull, "this call was to find no space"),
            Self::Short => io::Error::other("this call was to fail half way"),
        }
    }
}

/// What was called since the fault was set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls([u64; Operation::ALL.len()]);

impl Calls {
    /// How many calls there were.
    pub fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    /// How many calls of one kind there were.
    pub fn of(&self, operation: Operation) -> u64 {
        self.0[operation as usize]
    }

    pub(super) fn count(&mut self, operation: Operation) {
        self.0[operation as usize] += 1;
    }
}
