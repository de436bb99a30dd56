//! The events that a bench appends: alike in size, spread over partitions, the same for the same seed.
//!
//! An event of a bench has a key, a time, an id, two numbers and a text that fills it up to its size, as a client's own
//! events would: nothing is left for the server to add, and the size is that of the encoded event.

use annals_client::{Event, EventTime, Value};
use uuid::Uuid;

/// The least an event can have: key, time, id and columns without a text.
pub(super) const EVENT_BYTES_MIN: usize = 96;

/// A stream of events.
#[derive(Clone, Debug)]
pub(super) struct EventSource {
    random: SplitMix,
    partitions: u64,
    text_bytes: usize,
    time: i64,
    filler: String,
}

impl EventSource {
    /// Events of `event_bytes` bytes in random ones of so many partitions, from `start` on, a microsecond apart.
    pub(super) fn new(seed: u64, partitions: u64, event_bytes: usize, start: EventTime) -> Self {
        let mut random = SplitMix(seed);
        // Letters without a pattern, so that a compressor finds no more than in logs of requests and measurements.
        let filler = (0..4 * event_bytes).map(|_| char::from(b'a' + u8::try_from(random.below(26)).unwrap_or(0)));
        let mut source = Self { filler: filler.collect(), random, partitions, text_bytes: 0, time: start.unix_nanos() };
        // All but the text has the same length in every event; the lengths before the text grow with it.
        let bare = source.clone().event_of(0).as_bytes().len();
        let fits = |text_bytes: &usize| {
            let mut trial = Self { text_bytes: *text_bytes, ..source.clone() };
            trial.event_of(0).as_bytes().len() <= event_bytes
        };
        let room = event_bytes.saturating_sub(bare);
        source.text_bytes = (0..=room).rev().find(fits).unwrap_or(0);
        source
    }

    /// The next event.
    pub(super) fn event(&mut self) -> Event {
        let partition = self.random.below(self.partitions);
        self.event_of(partition)
    }

    /// The next event, in this partition.
    pub(super) fn event_of(&mut self, partition: u64) -> Event {
        self.time += 1_000;
        let number = self.random.next();
        let [status, load, ..] = number.to_le_bytes();
        let room = (self.filler.len() - self.text_bytes).max(1);
        let start = usize::try_from(number >> 32).unwrap_or(0) % room;
        Event::builder(key(partition))
            .time(EventTime::from_unix_nanos(self.time))
            .id(Uuid::from_u64_pair(self.time.cast_unsigned(), number))
            .column("status", Value::Int64(200 + i64::from(status & 3)))
            .column("load", Value::Double(f64::from(load)))
            .column("text", &self.filler[start..start + self.text_bytes])
            .build()
            .expect("keys and names are short, and each column is given once")
    }

    /// So many events.
    pub(super) fn batch(&mut self, events: usize) -> Vec<Event> {
        (0..events).map(|_| self.event()).collect()
    }
}

/// The key of a partition.
pub(super) fn key(partition: u64) -> String {
    format!("p{partition:09}")
}

/// A small random generator: benches need speed and sameness, not secrecy.
#[derive(Clone, Debug)]
pub(super) struct SplitMix(pub(super) u64);

impl SplitMix {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below `bound`; at least 1 is taken for the bound.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound.max(1));
        u64::try_from(product >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_size_that_was_asked_for_and_are_the_same_for_a_seed() {
        for size in [EVENT_BYTES_MIN, 128, 200, 300, 1_000, 20_000] {
            let mut source = EventSource::new(7, 10, size, EventTime::from_unix_nanos(0));
            let mut again = EventSource::new(7, 10, size, EventTime::from_unix_nanos(0));
            for _ in 0..50 {
                let event = source.event();
                assert_eq!(event.as_bytes().len(), size);
                assert_eq!(event, again.event());
            }
        }
    }

    #[test]
    fn all_partitions_get_their_share() {
        let mut random = SplitMix(1);
        let mut counts = [0; 8];
        for _ in 0..8_000 {
            counts[usize::try_from(random.below(8)).expect("below 8")] += 1;
        }
        assert!(counts.iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
    }
}
