//! The events that a bench appends: alike in size, spread over partitions, the same for the same seed.
//!
//! An event of a bench has a key, a time, an id, two numbers and a text that fills it up to its size, as a client's own
//! events would: nothing is left for the server to add, and the size is that of the encoded event. A template is built
//! once, and each event is a copy of it with other values in their places, in one buffer for a request: what is
//! measured is the store, and not how fast events are built.

use std::ops::Range;

use annals_client::{Event, EventTime, Value};
use bytes::{Bytes, BytesMut};
use uuid::Uuid;

/// The least an event can have: key, time, id and columns without a text.
pub(super) const EVENT_BYTES_MIN: usize = 96;

/// Values that stand once in the template, each where another is to come.
const KEY: u64 = 987_654_321;
const TIME: i64 = 0x7172_7374_7576_7778;
const ID: Uuid = Uuid::from_u128(0xa1a2_a3a4_a5a6_a7a8_b1b2_b3b4_b5b6_b7b8);
const LOAD: f64 = 1.234_567_890_123e-7;
const TEXT: char = '~';

/// How late a late event is.
const DAY_NANOS: i64 = 24 * 60 * 60 * 1_000_000_000;

/// A stream of events.
#[derive(Clone, Debug)]
pub(super) struct EventSource {
    random: SplitMix,
    partitions: u64,
    time: i64,
    late_percent: u64,
    filler: String,
    template: Template,
}

/// An encoded event, and where its values lie.
#[derive(Clone, Debug)]
struct Template {
    bytes: Vec<u8>,
    key: usize,
    time: usize,
    id: usize,
    load: usize,
    text: Range<usize>,
}

impl EventSource {
    /// Events of `event_bytes` bytes in random ones of so many partitions, from `start` on, a microsecond apart.
    pub(super) fn new(seed: u64, partitions: u64, event_bytes: usize, start: EventTime) -> Self {
        let mut random = SplitMix(seed);
        // Letters without a pattern, so that a compressor finds no more than in logs of requests and measurements.
        let filler = (0..4 * event_bytes).map(|_| char::from(b'a' + u8::try_from(random.below(26)).unwrap_or(0)));
        let filler = filler.collect();
        let (time, template) = (start.unix_nanos(), Template::of(event_bytes));
        Self { random, partitions, time, late_percent: 0, filler, template }
    }

    /// Has so many events in a hundred come a day late.
    pub(super) fn with_late(self, late_percent: u8) -> Self {
        Self { late_percent: late_percent.into(), ..self }
    }

    /// The next event, in a partition of its own choice.
    #[cfg(test)]
    fn event(&mut self) -> Event {
        let partition = self.random.below(self.partitions);
        self.event_of(partition)
    }

    /// The next event, in this partition.
    pub(super) fn event_of(&mut self, partition: u64) -> Event {
        let mut buffer = BytesMut::with_capacity(self.template.bytes.len());
        self.write(partition, &mut buffer);
        Event::from_encoded(buffer.freeze())
    }

    /// So many events.
    pub(super) fn batch(&mut self, events: usize) -> Vec<Event> {
        let length = self.template.bytes.len();
        let mut buffer = BytesMut::with_capacity(events * length);
        for _ in 0..events {
            let partition = self.random.below(self.partitions);
            self.write(partition, &mut buffer);
        }
        let all: Bytes = buffer.freeze();
        (0..events).map(|at| Event::from_encoded(all.slice(at * length..(at + 1) * length))).collect()
    }

