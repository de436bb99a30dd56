//! How long to wait before trying again: twice as long each time, up to a bound, and never all clients at once.

use std::time::Duration;

use rand::Rng;

/// The first wait; a server that restarts is back within a few of them.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait; after an outage of hours a reader is back this soon.
const LONGEST: Duration = Duration::from_secs(10);

/// Counts the tries since the last success.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// How long to wait before the next try: between half and the whole of a time that doubles.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1_u32.checked_shl(self.tries).unwrap_or(u32::MAX)).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        whole.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// Tries since the last success.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// Something succeeded: the next wait is short again.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_shrink_after_a_success() {
        let mut backoff = Backoff::default();
        for tries in 0..100 {
            let whole = FIRST.saturating_mul(1 << tries.min(20)).min(LONGEST);
            let wait = backoff.next_wait();
            assert!(wait >= whole / 2 && wait <= whole, "try {tries}: {wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= FIRST);
    }
}
