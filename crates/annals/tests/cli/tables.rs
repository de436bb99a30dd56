//! Tables: made, listed, described, changed, dropped.

use serde_json::json;

use crate::harness::Served;

#[test]
fn a_table_is_made_as_told_and_described_so() {
    let served = Served::start();
    let create = ["table", "create", "k.t", "--shards", "4", "--column", "speed:double", "--column", "at:timestamp"];
    let more = ["--strict", "--retention-age", "30d", "--retention-bytes", "10GiB", "--protect", "--json"];
    let made = served.annals(&[&create[..], &more[..]].concat()).json();
    assert_eq!((&made["shard_count"], &made["schema_mode"]), (&json!(4), &json!("strict")));
    assert_eq!(made["columns"], json!([{"name": "speed", "type": "double"}, {"name": "at", "type": "timestamp"}]));
    assert_eq!(made["retention"], json!({"max_age": "30d", "max_bytes": 10_737_418_240_u64}));
    let described = served.annals(&["table", "describe", "k.t", "--json"]).json();
    assert_eq!(described, made);
    let shown = served.annals(&["table", "describe", "k.t", "--text"]).succeeded().stdout;
    assert!(shown.contains("retention   30d, at most 10.0 GiB") && shown.contains("protected   yes"), "{shown}");
}

#[test]
fn a_table_that_is_there_is_made_again_only_if_that_is_allowed_and_it_agrees() {
    let served = Served::with_table();
    served.annals(&["table", "create", "k.t"]).failed(1);
    served.annals(&["table", "create", "k.t", "--if-not-exists"]).succeeded();
    served.annals(&["table", "create", "k.t", "--if-not-exists", "--shards", "2"]).failed(1);
}

#[test]
fn tables_are_listed_by_keyspace() {
    let served = Served::with_table();
    served.annals(&["table", "create", "other.t"]).succeeded();
    let names = |arguments: &[&str]| {
        let tables = served.annals(arguments).objects();
        tables.iter().map(|table| table["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&["table", "list", "--json"]), ["k.t", "other.t"]);
    assert_eq!(names(&["table", "list", "other", "--json"]), ["other.t"]);
    let shown = served.annals(&["table", "list", "--text"]).succeeded().stdout;
    assert!(shown.starts_with("table") && shown.contains("for ever"), "{shown}");
}

#[test]
fn a_change_keeps_what_it_does_not_name() {
    let served = Served::with_table();
    let update =
        |arguments: &[&str]| served.annals(&[&["table", "update", "k.t", "--json"], arguments].concat()).json();
    update(&["--retention-age", "1d", "--add-column", "note:string"]);
    let changed = update(&["--retention-bytes", "1GB"]);
    assert_eq!(changed["retention"], json!({"max_age": "1d", "max_bytes": 1_000_000_000}));
    assert_eq!(changed["columns"], json!([{"name": "note", "type": "string"}]));
    assert_eq!(update(&["--retention-age", "3650d"])["retention"]["max_age"], json!("3650d"));
    assert_eq!(update(&["--retention-age", "none"])["retention"]["max_age"], json!(null));
    let tried = served.annals(&["table", "update", "k.t", "--protect", "true", "--dry-run"]).succeeded();
    assert!(tried.stderr.contains("nothing was changed"), "{tried:?}");
    assert_eq!(served.annals(&["table", "describe", "k.t", "--json"]).json()["deletion_protection"], false);
}

#[test]
fn a_table_is_dropped_only_on_a_clear_word_and_never_while_protected() {
    let served = Served::with_table();
    let unasked = served.annals(&["table", "drop", "k.t"]).failed(1);
    assert!(unasked.contains("--yes"), "{unasked}");
    served.annals(&["table", "update", "k.t", "--protect", "true"]).succeeded();
    let protected = served.annals(&["table", "drop", "k.t", "--yes"]).failed(1);
    assert!(protected.contains("--protect false"), "{protected}");
    served.annals(&["table", "update", "k.t", "--protect", "false"]).succeeded();
    served.annals(&["table", "drop", "k.t", "--yes"]).succeeded();
    assert!(served.annals(&["table", "list", "--json"]).objects().is_empty());
}

#[test]
fn events_go_to_the_shard_that_was_named_and_none_is_chosen_for_the_appender() {
    let served = Served::start();
    served.annals(&["table", "create", "k.t", "--shards", "3", "--sharding", "explicit"]).succeeded();
    let line = r#"{"key": "k", "columns": {"number": 1}}"#;
    for (shard, times) in [("2", 2), ("0", 1)] {
        for _ in 0..times {
            let append = ["append", "k.t", "--file", "-", "--shard", shard];
            served.annals_with_input(&append, line).succeeded();
        }
    }
    let missing = served.annals_with_input(&["append", "k.t", "--file", "-"], line).failed(1);
    assert!(missing.contains("name the shard"), "{missing}");
    let beyond = served.annals_with_input(&["append", "k.t", "--file", "-", "--shard", "3"], line).failed(1);
    assert!(beyond.contains("has 3 shards; 3 is not one of them"), "{beyond}");
    let described = served.annals(&["table", "describe", "k.t", "--json"]).json();
    assert_eq!((&described["sharding"], &described["events"]), (&json!("explicit"), &json!(3)));
    let scanned = served.annals(&["scan", "k.t", "--json"]).succeeded().stdout;
    let places: Vec<_> = scanned
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an object"))
        .map(|event| (event["shard"].as_u64(), event["sequence"].as_u64()))
        .collect();
    assert_eq!(places.len(), 3, "{scanned}");
    for place in [(2, 1), (2, 2), (0, 1)] {
        assert!(places.contains(&(Some(place.0), Some(place.1))), "{place:?} is not in {scanned}");
    }
}

#[test]
fn a_retention_that_removes_events_at_once_asks_first_and_takes_no_silence_for_a_yes() {
    let served = Served::start_with(&["engine.memtable_bytes_max=65536"]);
    served.annals(&["table", "create", "k.t"]).succeeded();
    let update = ["table", "update", "k.t", "--retention-bytes", "1"];
    let would_remove = || served.annals(&[&update[..], &["--dry-run"]].concat()).succeeded().stderr;
    let mut appended = 0;
    // Only what lies in runs can go: with so little memory some of it soon does.
    while would_remove().contains("would remove 0 events") {
        let events: Vec<_> =
            (0..500).map(|n| json!({"key": "k", "columns": {"n": n, "text": "x".repeat(100)}})).collect();
        served.append(&events);
        appended += events.len() as u64;
        assert!(appended < 500_000, "nothing comes into runs");
    }
    let refused = served.annals(&update).failed(1);
    assert!(refused.contains("for good") && refused.contains("--yes"), "{refused:?}");
    assert_eq!(served.annals(&["count", "k.t"]).json()["events"], appended);
    let removed = served.annals(&[&update[..], &["--yes"]].concat()).succeeded();
    assert!(removed.stderr.contains("the new retention removes"), "{removed:?}");
    assert!(served.annals(&["count", "k.t"]).json()["events"].as_u64() < Some(appended));
}

#[test]
fn a_retention_that_removes_nothing_at_once_is_set_without_asking() {
    let served = Served::with_table();
    served.append(&[json!({"key": "k"})]);
    let update = ["table", "update", "k.t", "--retention-bytes", "1GB"];
    let changed = served.annals(&update).json();
    assert_eq!(changed["retention"]["max_bytes"], 1_000_000_000);
    served.annals(&[&update[..], &["--yes"]].concat()).succeeded();
}
