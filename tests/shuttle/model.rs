//! Runs a test under many schedules: half of them random, half of them by PCT.
//!
//! At each step that another thread could see, a schedule says which goes on. The random ones choose anew each time; those
//! by PCT run the thread of the highest priority and change priorities only a few times, which finds what needs one
//! thread to be held up for long. A seed gives `SCHEDULES` of each. Threads that wait for each other for ever, or for a
//! wake that never comes, fail the test: no time passes that could help them, unless the test lets it.

use annals_testkit_on_shuttle::{replay, seed};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, MaxSteps, Runner};

use crate::sync::time;

/// Schedules of each kind that a seed stands for.
const SCHEDULES: usize = 50;

/// How often a schedule by PCT changes priorities, at most.
const PCT_DEPTH: usize = 3;

/// Steps after which a test is taken to run for ever.
const STEPS_MAX: usize = 100_000;

/// Runs `test` under the schedules of so many seeds, unless the environment says otherwise.
///
/// # Panics
/// When it fails under one of them; the seed and the schedule are printed.
pub(crate) fn model(seeds: u64, test: impl Fn() + Clone + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 256 * 1024;
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    // What it would warn of is left to loom: orders that are weaker than sequentially consistent.
    config.silence_warnings = true;
    for seed in seed::seeds(seeds) {
        let variable = seed::SEED_VARIABLE;
        let _announced = replay::announce(format!("this was seed {seed}; replay it with {variable}={seed}"));
        let begun = |test: &dyn Fn()| {
            time::begin();
            test();
        };
        let random = test.clone();
        Runner::new(RandomScheduler::new_from_seed(seed, SCHEDULES), config.clone()).run(move || begun(&random));
        let by_pct = test.clone();
        let pct = PctScheduler::new_from_seed(seed, PCT_DEPTH, SCHEDULES);
        Runner::new(pct, config.clone()).run(move || begun(&by_pct));
    }
}
