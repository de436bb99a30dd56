//! Ids for events that were sent without one: UUIDs of version 7.

use annals_model::EventTime;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use uuid::{Builder, Uuid};

const NANOS_PER_MILLI: i64 = 1_000_000;

/// Makes ids. One for each task that needs them: seeded by the operating system once, it makes millions a second.
#[derive(Debug)]
pub struct EventIds(StdRng);

impl EventIds {
    /// Ids that no other maker makes.
    pub fn new() -> Self {
        Self(StdRng::from_os_rng())
    }

    /// A fresh id that sorts by `now`, to the millisecond; times before 1970 count as 1970.
    pub fn next(&mut self, now: EventTime) -> Uuid {
        let millis = u64::try_from(now.unix_nanos() / NANOS_PER_MILLI).unwrap_or(0);
        let mut random = [0; 10];
        self.0.fill_bytes(&mut random);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

impl Default for EventIds {
    fn default() -> Self {
        Self::new()
    }
}
