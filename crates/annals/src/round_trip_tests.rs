//! What `scan` and `tail` write, `append` and `import` take back, bit for bit: events of every type and edge through
//! the code of both sides, without a server between.

use annals_client::{CommitTime, Event, EventTime, RecordedEvent, Sequence, Shard};
use annals_model::ColumnType;
use annals_testkit::edges::{COLUMNS, Edges, in_order_of_names};
use annals_testkit::seed::{announce, seeds};

use crate::import::{Args, Input, events_into};
use crate::output::{CsvRows, EventJson, event_from_json};

/// What an import says of the columns that `scan -o csv` writes.
const IMPORT: &str = "k.t --key key --time time --id id --exclude shard,sequence,commit_time \
    --rename columns.key=key,columns.time=time,columns.id=id,columns.shard=shard,columns.columns.key=columns.key";

fn recorded(event: &Event) -> RecordedEvent {
    RecordedEvent {
        event: event.clone(),
        shard: Shard::ZERO,
        sequence: Sequence::FIRST,
        commit_time: CommitTime::from_unix_nanos(7),
        late: false,
    }
}

fn column_type(name: &str) -> Option<ColumnType> {
    COLUMNS.iter().find_map(|(column, column_type)| (*column == name).then_some(*column_type))
}

#[test]
fn json_gives_back_every_event_to_a_table_that_has_its_columns_and_to_one_that_has_none() {
    for seed in seeds(100) {
        let _announced = announce(seed);
        let mut edges = Edges::new(seed);
        for _ in 0..20 {
            let event = edges.event();
            let json = serde_json::to_string(&EventJson(&recorded(&event))).expect("JSON");
            let now = EventTime::from_unix_nanos(0);
            assert_eq!(event_from_json(&json, now, |_| None).as_ref(), Ok(&event), "{json}");
            assert_eq!(event_from_json(&json, now, column_type).as_ref(), Ok(&event), "{json}");
        }
    }
}

#[test]
fn csv_gives_back_every_event_to_a_table_that_has_its_columns() {
    for seed in seeds(100) {
        let _announced = announce(seed);
        let mut edges = Edges::new(seed);
        let events: Vec<_> = (0..20).map(|_| edges.event()).collect();
        let mut rows =
            CsvRows::new(COLUMNS.map(|(name, _)| name.to_owned()).to_vec(), false, crate::terminal::Stream::Plain);
        let mut csv = Vec::new();
        for event in &events {
            rows.write(&recorded(event), &mut csv).expect("a vector takes all");
        }
        let shown = String::from_utf8_lossy(&csv).into_owned();
        let args = Args::of_words(IMPORT).expect("arguments");
        let input = Input::Embedded("csv", csv.leak());
        let read = events_into(&args, &[input], &COLUMNS).unwrap_or_else(|error| panic!("{error:#}\n{shown}"));
        let in_order = |events: &[Event]| events.iter().map(in_order_of_names).collect::<Vec<_>>();
        assert_eq!(in_order(&read), in_order(&events), "{shown}");
    }
}