    /// Adds the next event's bytes.
    fn write(&mut self, partition: u64, buffer: &mut BytesMut) {
        self.time += 1_000;
        let number = self.random.next();
        let is_late = self.late_percent > 0 && self.random.below(100) < self.late_percent;
        let event_time = if is_late { self.time - DAY_NANOS } else { self.time };
        let [load, ..] = number.to_le_bytes();
        let Template { bytes, key, time, id, load: load_at, text } = &self.template;
        let room = (self.filler.len() - text.len()).max(1);
        let start = usize::try_from(number >> 32).unwrap_or(0) % room;
        let from = buffer.len();
        buffer.extend_from_slice(bytes);
        let event = &mut buffer[from..];
        put_digits(&mut event[*key..*key + KEY_DIGITS], partition);
        event[*time..*time + 8].copy_from_slice(&event_time.to_le_bytes());
        event[*id..*id + 16].copy_from_slice(Uuid::from_u64_pair(self.time.cast_unsigned(), number).as_bytes());
        event[*load_at..*load_at + 8].copy_from_slice(&f64::from(load).to_le_bytes());
        event[text.clone()].copy_from_slice(&self.filler.as_bytes()[start..start + text.len()]);
    }
}

impl Template {
    /// The template of events of `event_bytes` bytes, or of the size that is nearest below.
    fn of(event_bytes: usize) -> Self {
        let bare = built(0).len();
        let room = event_bytes.saturating_sub(bare);
        // The lengths before the text grow with it.
        let text_bytes = (0..=room).rev().find(|&text_bytes| built(text_bytes).len() <= event_bytes).unwrap_or(0);
        let bytes = built(text_bytes);
        let find = |value: &[u8]| {
            let mut places = bytes.windows(value.len()).enumerate().filter(|(_, window)| *window == value);
            places.next().map(|(at, _)| at).expect("the builder wrote the value")
        };
        let text = if text_bytes == 0 { 0 } else { find(&vec![b'~'; text_bytes]) };
        Self {
            key: find(key(KEY).as_bytes()) + 1,
            time: find(&TIME.to_le_bytes()),
            id: find(ID.as_bytes()),
            load: find(&LOAD.to_le_bytes()),
            text: text..text + text_bytes,
            bytes,
        }
    }
}

/// An event with the template's values and a text of so many bytes.
fn built(text_bytes: usize) -> Vec<u8> {
    let event = Event::builder(key(KEY))
        .time(EventTime::from_unix_nanos(TIME))
        .id(ID)
        .column("status", Value::Int64(200))
        .column("load", Value::Double(LOAD))
        .column("text", TEXT.to_string().repeat(text_bytes).as_str())
        .build();
    event.expect("keys and names are short, and each column is given once").as_bytes().to_vec()
}

/// Digits of the number in a key.
const KEY_DIGITS: usize = 9;

/// Writes the last digits of a number, with zeros before it.
fn put_digits(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
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
            let batch = source.batch(10);
            assert!(batch.into_iter().all(|event| event == again.event()), "a batch goes on where single ones end");
        }
    }

    #[test]
    fn every_value_of_an_event_is_in_its_place() {
        let mut source = EventSource::new(7, 10_000, 128, EventTime::from_unix_nanos(5_000));
        for number in 1..100 {
            let event = source.event_of(9_000 + number);
            let view = event.view().expect("an event");
            assert_eq!(view.key(), key(9_000 + number).as_bytes());
            assert_eq!(view.time().map(EventTime::unix_nanos), i64::try_from(number).ok().map(|n| 5_000 + n * 1_000));
            assert!(view.id().is_some_and(|id| id != ID));
            let Some(Value::String(text)) = view.get("text") else { panic!("no text") };
            assert!(text.len() > 20 && text.bytes().all(|byte| byte.is_ascii_lowercase()), "{text}");
            assert!(matches!(view.get("load"), Some(Value::Double(load)) if (0.0..256.0).contains(&load)));
            assert_eq!((view.get("status"), view.column_count()), (Some(Value::Int64(200)), 3));
        }
    }

    #[test]
    fn the_share_of_events_that_was_asked_for_comes_a_day_late() {
        let mut source = EventSource::new(7, 10, 128, EventTime::from_unix_nanos(DAY_NANOS)).with_late(20);
        let times = source.batch(10_000).into_iter().filter_map(|event| event.view().ok()?.time());
        let late = times.filter(|time| time.unix_nanos() < DAY_NANOS).count();
        assert!((1_800..2_200).contains(&late), "{late}");
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
