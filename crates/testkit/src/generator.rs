//! Events from a seed: the same seed gives the same events.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::event::{Cell, TestEvent};

/// What events to make.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How many partitions the events fall into; low ones get more of them.
    pub partitions: u32,
    /// How many events of a hundred come late.
    pub late_percent: u32,
    /// How many distinct event times there are at most: few times make many ties.
    pub times: u32,
    /// The most bytes of a payload.
    pub payload_bytes_max: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self { partitions: 20, late_percent: 30, times: 500, payload_bytes_max: 200 }
    }
}

/// Makes events.
#[derive(Debug)]
pub struct Generator {
    random: StdRng,
    shape: Shape,
    now: i64,
}

impl Generator {
    /// A generator that starts from `seed`.
    pub fn new(seed: u64, shape: Shape) -> Self {
        Self { random: StdRng::seed_from_u64(seed), shape, now: 0 }
    }

    /// The random numbers that the events come from, for choices of the test's own.
    pub fn random(&mut self) -> &mut StdRng {
        &mut self.random
    }

    /// Goes on from another seed, in the time that the events have come to.
    pub fn reseed(&mut self, seed: u64) {
        self.random = StdRng::seed_from_u64(seed);
    }

    /// A key: of all lengths, and with bytes that order and hash in odd ways.
    pub fn key(&mut self) -> Vec<u8> {
        let highest = self.random.random_range(0..self.shape.partitions);
        let number = self.random.random_range(0..=highest);
        key_of(number)
    }

    /// An event.
    pub fn event(&mut self) -> TestEvent {
        let key = self.key();
        let late = self.random.random_range(0..100) < self.shape.late_percent;
        let time = if late {
            self.random.random_range(0..=self.now)
        } else {
            self.now = (self.now + self.random.random_range(0..2)).min(i64::from(self.shape.times));
            self.now
        };
        let mut payload = vec![0; self.random.random_range(0..=self.shape.payload_bytes_max)];
        self.random.fill(&mut payload[..]);
        let mut event = TestEvent::new(key, time).with("payload", Cell::Bytes(payload));
        event.id = self.random.random();
        if self.random.random_bool(0.5) {
            event = event.with("speed", Cell::Double(self.random.random()));
        }
        event
    }

    /// So many events.
    pub fn events(&mut self, count: usize) -> Vec<TestEvent> {
        (0..count).map(|_| self.event()).collect()
    }
}

/// The key of a partition by its number. Some are prefixes of others, some hold zero and high bytes.
pub fn key_of(number: u32) -> Vec<u8> {
    let mut key = format!("key-{}", number / 4).into_bytes();
    match number % 4 {
        0 => {}
        1 => key.push(0),
        2 => key.extend_from_slice(&[0xff, 0xfe]),
        _ => key.extend_from_slice(&[b'k'; 40]),
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_events() {
        let events = |seed| Generator::new(seed, Shape::default()).events(50);
        assert_eq!(events(3), events(3));
        assert_ne!(events(3), events(4));
    }
}
