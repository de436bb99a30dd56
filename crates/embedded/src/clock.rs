//! Time: the clocks that the engine is given.

use std::fmt::Debug;

/// How fast commit time is drawn towards the wall clock: at most one part in this many. A clock that was set wrong by a
/// second is caught up with in 20 s, and rates over commit time are never off by more than 5 %.
pub(crate) const SLEW_DIVISOR: i64 = 20;

/// What the engine asks the time. A test gives one that stands still until it is told.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The wall clock: nanoseconds since the Unix epoch. It may be set, also back.
    fn wall_nanos(&self) -> i64;

    /// Nanoseconds since some moment, for what waits. Never goes back.
    fn monotonic_nanos(&self) -> u64;

    /// Nanoseconds since some moment, by which events grow old: never goes back, is never set, and goes on while the machine
    /// is suspended.
    fn boot_nanos(&self) -> u64 {
        self.monotonic_nanos()
    }

    /// Whether the operating system calls the wall clock right; none if that is not known.
    fn is_synchronised(&self) -> Option<bool> {
        None
    }
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockReading {
    pub(crate) wall: i64,
    pub(crate) boot: u64,
}

impl dyn Clock {
    /// Both clocks now.
    pub(crate) fn read(&self) -> ClockReading {
        ClockReading { wall: self.wall_nanos(), boot: self.boot_nanos() }
    }
}
