//! Inputs as they are written, read to the events that would be sent.

use std::collections::HashMap;

use annals_client::{Event, Value};

use super::input::Input;
use super::mapping::Mapping;
use super::rows::{Batch, ReadReport, read_rows};
use super::{Args, ROW_BYTES_MAX};

fn args(line: &str) -> Args {
    Args::of_words(&format!("k.t {line}")).expect("arguments")
}

/// What came of reading: the batches, and the report or the message that ended it.
fn read(line: &str, input: &'static [u8]) -> (Vec<Batch>, Result<ReadReport, String>) {
    let args = args(line);
    let mut mapping = Mapping::new(args.columns(), args.types());
    let mut batches = Vec::new();
    let inputs = [Input::Embedded("rows", input)];
    let report = read_rows(&inputs, &args.read_options(), &mut mapping, &std::sync::Arc::default(), |batch| {
        batches.push(batch);
        true
    });
    (batches, report.map_err(|error| format!("{error:#}")))
}

fn events(batches: &[Batch]) -> Vec<&Event> {
    batches.iter().flat_map(|batch| &batch.events).collect()
}

fn cells(event: &Event) -> HashMap<&str, Value<'_>> {
    event.view().expect("an event").columns().collect()
}

const FLIGHTS: &[u8] = b"year,dep_delay,arr_delay,carrier,flight,tailnum,time_hour\n\
    2013,2,11,UA,1545,N14228,2013-01-01T10:00:00Z\n\
    2013,NA,NA,UA,0012,N24211,2013-01-01T10:00:00Z\n\
    2013,-4,20.5,\"U,A\",7,N14228,2013-01-01T11:00:00Z\n";

#[test]
fn csv_rows_become_events_with_sampled_and_given_types() {
    let line = "--key tailnum --time time_hour --null NA --exclude year --rename dep_delay=delay --type delay=int64";
    let (batches, report) = read(line, FLIGHTS);
    assert_eq!(report.map(|report| (report.rows, report.bad_rows)), Ok((3, 0)));
    let events = events(&batches);
    assert_eq!(events[0].view().expect("an event").key(), b"N14228");
    let expected =
        [("delay", Value::Int64(2)), ("arr_delay", 11.0.into()), ("carrier", "UA".into()), ("flight", "1545".into())];
    assert_eq!(cells(events[0]), expected.into(), "a code with leading zeros makes the column text");
    assert_eq!(cells(events[1]), [("carrier", "UA".into()), ("flight", "0012".into())].into());
    assert_eq!(cells(events[2])["carrier"], Value::String("U,A"));
}

#[test]
fn ndjson_rows_become_events_and_nested_values_become_json() {
    let input = b"{\"k\":\"a\",\"t\":1360332000123,\"n\":7,\"ok\":true,\"none\":null,\"deep\":{\"x\":[1,2]}}\n\n";
    let (batches, report) = read("--key k --time t --time-format ms", input);
    assert!(report.is_ok(), "{report:?}");
    let events = events(&batches);
    let view = events[0].view().expect("an event");
    assert_eq!(view.time().map(|time| time.to_string()).as_deref(), Some("2013-02-08T14:00:00.123Z"));
    let expected = [("n", 7.0.into()), ("ok", true.into()), ("deep", "{\"x\":[1,2]}".into())];
    assert_eq!(cells(events[0]), expected.into());
}

#[test]
fn a_bad_row_ends_the_import_with_its_place_and_the_rows_before_it_are_sent() {
    let (batches, report) = read("--key k --type n=int64 --sample 1", b"k,n\na,1\nb,x\nc,3\n");
    let message = report.expect_err("a bad row");
    assert!(message.contains("rows, line 3, column \"n\": \"x\" is not an int64"), "{message}");
    assert!(message.contains("--skip-bad"), "{message}");
    assert_eq!(events(&batches).len(), 1);
}

#[test]
fn bad_rows_are_left_out_up_to_the_bound_and_reported() {
    let input = b"k,n\na,1\nb\nc,\xff\n,4\ne,5\n";
    let (batches, report) = read("--key k --skip-bad 3", input);
    let report = report.expect("three may be bad");
    assert_eq!((events(&batches).len(), report.rows, report.bad_rows), (2, 5, 3));
    let told: Vec<_> = report.shown_bad_rows.iter().map(ToString::to_string).collect();
    assert!(told[0].starts_with("rows, line 3: the row has 1 fields and the header 2 columns"), "{told:?}");
    assert!(told[1].starts_with("rows, line 4, column \"n\"") && told[1].contains("not UTF-8"), "{told:?}");
    assert!(told[2].starts_with("rows, line 5, column \"k\": is empty"), "{told:?}");
    let (_, one_less) = read("--key k --skip-bad 2", input);
    assert!(one_less.expect_err("three are bad").contains("3 rows are bad, one more than --skip-bad allows"));
}

#[test]
fn what_is_not_an_object_is_a_bad_row_and_the_next_line_is_read() {
    let input = b"{\"k\":\"a\"}\n[1]\n{\"k\":\n{\"k\":\"b\",\"x\":1,\"x\":2}\n{\"k\":\"c\"}\n";
    let (batches, report) = read("--key k --skip-bad 3", input);
    let report = report.expect("three may be bad");
    assert_eq!((events(&batches).len(), report.bad_rows), (2, 3));
    assert!(report.shown_bad_rows[2].to_string().contains("column \"x\" is given twice"), "{report:?}");
}

#[test]
fn rows_that_are_skipped_are_counted_so_that_an_import_goes_on_where_it_stopped() {
    let input = b"k\na\nb\nc\nd\n";
    let (batches, _) = read("--key k --skip-rows 2 --rows 1", input);
    let keys: Vec<_> = events(&batches).iter().map(|event| event.view().expect("an event").key()).collect();
    assert_eq!(keys, [b"c"]);
    assert_eq!((batches[0].first.row, batches[0].first.line), (2, 4));
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_memory() {
    let mut input = b"k,n\na,\"".to_vec();
    input.resize(usize::try_from(ROW_BYTES_MAX).expect("fits") * 2, b'x');
    let (_, report) = read("--key k", input.leak());
    assert!(report.expect_err("no end").contains("see whether a quote is never closed"));
}

#[test]
fn the_committed_week_is_read_whole_and_in_order() {
    let line = "--key aircraft --time time --type flight=int64,delay=int64,air_time=int64,distance=int64,seats=int64";
    let (batches, report) = read(line, include_bytes!("../../fixtures/storm.ndjson.gz"));
    assert_eq!(report.map(|report| (report.rows, report.bad_rows)), Ok((17_292, 0)));
    let events = events(&batches);
    let times: Vec<_> = events.iter().map(|event| event.view().expect("an event").time()).collect();
    let mut newest = None;
    let mut behind = 0;
    for time in times {
        behind += u64::from(time < newest);
        newest = newest.max(time);
    }
    // The fixture's README gives this count: most events are out of time order.
    assert_eq!((events.len(), behind), (17_292, 10_596));
    assert!(batches.iter().all(|batch| batch.events.len() <= 1_000));
}
