//! The kinds of failure: what a caller can do about one, where it does not know the reason.

/// What kind of failure a fault is. The names are those of gRPC's status codes, which other protocols map to theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The request is wrong, whatever the state of the store. Fix it.
    InvalidArgument,
    /// What was asked for is not there.
    NotFound,
    /// What was to be made is there.
    AlreadyExists,
    /// The state of the store does not allow it; somebody must change that first.
    FailedPrecondition,
    /// Something else came between. Look again, then try again.
    Aborted,
    /// Past what is stored.
    OutOfRange,
    /// A bound is reached: a quota, the disk, what a server takes in.
    ResourceExhausted,
    /// Not built.
    Unimplemented,
    /// Not at this moment; nothing was done. Try again.
    Unavailable,
    /// Whether it was done is not known.
    Unknown,
    /// The time that the caller gave is over.
    DeadlineExceeded,
    /// Stored bytes are not what was written.
    DataLoss,
    /// The server met what it should not meet.
    Internal,
}
