//! Random operations on an engine and on its oracle, over settling, reopening and crashes.
//!
//! A failure prints its seed; `ANNALS_TEST_SEED=n` replays it, `ANNALS_TEST_CASES=n` runs more of them.

use annals_testkit::embedded::EmbeddedSubject;
use annals_testkit::plain::PlainSubject;
use annals_testkit::{model, seed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_engine_agrees_with_the_oracle() {
    for seed in seed::seeds(20) {
        let _announced = seed::announce(seed);
        model::run(PlainSubject::default(), seed, 60).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_engine_agrees_with_the_oracle() {
    for seed in seed::seeds(10) {
        let _announced = seed::announce(seed);
        model::run(EmbeddedSubject::default(), seed, 60).await;
    }
}

/// Runs of a few events, so that a short history flushes, merges and joins many of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_engine_agrees_with_the_oracle_over_many_small_runs() {
    for seed in seed::seeds(10) {
        let _announced = seed::announce(seed);
        model::run(EmbeddedSubject::with_options(|options| options.run_bytes_max = 1_000), seed, 120).await;
    }
}
