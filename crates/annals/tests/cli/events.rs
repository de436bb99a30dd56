//! Events in and out: append, scan, count, partitions.

use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use crate::harness::{Served, binary};

/// Three flights, fed out of time order.
fn flights() -> [Json; 3] {
    [
        json!({"key": "N14228", "time": "2013-02-08T14:00:00Z", "columns": {"origin": "EWR", "delay": 3.5}}),
        json!({"key": "N24211", "time": "2013-02-08T12:00:00Z", "columns": {"origin": "LGA"}}),
        json!({"key": "N14228", "time": "2013-02-08T09:00:00.123456789Z", "columns": {"origin": "JFK", "seats": 150}}),
    ]
}

fn times(objects: &[Json]) -> Vec<&str> {
    objects.iter().map(|event| event["time"].as_str().expect("a time")).collect()
}

#[test]
fn a_partition_is_scanned_in_time_order_with_what_the_store_knows() {
    let served = Served::with_table();
    served.append(&flights());
    let events = served.annals(&["scan", "k.t", "--key", "N14228", "--json"]).objects();
    assert_eq!(times(&events), ["2013-02-08T09:00:00.123456789Z", "2013-02-08T14:00:00Z"]);
    assert_eq!(events[0]["sequence"], 3);
    assert_eq!(events[0]["columns"], json!({"origin": "JFK", "seats": 150}));
    assert_eq!(events[1]["columns"], json!({"origin": "EWR", "delay": 3.5}));
}

#[test]
fn a_time_range_holds_its_start_and_not_its_end() {
    let served = Served::with_table();
    served.append(&flights());
    let range = ["--from", "2013-02-08T12:00:00Z", "--to", "2013-02-08T14:00:00Z"];
    let events = served.annals(&[&["scan", "k.t", "--json"], &range[..]].concat()).objects();
    assert_eq!(times(&events), ["2013-02-08T12:00:00Z"]);
    let counted = served.annals(&[&["count", "k.t", "--json"], &range[..]].concat()).json();
    assert_eq!(counted, json!({"events": 1, "partitions": 1}));
}

#[test]
fn descending_with_one_of_each_partition_gives_the_latest() {
    let served = Served::with_table();
    served.append(&flights());
    let scan = ["scan", "k.t", "--descending", "--limit-per-partition", "1", "--json"];
    let mut events = served.annals(&scan).objects();
    events.sort_by_key(|event| event["key"].to_string());
    assert_eq!(times(&events), ["2013-02-08T14:00:00Z", "2013-02-08T12:00:00Z"]);
}

#[test]
fn a_scan_stopped_at_its_limit_goes_on_from_its_page_token() {
    let served = Served::with_table();
    served.append(&flights());
    let scan = ["scan", "k.t", "--key", "N14228", "--key", "N24211", "--json"];
    let first = served.annals(&[&scan[..], &["--limit", "1"]].concat()).succeeded();
    assert_eq!(first.stdout.lines().count(), 1);
    let token = first.stderr.split_whitespace().find(|word| word.starts_with("page:")).expect("a page token");
    let rest = served.annals(&[&scan[..], &["--page-token", token]].concat()).objects();
    assert_eq!(times(&rest), ["2013-02-08T14:00:00Z", "2013-02-08T12:00:00Z"]);
}

#[test]
fn csv_has_every_column_of_the_table_and_lines_name_them() {
    let served = Served::with_table();
    served.append(&flights());
    let csv = served.annals(&["scan", "k.t", "--key", "N24211", "-o", "csv", "-c", "delay,origin"]).succeeded().stdout;
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines[0], "key,time,id,shard,sequence,commit_time,delay,origin");
    assert!(lines[1].starts_with("N24211,2013-02-08T12:00:00Z,") && lines[1].ends_with(",,LGA"), "{}", lines[1]);
    let all = served.annals(&["scan", "k.t", "-o", "csv"]).succeeded().stdout;
    let header = all.lines().next().expect("a header");
    assert!(["origin", "delay", "seats"].iter().all(|name| header.contains(name)), "{header}");
    let text = served.annals(&["scan", "k.t", "--key", "N24211", "-o", "lines"]).succeeded().stdout;
    assert_eq!(text, "2013-02-08T12:00:00Z  N24211  #2  origin=LGA\n");
}

