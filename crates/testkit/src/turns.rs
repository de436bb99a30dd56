//! How an engine's threads take turns while a test runs, and by which clock: here as the operating system has it.
//!
//! `tests/shuttle/testkit` compiles the modules that use this a second time, over a file of its own in the place of this
//! one: there a seed decides the turns and the time, so that a run can be replayed.

use std::sync::Arc;

use annals_embedded::{Clock, SystemClock};
use rand::rngs::StdRng;

/// What decides a run. Here nothing does.
#[derive(Clone, Copy, Debug)]
#[expect(dead_code, reason = "what is read where threads are simulated")]
pub(crate) struct Turns {
    /// The seed of the turns.
    pub(crate) seed: u64,
    /// The hour in which the run begins.
    pub(crate) hour: u64,
}

impl Turns {
    /// Runs something to its end.
    pub(crate) fn run<T>(self, work: impl AsyncFnOnce() -> T) -> T {
        let Self { seed: _, hour: _ } = self;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(work())
    }
}

/// The command that runs the workload of a seed again.
pub(crate) fn replay(seed: u64) -> String {
    format!(
        "the threads' turns are not decided by the seed; its requests and cuts again: \
         cargo run --release -p annals-testkit --example power_cuts -- --images 1 --seed {seed}"
    )
}

/// Has a panic say how to run the workload of a seed again, for as long as the answer lives.
pub(crate) fn announce(seed: u64) -> crate::seed::Announced {
    crate::seed::announce(seed)
}

/// The clock of an engine.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::default())
}

/// A place before a change of the disk, where another thread may go on.
pub(crate) fn step() {}

/// A place in a workload where some time may pass. Here it passes anyway.
pub(crate) fn pause(_: &mut StdRng) {}
