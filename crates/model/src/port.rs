//! The port of Annals, in this one place.

/// The port that a server listens on, and that clients look for one at, unless they are told otherwise.
pub const DEFAULT_PORT: u16 = 7440;
