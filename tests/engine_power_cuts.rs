//! The power goes at every change that the embedded engine makes to its disk, whatever was not synced: it opens again
//! with all that was acknowledged, bit for bit and in order, and nothing else but whole appends that were under way.
//!
//! A million images instead of some thousands: `cargo run --release -p annals-testkit --example power_cuts`.

use annals_testkit::{power, seed};

/// Images of an ordinary run.
const IMAGES: u64 = 20_000;

#[test]
fn an_engine_loses_nothing_acknowledged_when_the_power_goes_at_any_change_of_its_disk() {
    let (first, images) = seed::start_and_cases(IMAGES);
    let tally = power::run(first, images, 2, |_| {}).unwrap_or_else(|wrong| panic!("{wrong}"));
    eprintln!("{tally:?}");
    assert!(tally.images >= images && tally.cut_twice > tally.images / 5, "{tally:?}");
}
