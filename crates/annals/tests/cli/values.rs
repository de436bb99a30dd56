//! Values that come in are stored as they are written, or refused with their place; nothing is changed in silence.

use serde_json::{Value as Json, json};

use crate::harness::{Done, Served};

const IMPORT: [&str; 7] = ["import", "k.t", "--create", "--key", "id", "--time", "at"];

impl Served {
    fn import(&self, input: &str, options: &[&str]) -> Done {
        self.annals_with_input(&[&IMPORT[..], options].concat(), input)
    }

    fn columns(&self) -> Vec<Json> {
        self.annals(&["scan", "k.t", "--json"]).objects().into_iter().map(|mut event| event["columns"].take()).collect()
    }

    fn times(&self) -> Vec<Json> {
        self.annals(&["scan", "k.t", "--json"]).objects().into_iter().map(|mut event| event["time"].take()).collect()
    }
}

#[test]
fn doubles_are_stored_as_they_are_written() {
    let served = Served::with_table();
    let input = "{\"key\":\"B\",\"time\":\"@1\",\"columns\":{\"n\":901.9711457494043}}\n\
        {\"key\":\"B\",\"time\":\"@2\",\"columns\":{\"n\":-1.9577373031172786e-264}}";
    served.annals_with_input(&["append", "k.t"], input).succeeded();
    let csv = served.annals(&["scan", "k.t", "-o", "csv"]).succeeded().stdout;
    let cells: Vec<_> = csv.lines().map(|line| line.rsplit(',').next().expect("a cell")).collect();
    assert_eq!(cells, ["n", "901.9711457494043", "-1.9577373031172786e-264"]);

    let served = Served::start();
    served.import("{\"id\":\"B\",\"at\":\"2024-03-01\",\"n\":901.9711457494043}\n", &[]).succeeded();
    let csv = served.annals(&["scan", "k.t", "-o", "csv"]).succeeded().stdout;
    assert!(csv.ends_with(",901.9711457494043\n"), "{csv}");
}

