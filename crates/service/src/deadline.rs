//! When the client of a call stops waiting for it.

use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

/// A deadline that came with a call.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    /// What the client set it with, as its protocol calls that: messages name it.
    pub(crate) set_with: &'static str,
}

impl Deadline {
    /// The deadline `at`; `set_with` is what the client set it with, as its protocol calls that.
    pub fn new(at: Instant, set_with: &'static str) -> Self {
        Self { at, set_with }
    }

    /// Waits until it has passed.
    pub fn passed(&self) -> Sleep {
        sleep_until(self.at)
    }

    /// What the future gives, or none if that does not come in time: the future is dropped then, or was never polled.
    pub(crate) async fn limit<F: Future>(&self, future: F) -> Option<F::Output> {
        if self.at <= Instant::now() {
            return None;
        }
        timeout_at(self.at, future).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_begun_once_the_deadline_has_passed() {
        let deadline = Deadline::new(Instant::now(), "timeout");
        assert_eq!(deadline.limit(async { unreachable!("it is not polled") as u8 }).await, None);
    }
}
