//! What goes wrong is said in one paragraph that names what to do, and in the exit code.

use crate::harness::{Served, annals};

#[test]
fn a_server_that_does_not_answer_is_named_with_how_to_start_one() {
    let error = annals(&["table", "list", "--server", "127.0.0.1:1"]).failed(3);
    assert!(error.contains("127.0.0.1:1") && error.contains("annals serve --data"), "{error}");
}

#[test]
fn an_unknown_table_leads_to_the_list_of_tables() {
    let served = Served::start();
    for command in [&["scan", "k.none"][..], &["tail", "k.none"], &["count", "k.none"], &["partitions", "k.none"]] {
        let error = served.annals(command).failed(1);
        assert!(error.contains("k.none") && error.contains("annals table list"), "{command:?}: {error}");
    }
}

#[test]
fn a_cell_of_another_type_names_the_column_and_stores_nothing() {
    let served = Served::with_table();
    served.annals(&["append", "k.t", r#"{"key": "k", "columns": {"n": 1}}"#]).succeeded();
    let error = served.annals(&["append", "k.t", r#"{"key": "k", "columns": {"n": "one"}}"#]).failed(1);
    assert!(error.contains("nothing was appended") && error.contains("\"n\" holds int64"), "{error}");
    assert_eq!(served.annals(&["count", "k.t", "--json"]).json()["events"], 1);
}

#[test]
fn arguments_that_can_not_be_are_refused_before_anything_is_asked() {
    for (arguments, expected) in [
        (&["scan", "k.t", "--from", "soon"][..], "2013-02-08T14:00:00Z"),
        (&["scan", "k.t", "--slice", "4/4"], "0/4"),
        (&["tail", "k.t", "--start", "token:!"], "token"),
        (&["table", "create", "k.t", "--column", "a:text"], "timestamp"),
        (&["table", "create", "k.t", "--retention-bytes", "lots"], "10MiB"),
        (&["scan", "k.t", "--key", "base64:???"], "base64"),
        (&["serve", "--set", "nonsense"], "limits.tails_max"),
    ] {
        let error = annals(arguments).failed(2);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn a_reversed_range_and_no_events_are_mistakes() {
    let served = Served::with_table();
    let reversed = ["scan", "k.t", "--from", "2013-02-09", "--to", "2013-02-08"];
    assert!(served.annals(&reversed).failed(1).contains("reversed"));
    assert!(served.annals(&["append", "k.t"]).failed(1).contains("no event"));
}
