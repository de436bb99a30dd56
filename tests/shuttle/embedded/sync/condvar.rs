//! Condition variables, as the standard library's, by the time of a model.

use std::sync::{Arc, LockResult, PoisonError};
use std::time::Duration;

use super::time::{self, Instant};
use super::{MutexGuard, step};

#[derive(Debug, Default)]
pub struct Condvar(Arc<shuttle::sync::Condvar>);

/// Whether the time ran out.
#[derive(Clone, Copy, Debug)]
pub struct TimedOut(bool);

impl TimedOut {
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    pub fn wait<'lock, T>(&self, guard: MutexGuard<'lock, T>) -> LockResult<MutexGuard<'lock, T>> {
        self.0.wait(guard)
    }

    pub fn wait_while<'lock, T>(
        &self,
        guard: MutexGuard<'lock, T>,
        is_to_wait: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'lock, T>> {
        self.0.wait_while(guard, is_to_wait)
    }

    pub fn wait_timeout<'lock, T>(
        &self,
        guard: MutexGuard<'lock, T>,
        wait_max: Duration,
    ) -> LockResult<(MutexGuard<'lock, T>, TimedOut)> {
        let end = Instant::now() + wait_max;
        if wait_max.is_zero() {
            step();
            return Ok((guard, TimedOut(true)));
        }
        let condvar = Arc::clone(&self.0);
        let alarm = time::alarm(end, move || condvar.notify_all());
        let guard = self.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
        drop(alarm);
        Ok((guard, TimedOut(Instant::now() >= end)))
    }

    pub fn wait_timeout_while<'lock, T>(
        &self,
        mut guard: MutexGuard<'lock, T>,
        wait_max: Duration,
        mut is_to_wait: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'lock, T>, TimedOut)> {
        let end = Instant::now() + wait_max;
        while is_to_wait(&mut guard) {
            let now = Instant::now();
            if now >= end {
                return Ok((guard, TimedOut(true)));
            }
            guard = self.wait_timeout(guard, end - now).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok((guard, TimedOut(false)))
    }
}
