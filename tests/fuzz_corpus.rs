//! The fuzz targets without libFuzzer: over their corpus, which holds inputs that reach far and those that once failed,
//! and over random inputs.
//!
//! `tests/README.md` says how to fuzz, and how the corpus comes about. A random input that fails is told by its seed;
//! `ANNALS_TEST_SEED=n` replays it, `ANNALS_TEST_CASES=n` runs more of them.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use annals_testkit::{fuzz, seed};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

/// The longest random input.
const BYTES_MAX: usize = 600;

/// Hands each file of a target's corpus to the target, and then as many random inputs.
fn replay(name: &str, random_inputs: u64, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let entries = fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry of the corpus").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no input", corpus.display());
    for path in paths {
        let input = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| target(&input)));
        assert!(outcome.is_ok(), "{} fails; the reason is above", path.display());
    }
    for seed in seed::seeds(random_inputs) {
        let _announced = seed::announce(seed);
        let mut random = StdRng::seed_from_u64(seed);
        let mut input = vec![0; random.random_range(1..BYTES_MAX)];
        random.fill_bytes(&mut input);
        target(&input);
    }
}

#[test]
fn what_is_read_of_journal_files_is_what_stands_there() {
    replay("frame", 300, fuzz::frame);
}

#[test]
fn what_verifying_finds_nothing_wrong_with_all_readers_of_a_segment_read_alike() {
    replay("segment", 100, fuzz::segment);
}

#[test]
fn edits_of_the_manifest_are_refused_or_lead_where_they_say() {
    replay("manifest", 300, fuzz::manifest);
}

#[test]
fn tokens_are_refused_or_are_what_a_server_hands_out() {
    replay("token", 300, fuzz::token);
}

#[test]
fn events_that_the_walk_takes_are_read_alike_by_prost() {
    replay("walk", 300, fuzz::walk);
}

#[test]
fn the_engine_agrees_with_the_oracle_over_any_operations_and_power_cuts() {
    replay("engine", 10, fuzz::engine);
}
