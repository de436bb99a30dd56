//! What clients sent and what was answered, and the check that a store kept its word.

use std::collections::{BTreeMap, HashMap};

use annals_model::{ShardCount, Token};
use annals_wire::opaque::RecordedEvent;
use annals_wire::v1::AppendResponse;
use bytes::Bytes;

use crate::event::TestEvent;

/// An append and what became of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The request's events, in order.
    pub events: Vec<TestEvent>,
    /// The answer; none if there was none, so that the events may be stored or not.
    pub answer: Option<AppendResponse>,
}

/// All that was sent to one table. Every event has an id of its own.
#[derive(Debug)]
pub struct Ledger {
    shards: ShardCount,
    entries: Vec<Entry>,
}

/// The events of a table, by shard, in the order in which a tail gave them.
pub type Found = BTreeMap<u32, Vec<RecordedEvent>>;

impl Ledger {
    /// An empty ledger of a table that is sharded by hash.
    pub fn new(shards: ShardCount) -> Self {
        Self { shards, entries: Vec::new() }
    }

    /// Adds appends.
    pub fn extend(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.entries.extend(entries);
    }

    /// How many events were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.entries.iter().filter(|entry| entry.answer.is_some()).map(|entry| entry.events.len()).sum()
    }

    /// Checks that no acknowledged event is lost, moved or altered, none is stored twice, none was never sent, each
    /// shard's part of a request is stored whole or not at all, sequences are dense and commit times never go back.
    ///
    /// # Panics
    /// At the first broken promise.
    pub fn check(&self, found: &Found) {
        check_order(found);
        let places = self.places(found);
        for (number, entry) in self.entries.iter().enumerate() {
            for (shard, events) in self.parts(entry) {
                let stored: Vec<_> = events.iter().filter_map(|event| places.get(&event.id).copied()).collect();
                match &entry.answer {
                    Some(answer) => assert_eq!(stored, promised(answer, shard), "append {number}, shard {shard}"),
                    None if stored.is_empty() => {}
                    None => {
                        assert_eq!(stored.len(), events.len(), "append {number}, shard {shard} is stored in part");
                        let expected: Vec<_> = (stored[0]..).take(events.len()).collect();
                        assert_eq!(stored, expected, "append {number}, shard {shard} is stored in order, in one piece");
                    }
                }
            }
        }
    }

    /// The sequence of each stored event, by its id.
    fn places(&self, found: &Found) -> HashMap<[u8; 16], u64> {
        let sent: HashMap<[u8; 16], Bytes> = self
            .entries
            .iter()
            .flat_map(|entry| &entry.events)
            .map(|event| (event.id, Bytes::from(event.encode())))
            .collect();
        let by_bytes: HashMap<&Bytes, [u8; 16]> = sent.iter().map(|(id, bytes)| (bytes, *id)).collect();
        let mut places = HashMap::new();
        for (shard, event) in found.iter().flat_map(|(shard, events)| events.iter().map(move |event| (shard, event))) {
            let sequence = event.sequence;
            let id = by_bytes.get(&event.event);
            let id = id.unwrap_or_else(|| panic!("shard {shard}, sequence {sequence}: nobody sent these bytes"));
            assert_eq!(places.insert(*id, sequence), None, "shard {shard}, sequence {sequence}: stored twice");
        }
        places
    }

    /// The events of a request by shard.
    fn parts<'e>(&self, entry: &'e Entry) -> BTreeMap<u32, Vec<&'e TestEvent>> {
        let mut parts: BTreeMap<u32, Vec<&TestEvent>> = BTreeMap::new();
        for event in &entry.events {
            parts.entry(self.shards.shard_of(Token::of(&event.key)).get()).or_default().push(event);
        }
        parts
    }
}

/// The sequences that an answer gives the events of a shard.
fn promised(answer: &AppendResponse, shard: u32) -> Vec<u64> {
    let rows = answer.shards.iter().filter(|row| row.shard == shard);
    rows.flat_map(|row| row.first_sequence..row.first_sequence + row.event_count).collect()
}

fn check_order(found: &Found) {
    for (shard, events) in found {
        for (event, sequence) in events.iter().zip(1..) {
            assert_eq!((event.shard, event.sequence), (*shard, sequence), "shard {shard} is dense and in order");
        }
        let mut pairs = events.windows(2);
        let is_kept = pairs.all(|pair| pair[0].commit_time_unix_nanos <= pair[1].commit_time_unix_nanos);
        assert!(is_kept, "shard {shard}: a commit time goes back");
    }
}

#[cfg(test)]
mod tests {
    use annals_wire::v1::ShardAppend;

    use super::*;

    fn entry(count: i64, first_sequence: u64) -> Entry {
        let events: Vec<_> =
            (0..count).map(|time| TestEvent::new("key", time + 10 * first_sequence.cast_signed())).collect();
        let row = ShardAppend { shard: 0, first_sequence, event_count: events.len() as u64, commit_time_unix_nanos: 5 };
        Entry { events, answer: Some(AppendResponse { shards: vec![row], ..AppendResponse::default() }) }
    }

    fn recorded(sequence: u64, event: &TestEvent) -> RecordedEvent {
        RecordedEvent { event: event.encode().into(), sequence, commit_time_unix_nanos: 5, ..RecordedEvent::default() }
    }

    fn check(entries: &[Entry], stored: &[&TestEvent]) {
        let mut ledger = Ledger::new(ShardCount::ONE);
        ledger.extend(entries.to_vec());
        let events = (1..).zip(stored).map(|(sequence, event)| recorded(sequence, event)).collect();
        ledger.check(&Found::from([(0, events)]));
    }

    #[test]
    fn a_store_that_kept_its_word_passes() {
        let (one, two) = (entry(2, 1), entry(1, 3));
        let unanswered = Entry { answer: None, ..entry(3, 9) };
        let stored = [&one.events[0], &one.events[1], &two.events[0]];
        check(&[one.clone(), two.clone(), unanswered], &stored);
    }

    #[test]
    #[should_panic(expected = "append 1, shard 0")]
    fn a_lost_event_is_found() {
        let (one, two) = (entry(2, 1), entry(1, 3));
        check(&[one.clone(), two], &[&one.events[0], &one.events[1]]);
    }

    #[test]
    #[should_panic(expected = "stored twice")]
    fn a_doubled_event_is_found() {
        let one = entry(2, 1);
        check(std::slice::from_ref(&one), &[&one.events[0], &one.events[1], &one.events[1]]);
    }

    #[test]
    #[should_panic(expected = "stored in part")]
    fn a_part_of_an_unanswered_batch_is_found() {
        let one = Entry { answer: None, ..entry(2, 1) };
        check(std::slice::from_ref(&one), &[&one.events[0]]);
    }

    #[test]
    #[should_panic(expected = "nobody sent these bytes")]
    fn an_event_that_nobody_sent_is_found() {
        check(&[entry(1, 1)], &[&TestEvent::new("other", 1)]);
    }
}
