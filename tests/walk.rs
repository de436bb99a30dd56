//! What the corpus under `tests/corpus/walk` can't show: what the walk remembers between events, what it appends, and
//! that whatever it accepts a full decoder accepts too.

use std::collections::BTreeMap;

use annals_event::Projection;
use annals_event::walk::{ColumnCheck, EventIds, Refusal, Walked, Walker};
use annals_model::{ColumnType, EventTime};
use annals_wire::v1::{Event, Value, value::Kind};
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

/// Notes what it is asked.
#[derive(Default)]
struct Asked(Vec<(String, ColumnType)>);

impl ColumnCheck for Asked {
    fn check(&mut self, name: &str, column_type: ColumnType) -> Result<(), Refusal> {
        self.0.push((name.to_owned(), column_type));
        if name == "refused" { Err(Refusal::Undeclared(name.to_owned())) } else { Ok(()) }
    }
}

fn event(columns: &[(&str, Kind)]) -> Bytes {
    let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), Value { kind: Some(kind.clone()) }));
    let event = Event { partition_key: "k".into(), columns: columns.collect(), ..Event::default() };
    event.encode_to_vec().into()
}

fn asked_for(walker: &mut Walker, event: &[u8]) -> (Result<Walked, Refusal>, Vec<String>) {
    let mut asked = Asked::default();
    let walked = walker.walk(event, &mut asked);
    (walked, asked.0.into_iter().map(|(name, _)| name).collect())
}

#[test]
fn columns_are_asked_for_from_the_first_difference_on() {
    let mut walker = Walker::new();
    let first = event(&[("a", Kind::IntValue(1)), ("b", Kind::IntValue(2)), ("c", Kind::BoolValue(true))]);
    assert_eq!(asked_for(&mut walker, &first).1, ["a", "b", "c"]);
    assert!(asked_for(&mut walker, &first).1.is_empty(), "the same shape");
    let fewer = event(&[("a", Kind::IntValue(7))]);
    assert!(asked_for(&mut walker, &fewer).1.is_empty(), "the beginning of the same shape");
    let other_type = event(&[("a", Kind::IntValue(1)), ("b", Kind::DoubleValue(2.0)), ("c", Kind::BoolValue(true))]);
    assert_eq!(asked_for(&mut walker, &other_type).1, ["b", "c"]);
}

#[test]
fn a_refused_event_teaches_the_walker_nothing() {
    let mut walker = Walker::new();
    let refused = event(&[("a", Kind::IntValue(1)), ("refused", Kind::IntValue(1))]);
    assert_eq!(asked_for(&mut walker, &refused).0, Err(Refusal::Undeclared("refused".into())));
    assert_eq!(asked_for(&mut walker, &refused).1, ["a", "refused"]);
}

#[test]
fn a_repeated_name_is_found_among_few_and_among_a_thousand_columns() {
    for count in [2, 16, 17, 1000] {
        let mut encoded = event(&[]).to_vec();
        for index in (0..count - 1).chain([count / 3]) {
            let one = event(&[(&format!("column-{index}"), Kind::BoolValue(true))]);
            encoded.extend_from_slice(&one[3..]);
        }
        let name = format!("column-{}", count / 3);
        let mut walker = Walker::new();
        assert_eq!(asked_for(&mut walker, &encoded).0, Err(Refusal::DuplicateColumn(name)), "{count} columns");
    }
}

