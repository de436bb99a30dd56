//! What goes to a pipe or a file: NDJSON from every command that prints data, unless it is told otherwise.

use serde_json::json;

use crate::harness::{Done, Served, annals};

/// Every line is a JSON object; at least one.
#[track_caller]
fn assert_ndjson(done: &Done) {
    let text = &done.stdout;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(!text.is_empty(), "{done:?}");
    for line in text.lines() {
        let object = serde_json::from_str::<serde_json::Value>(line);
        assert!(object.is_ok_and(|value| value.is_object()), "{line:?} is no JSON object, in {text}");
    }
}

#[test]
fn every_command_that_prints_data_writes_ndjson_to_a_pipe() {
    let mut served = Served::with_table();
    assert_ndjson(&served.annals_with_input(&["append", "k.t"], r#"{"key": "k", "columns": {"n": 1}}"#));
    for command in [
        "scan k.t",
        "scan k.t -c n",
        "tail k.t --start earliest --stop-at-head",
        "count k.t",
        "partitions k.t",
        "plot k.t",
        "info",
        "table list",
        "table describe k.t",
        "table create k.other",
        "table update k.t --add-column m:int64",
    ] {
        assert_ndjson(&served.annals(&command.split(' ').collect::<Vec<_>>()));
    }
    assert_eq!(served.stop(), Some(0));
    let data = served.data();
    let data = data.to_str().expect("UTF-8");
    assert_ndjson(&annals(&["verify", data]));
    for part in ["overview", "journal", "manifest", "state"] {
        assert_ndjson(&annals(&["inspect", data, part]));
    }
}

#[test]
fn text_is_written_to_a_pipe_where_it_is_asked_for() {
    let served = Served::with_table();
    served.append(&[json!({"key": "k", "columns": {"n": 1}})]);
    let counted = served.annals(&["count", "k.t", "--text"]).succeeded().stdout;
    assert_eq!(counted, "1 event in 1 partition\n");
    let table = served.annals(&["scan", "k.t", "-o", "table"]).succeeded().stdout;
    assert!(table.starts_with("key"), "{table}");
    let drawn = served.annals(&["plot", "k.t", "--text"]).succeeded().stdout;
    assert!(drawn.contains("times in UTC"), "{drawn}");
}
