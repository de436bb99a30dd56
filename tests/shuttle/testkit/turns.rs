//! How an engine's threads take turns while a test runs, and by which clock: as a seed decides. Stands in the place of
//! `crates/testkit/src/turns.rs`.
//!
//! All threads of a run are simulated on one. At each lock, channel and atomic of the engine, and before each change of
//! the disk, the seed says which goes on. Time passes where a workload pauses, and where all threads wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_embedded::Clock;
use annals_embedded::sync::time;
use rand::Rng;
use rand::rngs::StdRng;
use shuttle::future::block_on;
use shuttle::{Config, FailurePersistence, MaxSteps, Runner, thread};

use crate::{replay, scheduler};

/// The hour at which the clock of a run of hour 0 begins, since the Unix epoch: some time in 2026.
const FIRST_HOUR: u64 = 493_000;

/// Steps after which a run is taken to go on for ever.
const STEPS_MAX: usize = 10_000_000;

/// What a thread may have of stack.
const STACK_BYTES: usize = 512 * 1024;

/// The longest that a pause of a workload takes: longer than an engine waits before it marks that it is idle.
const PAUSE_MAX: Duration = Duration::from_millis(5);

/// What decides a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns {
    /// The seed of the turns.
    pub(crate) seed: u64,
    /// The hour in which the run begins.
    pub(crate) hour: u64,
}

impl Turns {
    /// Runs something to its end. All threads that it starts must have ended then.
    pub(crate) fn run<T: Send + 'static>(self, work: impl AsyncFnOnce() -> T + Send + 'static) -> T {
        let mut config = Config::new();
        config.stack_size = STACK_BYTES;
        config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
        // The seed is shorter than the schedule.
        config.failure_persistence = FailurePersistence::None;
        config.silence_warnings = true;
        let (work, outcome) = (Mutex::new(Some(work)), Arc::new(Mutex::new(None)));
        let told = Arc::clone(&outcome);
        Runner::new(scheduler::Turns::new(self.seed), config).run(move || {
            time::begin_at(Duration::from_hours(FIRST_HOUR + self.hour));
            let work = work.lock().expect("nobody else is here").take().expect("it is run once");
            *told.lock().expect("nobody else is here") = Some(while_time_passes(work));
            time::begin();
        });
        let outcome = outcome.lock().expect("nobody else is here").take();
        outcome.expect("the run has come to its end")
    }
}

/// Runs something, and lets time pass wherever all threads wait for it.
fn while_time_passes<T>(work: impl AsyncFnOnce() -> T) -> T {
    let is_over = Arc::new(AtomicBool::new(false));
    let clock = thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            while !is_over.load(Ordering::SeqCst) {
                assert!(time::advance_to_alarm(), "all threads wait for each other, and for no time");
            }
        }
    });
    let outcome = block_on(work());
    is_over.store(true, Ordering::SeqCst);
    clock.join().expect("the clock ends");
    outcome
}

/// The command that runs the workload of a seed again.
pub(crate) fn replay(seed: u64) -> String {
    format!(
        "replay it: cargo run --release -p annals-testkit-on-shuttle --example power_cuts -- --images 1 --seed {seed}"
    )
}

/// Has a panic say how to run the workload of a seed again, for as long as the answer lives.
pub(crate) fn announce(seed: u64) -> replay::Announced {
    replay::announce(replay(seed))
}

/// The clock of an engine.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(RunClock)
}

/// The time of a run, which begins at its hour.
#[derive(Debug)]
struct RunClock;

impl Clock for RunClock {
    fn wall_nanos(&self) -> i64 {
        i64::try_from(time::tick().as_nanos()).expect("a time in this century")
    }

    fn monotonic_nanos(&self) -> u64 {
        u64::try_from(time::tick().as_nanos()).expect("a time in this century")
    }
}

/// A place before a change of the disk, where another thread may go on.
pub(crate) fn step() {
    if !std::thread::panicking() {
        thread::sleep(Duration::ZERO);
    }
}

/// A place in a workload where some time may pass.
pub(crate) fn pause(random: &mut StdRng) {
    if random.random_bool(0.3) {
        time::advance(random.random_range(Duration::ZERO..PAUSE_MAX));
    }
}