#[test]
fn what_was_left_out_is_appended_and_what_was_given_stays() {
    let now = EventTime::from_unix_nanos(1_700_000_000_123_456_789);
    let mut ids = EventIds::new();
    let bare = event(&[("a", Kind::IntValue(1))]);
    let (time, suffix) = asked_for(&mut Walker::new(), &bare).0.expect("an event").complete(now, &mut ids);
    assert_eq!(time, now);
    let whole: Bytes = [&bare, suffix.as_bytes()].concat().into();
    let decoded = Event::decode(whole.clone()).expect("an event");
    assert_eq!(decoded.time_unix_nanos, Some(now.unix_nanos()));
    let id = uuid::Uuid::from_slice(&decoded.event_id).expect("16 bytes");
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(decoded.columns.len(), 1);

    let walked = asked_for(&mut Walker::new(), &whole).0.expect("an event");
    let (time, suffix) = walked.complete(EventTime::MAX, &mut ids);
    assert_eq!((time, suffix.as_bytes()), (now, &[][..]));
}

#[test]
fn ids_made_later_sort_later_and_none_comes_twice() {
    let mut ids = EventIds::new();
    let mut at = |millis: i64| ids.next(EventTime::from_unix_nanos(millis * 1_000_000));
    assert!(at(1) < at(2) && at(2) < at(70_000_000_000));
    assert_ne!(at(5), at(5));
    assert_eq!(at(-5).as_bytes()[..6], [0; 6]);
}

#[test]
fn a_projection_keeps_key_time_id_and_the_wanted_columns() {
    let columns = ["a", "b", "c"].map(|name| (name.to_owned(), Value { kind: Some(Kind::StringValue(name.into())) }));
    let full = Event {
        partition_key: "k".into(),
        time_unix_nanos: Some(5),
        event_id: Bytes::from_static(&[9; 16]),
        columns: columns.into_iter().collect(),
    };
    let encoded: Bytes = full.encode_to_vec().into();
    let cut = |names: &[&str]| {
        let projection = Projection::new(names.iter().copied()).expect("names");
        Event::decode(projection.project(&encoded).expect("an event")).expect("an event")
    };
    let only_b = Event { columns: BTreeMap::from([("b".to_owned(), full.columns["b"].clone())]), ..full.clone() };
    assert_eq!(cut(&["b", "unknown"]), only_b);
    assert_eq!(cut(&["unknown"]).columns.len(), 0);
    assert_eq!(cut(&["a", "b", "c"]), full);
    assert_eq!(Projection::new([]), None);
}

#[test]
fn an_event_without_unwanted_columns_is_not_copied() {
    let encoded = event(&[("a", Kind::IntValue(1))]);
    let projection = Projection::new(["a"]).expect("a name");
    assert_eq!(projection.project(&encoded).expect("an event").as_ptr(), encoded.as_ptr());
}

proptest! {
    #[test]
    fn what_the_walk_accepts_a_full_decoder_reads_to_the_same_parts(
        key in prop::collection::vec(any::<u8>(), 1..20),
        names in prop::collection::btree_set("[a-c]{1,3}", 0..6),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let columns = names.into_iter().enumerate().map(|(index, name)| {
            let kind = match index % 4 {
                0 => Kind::BoolValue(true),
                1 => Kind::IntValue(-3),
                2 => Kind::StringValue("text".into()),
                _ => Kind::UuidValue(Bytes::from_static(&[1; 16])),
            };
            (name, Value { kind: Some(kind) })
        });
        let whole = Event {
            partition_key: key.into(),
            time_unix_nanos: Some(1),
            event_id: Bytes::from_static(&[2; 16]),
            columns: columns.collect(),
        };
        let mut encoded = whole.encode_to_vec();
        for (index, byte) in edits {
            let index = index.index(encoded.len());
            encoded[index] = byte;
        }
        if let Ok(walked) = Walker::new().walk(&encoded, &mut Asked::default()) {
            let decoded = Event::decode(&encoded[..]).expect("the walk accepted it");
            prop_assert_eq!(&decoded.partition_key[..], &encoded[walked.key]);
            prop_assert_eq!(decoded.time_unix_nanos, walked.time.map(EventTime::unix_nanos));
            prop_assert_eq!(!decoded.event_id.is_empty(), walked.has_id);
            prop_assert!(decoded.columns.values().all(|value| value.kind.is_some()));
        }
    }
}