#[test]
fn a_table_has_a_row_for_each_event_under_the_columns_names() {
    let served = Served::with_table();
    served.append(&flights());
    let text = served.annals(&["scan", "k.t", "--key", "N14228", "-o", "table"]).succeeded().stdout;
    let expected = "\
key     time                            sequence  origin  seats  delay
N14228  2013-02-08T09:00:00.123456789Z         3  JFK       150
N14228  2013-02-08T14:00:00Z                   1  EWR              3.5
";
    assert_eq!(text, expected);
}

#[test]
fn what_a_scan_wrote_can_be_appended_again_and_gives_the_same_events() {
    let served = Served::with_table();
    let every_type = json!({"key": "base64:AAH/", "id": "01890a5d-ac96-774b-bcce-b302099a8057", "time": "-1d", "columns": {
        "bool": true, "int": i64::MAX, "double": 1e300, "whole": 3.0, "nan": {"double": "NaN"}, "text": "a \"b\"\n",
        "bytes": {"bytes": "AAEC/w=="}, "at": {"timestamp": "2013-02-08T00:00:00.000000001Z"},
        "uuid": {"uuid": "01890a5d-ac96-774b-bcce-b302099a8058"},
    }});
    served.append(&[every_type]);
    let scanned = served.annals(&["scan", "k.t", "--json"]).succeeded().stdout;
    served.annals(&["table", "create", "k.copy"]).succeeded();
    served.annals_with_input(&["append", "k.copy"], &scanned).succeeded();
    let copied = served.annals(&["scan", "k.copy", "--json"]).succeeded().stdout;
    let without_commit = |text: &str| {
        let mut event: Json = serde_json::from_str(text).expect("an event");
        event.as_object_mut().expect("an object").remove("commit_time");
        event
    };
    assert_eq!(without_commit(&copied), without_commit(&scanned));
    let by_key = served.annals(&["scan", "k.t", "--key", "base64:AAH/", "--json"]).objects();
    assert_eq!((by_key.len(), &by_key[0]["key"]), (1, &json!("base64:AAH/")));
}

#[test]
fn an_append_that_meets_a_mistake_says_what_is_stored() {
    let served = Served::with_table();
    let mut lines: Vec<_> = (0..1_500).map(|n| json!({"key": "k", "columns": {"n": n}}).to_string()).collect();
    lines.push(json!({"key": "k", "columns": {"n": [1]}}).to_string());
    let error = served.annals_with_input(&["append", "k.t"], &lines.join("\n")).failed(1);
    assert!(error.contains("the first 1,500 events are appended") && error.contains("event 1501 of stdin"), "{error}");
    assert_eq!(served.annals(&["count", "k.t", "--json"]).json()["events"], 1_500);
}

#[test]
fn partitions_are_listed_by_key_and_by_prefix() {
    let served = Served::with_table();
    served.append(&flights());
    let all = served.annals(&["partitions", "k.t", "--json"]).objects();
    assert_eq!(all.iter().map(|one| &one["key"]).collect::<Vec<_>>(), ["N14228", "N24211"]);
    assert_eq!((&all[0]["events"], &all[0]["last_sequence"]), (&json!(2), &json!(3)));
    assert_eq!(all[0]["min_time"], "2013-02-08T09:00:00.123456789Z");
    let some = served.annals(&["partitions", "k.t", "N2", "--json"]).objects();
    assert_eq!(some.len(), 1);
}

#[test]
fn slices_and_a_keys_file_select_partitions() {
    let served = Served::with_table();
    served.append(&flights());
    let slice = |slice| served.annals(&["scan", "k.t", "--slice", slice, "--json"]).objects().len();
    assert_eq!(slice("0/3") + slice("1/3") + slice("2/3"), 3);
    let from_stdin = ["scan", "k.t", "--keys-file", "-", "--json"];
    assert_eq!(served.annals_with_input(&from_stdin, "N24211\n\nN1\n").objects().len(), 1);
}

#[test]
fn a_reader_that_has_enough_ends_a_scan_quietly() {
    let served = Served::with_table();
    let many: Vec<_> = (0..5_000).map(|n| json!({"key": "k", "columns": {"text": format!("{n:0>100}")}})).collect();
    served.append(&many);
    let mut scan = Command::new(binary())
        .args(["scan", "k.t", "--json", "--server", served.address()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(scan.stdout.take());
    let output = scan.wait_with_output().expect("the binary ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
