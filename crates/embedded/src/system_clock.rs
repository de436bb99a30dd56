//! The operating system's clocks.
//!
//! They are asked through the C library, so that a test can shift the clocks of the real binary by a library of its own.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::clock::Clock;

/// The operating system's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed in")]
    fn wall_nanos(&self) -> i64 {
        let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        }
    }

    fn monotonic_nanos(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn boot_nanos(&self) -> u64 {
        since_boot().map_or_else(|| self.monotonic_nanos(), |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    fn is_synchronised(&self) -> Option<bool> {
        is_synchronised()
    }
}

/// The time since the machine was started, suspends included; none where the system has no such clock.
#[cfg(target_os = "linux")]
fn since_boot() -> Option<Duration> {
    use nix::time::{ClockId, clock_gettime};

    // The clock is there from Linux 2.6.39 on, and a clock that is there is not refused: it is this one always or never.
    clock_gettime(ClockId::CLOCK_BOOTTIME).ok().map(Duration::from)
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Option<Duration> {
    None
}

/// Whether the kernel calls its wall clock synchronised; none if it does not tell.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no crate hands out the kernel's status, and it is told in no file")]
fn is_synchronised() -> Option<bool> {
    use std::mem::MaybeUninit;

    use nix::libc;

    let mut told = MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: the pointer is to a whole `timex` that nobody else has, all zeros, which are values of all its fields; with
    // no mode set the call only fills it in.
    let (result, told) = unsafe { (libc::adjtimex(told.as_mut_ptr()), told.assume_init()) };
    (result >= 0).then_some(told.status & libc::STA_UNSYNC == 0)
}

#[cfg(not(target_os = "linux"))]
fn is_synchronised() -> Option<bool> {
    None
}
