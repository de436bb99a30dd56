//! Seeds of random tests: printed, and taken back from the environment to replay a failure.
//!
//! `ANNALS_TEST_SEED=17` runs that one seed; `ANNALS_TEST_CASES=1000` runs so many.

use std::env;
use std::ops::Range;

/// The environment variable that names one seed to replay.
pub const SEED_VARIABLE: &str = "ANNALS_TEST_SEED";

/// The environment variable that says how many cases to run.
pub const CASES_VARIABLE: &str = "ANNALS_TEST_CASES";

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}; give a whole number")))
}

/// The seeds that a test runs: `cases_by_default` of them, unless the environment says otherwise.
pub fn seeds(cases_by_default: u64) -> Range<u64> {
    match number(SEED_VARIABLE) {
        Some(seed) => seed..seed + 1,
        None => 0..number(CASES_VARIABLE).unwrap_or(cases_by_default),
    }
}

/// For tests whose seeds make different numbers of cases: the first seed, and how many cases to run. With a seed to
/// replay this is that seed, and one case, so that nothing follows it.
pub fn start_and_cases(cases_by_default: u64) -> (u64, u64) {
    match number(SEED_VARIABLE) {
        Some(seed) => (seed, 1),
        None => (0, number(CASES_VARIABLE).unwrap_or(cases_by_default)),
    }
}

/// Prints the seed when the test that holds this panics.
#[derive(Debug)]
pub struct Announced(u64);

/// Announces `seed` for as long as the answer lives.
pub fn announce(seed: u64) -> Announced {
    Announced(seed)
}

impl Drop for Announced {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was seed {seed}; replay it with {SEED_VARIABLE}={seed}", seed = self.0);
        }
    }
}
