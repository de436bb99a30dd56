//! The events that the benches of inner loops work on: 128 bytes each, as the targets have it, the same every time.

use annals_client::{Event, EventTime};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

/// Bytes of an event.
pub(crate) const EVENT_BYTES: usize = 128;

/// The nanoseconds of the first event's time.
const START: i64 = 1_360_332_000_000_000_000;

/// The key of a partition.
pub(crate) fn key(partition: u64) -> String {
    format!("p{partition:09}")
}

/// So many encoded events, of all partitions in turn, a microsecond apart.
pub(crate) fn events(count: u64, partitions: u64) -> Vec<Bytes> {
    let mut random = StdRng::seed_from_u64(1);
    (0..count).map(|number| event(number, number % partitions, &mut random)).collect()
}

fn event(number: u64, partition: u64, random: &mut StdRng) -> Bytes {
    let build = |text: &str, id: u128| {
        let time = START + i64::try_from(number).expect("few events") * 1_000;
        let event = Event::builder(key(partition))
            .time(EventTime::from_unix_nanos(time))
            .id(Uuid::from_u128(id))
            .column("status", 200)
            .column("load", 0.5)
            .column("text", text);
        event.build().expect("a good event").into_bytes()
    };
    let id = random.random();
    let room = EVENT_BYTES - build("", id).len();
    let text: String = (0..room).map(|_| char::from(random.random_range(b'a'..=b'z'))).collect();
    let event = build(&text, id);
    assert_eq!(event.len(), EVENT_BYTES);
    event
}