#[test]
fn whole_numbers_past_64_bits_keep_every_digit() {
    let served = Served::start();
    let input = "{\"id\":\"A\",\"at\":\"2024-03-01T10:00:00Z\",\"n\":123456789012345678901234567890}\n\
        {\"id\":\"A\",\"at\":\"2024-03-01T10:00:01Z\",\"n\":1.5}\n";
    served.import(input, &[]).succeeded();
    assert_eq!(served.columns(), [json!({"n": "123456789012345678901234567890"}), json!({"n": "1.5"})]);
    let error = served.annals(&["append", "k.t", r#"{"key":"K","columns":{"m":18446744073709551615}}"#]).failed(1);
    assert!(error.contains("column \"m\": 18446744073709551615 does not fit a signed 64-bit integer"), "{error}");
}

#[test]
fn numbers_that_a_column_of_doubles_can_not_hold_are_refused_by_append_and_import() {
    let served = Served::start();
    served.annals(&["table", "create", "k.t", "--column", "n:double"]).succeeded();
    for (number, problem) in [
        ("9007199254740993", "more than a double can hold exactly"),
        ("1e400", "more than a double can hold"),
        ("1e-400", "closer to 0 than a double can be"),
    ] {
        let event = format!("{{\"key\":\"K\",\"columns\":{{\"n\":{number}}}}}");
        let error = served.annals(&["append", "k.t", &event]).failed(1);
        assert!(error.contains(&format!("event 1: column \"n\": {number} is {problem}")), "{error}");
        let error = served.import(&format!("id,at,n\nA,2024-03-01,{number}\n"), &[]).failed(1);
        assert!(error.contains(&format!("stdin, line 2, column \"n\": \"{number}\" is {problem}")), "{error}");
        let error = served.import(&format!("{{\"id\":\"A\",\"at\":\"2024-03-01\",\"n\":{number}}}\n"), &[]).failed(1);
        assert!(error.contains(&format!("stdin, line 1, column \"n\": \"{number}\" is {problem}")), "{error}");
    }
    assert_eq!(served.columns(), [] as [Json; 0]);
}

#[test]
fn a_column_or_member_given_twice_is_refused_by_its_name() {
    let served = Served::with_table();
    let error = served.import("id,at,v,at\nA1,2024-03-01T10:00:00Z,1,1999-01-01T00:00:00Z\n", &[]).failed(1);
    assert!(error.contains("stdin: line 1: column \"at\" is given twice"), "{error}");
    let error = served.import("A1,2024-03-01,1,2\n", &["--header", "id,at,v,v"]).failed(1);
    assert!(error.contains("--header: column \"v\" is given twice"), "{error}");
    for (row, problem) in [
        (r#"{"id":"A","at":"2024-03-01","at":"1999-01-01"}"#, "column \"at\" is given twice"),
        (r#"{"id":"A","at":"2024-03-01","v":[{"x":1,"x":2}]}"#, "column \"v\": member \"x\" is given twice"),
    ] {
        let error = served.import(row, &["--format", "ndjson"]).failed(1);
        assert!(
            error.contains(&format!("stdin, line 1{}{problem}", if row.contains('[') { ", " } else { ": " })),
            "{error}"
        );
    }
    for (event, problem) in [
        (r#"{"key":"K","columns":{"a":1,"a":2}}"#, "event 1: column \"a\" is given twice"),
        (r#"{"key":"K","key":"L"}"#, "event 1: \"key\" is given twice"),
        (r#"{"key":"K","columns":{"a":1},"columns":{"b":1}}"#, "event 1: \"columns\" is given twice"),
    ] {
        let error = served.annals(&["append", "k.t", event]).failed(1);
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn a_quote_that_is_never_closed_takes_no_row_into_its_cell() {
    let rows = "id,at,note\nA1,2024-03-01T10:00:00Z,fine\nA2,2024-03-01T10:00:01Z,\"height 6\"\" tall\n\
        A3,2024-03-01T10:00:02Z,third\nA4,2024-03-01T10:00:03Z,fourth\n";
    let served = Served::start();
    let error = served.import(rows, &[]).failed(1);
    assert!(
        error.contains("stdin, line 3, column \"note\": the quote that opens on line 3 is never closed"),
        "{error}"
    );
    assert_eq!(served.columns(), [json!({"note": "fine"})]);

    let left_out = served.import(rows, &["--skip-rows", "1", "--skip-bad", "1"]).succeeded().stderr;
    assert!(left_out.contains("1 of 4 rows were bad"), "{left_out}");
    assert_eq!(served.annals(&["count", "k.t", "--json"]).json()["events"], 3);

    let error = served.import("id,at,\"note\nA1,2024-03-01,1\n", &[]).failed(1);
    assert!(error.contains("line 1, the header: the quote that opens on line 1 is never closed"), "{error}");
}

#[test]
fn text_behind_a_closing_quote_is_refused_with_its_line() {
    let served = Served::with_table();
    let error = served.import("id,at,note\nA1,2024-03-01T10:00:00Z,\"abc\"def\n", &[]).failed(1);
    assert!(
        error.contains("stdin, line 2, column \"note\": text stands behind the quote that closes on line 2"),
        "{error}"
    );
    assert_eq!(served.columns(), [] as [Json; 0]);
}

#[test]
fn fractions_of_seconds_keep_their_nine_digits_and_no_tenth_is_dropped() {
    let served = Served::start();
    let row = "{\"id\":\"A\",\"at\":1360332000.123456789,\"n\":1}\n";
    served.import(row, &["--time-format", "s"]).succeeded();
    assert_eq!(served.times(), ["2013-02-08T14:00:00.123456789Z"]);
    let error = served.import("id,at\nA,2013-02-08T14:00:00.1234567891Z\n", &[]).failed(1);
    assert!(error.contains("line 2, column \"at\"") && error.contains("more than nine decimals"), "{error}");
    let event = r#"{"key":"K","time":"2013-02-08T14:00:00.1234567891Z"}"#;
    let error = served.annals(&["append", "k.t", event]).failed(1);
    assert!(error.contains("\"time\"") && error.contains("more than nine decimals"), "{error}");
}

#[test]
fn patterns_of_times_read_what_they_say_or_are_refused_at_the_start() {
    let served = Served::start();
    let named = ["--time-format", "%Y-%m-%d %H:%M:%S %Z"];
    let refused = served.import("id,at,n\nA,2024-03-01 10:00:00 EST,1\n", &named).failed(2);
    assert!(refused.contains("%Z names no one offset") && refused.contains("--time-zone -05:00"), "{refused}");
    let as_advised = ["--time-format", "%Y-%m-%d %H:%M:%S EST", "--time-zone", "-05:00"];
    served.import("id,at,n\nA,2024-03-01 10:00:00 EST,1\n", &as_advised).succeeded();
    assert_eq!(served.times(), ["2024-03-01T15:00:00Z"]);

    let served = Served::start();
    let hours = ["import", "k.t", "--create", "--key", "id", "--time", "year,month,day,hour"];
    let rows = "id,year,month,day,hour,n\nA,2013,1,1,5,1\n";
    served.annals_with_input(&[&hours[..], &["--time-format", "%Y %m %d %H"]].concat(), rows).succeeded();
    assert_eq!(served.times(), ["2013-01-01T05:00:00Z"]);
    let error = served.import("id,at\nA,2024-03-01T10:00:60Z\n", &[]).failed(1);
    assert!(error.contains("line 2, column \"at\"") && error.contains("second 60"), "{error}");
}

#[test]
fn an_import_whose_times_all_lie_in_january_1970_asks_whether_the_unit_is_right() {
    let served = Served::start();
    let rows = "id,at,v\nA,1709287200,1\n";
    let note = "all times lie in January 1970; is the unit right?";
    let told = served.import(rows, &["--time-format", "ms"]).succeeded().stderr;
    assert!(told.contains(note), "{told}");
    let told = served.import(rows, &["--time-format", "ms", "--dry-run"]).succeeded().stderr;
    assert!(told.contains(note), "{told}");
    let told = served.import(rows, &["--time-format", "s"]).succeeded().stderr;
    assert!(!told.contains(note), "{told}");
}

#[test]
fn what_a_scan_writes_as_csv_is_imported_as_the_same_cells() {
    let served = Served::with_table();
    let event = json!({"key": "base64:AP8=", "time": "2024-03-01", "columns": {
        "b": {"bytes": "AP8="}, "e": {"bytes": ""}, "s": "", "t": "base64:AP8=", "n": {"double": "NaN:7ff80000deadbeef"}}});
    served.append(&[event]);
    let csv = served.annals(&["scan", "k.t", "-o", "csv"]).succeeded().stdout;
    let types = "b=bytes,e=bytes,s=string,t=string,n=double";
    let import = ["import", "k.copy", "--create", "--key", "key", "--time", "time", "--id", "id", "--type", types];
    let exclude = ["--exclude", "shard,sequence,commit_time"];
    served.annals_with_input(&[&import[..], &exclude].concat(), &csv).succeeded();
    let scan = |table| {
        let mut event = served.annals(&["scan", table, "--json"]).objects().remove(0);
        event.as_object_mut().expect("an object").remove("commit_time");
        event
    };
    assert_eq!(scan("k.copy"), scan("k.t"));
}

#[test]
fn empty_quotes_are_an_empty_text_unless_they_are_said_to_mean_null() {
    let rows = "id,at,text,n\nA,2024-03-01,\"\",\"\"\nA,2024-03-02,,1.5\nA,2024-03-03,x,2\n";
    let served = Served::start();
    served.import(rows, &[]).succeeded();
    assert_eq!(served.columns(), [json!({"text": ""}), json!({"n": 1.5}), json!({"text": "x", "n": 2.0})]);
    let served = Served::start();
    served.import(rows, &["--null", ""]).succeeded();
    assert_eq!(served.columns(), [json!({}), json!({"n": 1.5}), json!({"text": "x", "n": 2.0})]);
}
