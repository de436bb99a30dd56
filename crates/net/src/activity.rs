//! Whether a connection has calls under way, and since when it has none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The calls of one connection.
#[derive(Debug)]
pub struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    calls: usize,
    idle_since: Instant,
}

/// A call under way, until this is dropped.
#[derive(Debug)]
pub struct Call(Arc<Activity>);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(State { calls: 0, idle_since: Instant::now() }))
    }
}

impl Activity {
    /// Notes a call.
    pub fn begin(self: &Arc<Self>) -> Call {
        self.with(|state| state.calls += 1);
        Call(Arc::clone(self))
    }

    /// After how long the connection will have been idle for `time`, if nothing comes; zero if it has.
    pub fn idle_in(&self, time: Duration) -> Duration {
        self.with(|state| if state.calls > 0 { time } else { time.saturating_sub(state.idle_since.elapsed()) })
    }

    /// Whether no call is under way.
    pub fn is_idle(&self) -> bool {
        self.with(|state| state.calls == 0)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.with(|state| {
            state.calls -= 1;
            state.idle_since = Instant::now();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_its_last_calls_end() {
        let activity = Arc::new(Activity::default());
        let minute = Duration::from_mins(1);
        let call = activity.begin();
        tokio::time::advance(2 * minute).await;
        assert_eq!(activity.idle_in(minute), minute);
        drop(call);
        tokio::time::advance(minute / 2).await;
        assert_eq!(activity.idle_in(minute), minute / 2);
        tokio::time::advance(minute).await;
        assert_eq!(activity.idle_in(minute), Duration::ZERO);
    }
}
