//! Advice is followed as it is given, from the state in which it is given, and works.

use std::fs;

use serde_json::json;

use crate::harness::{Served, annals};

/// The words of a message from `--` on, as far as they are an option and its value.
fn advised<'a>(message: &'a str, option: &str) -> Vec<&'a str> {
    let start = message.find(option).unwrap_or_else(|| panic!("{option} is not in {message}"));
    let end = |c: char| c == ')' || c == '`' || c == ';' || c == '\n';
    message[start..].split(end).next().unwrap_or_default().split_whitespace().collect()
}

#[test]
fn a_header_with_a_nameless_column_is_replaced_as_advised() {
    let served = Served::start();
    let csv = ",id,at,n\n0,A,2024-03-01T10:00:00Z,1\n";
    let import = ["import", "k.t", "--create", "--key", "id", "--time", "at"];
    let error = served.annals_with_input(&import, csv).failed(1);
    let again = [&import[..], &advised(&error, "--header")].concat();
    served.annals_with_input(&again, csv).succeeded();
    let events = served.annals(&["scan", "k.t"]).objects();
    assert_eq!((events.len(), &events[0]["columns"]), (1, &json!({"column1": 0.0, "n": 1.0})));
}

#[test]
fn the_header_of_each_of_several_files_is_replaced() {
    let served = Served::start();
    let folder = tempfile::tempdir().expect("a folder");
    let files = ["one.csv", "two.csv"].map(|name| folder.path().join(name).to_str().expect("UTF-8").to_owned());
    for file in &files {
        fs::write(file, ",id\n0,A\n").expect("written");
    }
    let import = ["import", "k.t", &files[0], &files[1], "--create", "--key", "id"];
    let error = served.annals(&import).failed(1);
    served.annals(&[&import[..], &advised(&error, "--header")].concat()).succeeded();
    assert_eq!(served.annals(&["count", "k.t"]).json()["events"], 2);
}

#[test]
fn what_an_import_advises_of_its_rows_and_its_table_works() {
    let served = Served::start();
    let csv = "id,n\nA,1\nB,x\nC,3\n";
    let import = ["import", "k.t", "--key", "id", "--sample", "1"];
    let absent = served.annals_with_input(&import, csv).failed(1);
    assert_eq!(advised(&absent, "--create")[0], "--create");
    let create = [&import[..], &["--create"]].concat();
    let bad = served.annals_with_input(&create, csv).failed(1);
    assert!(bad.contains("1 event is stored"), "{bad}");
    let go_on = advised(&bad, "--skip-rows");
    let rest = [&import[..], &go_on[..], &["--skip-bad", "1"]].concat();
    let done = served.annals_with_input(&rest, csv).succeeded();
    assert!(done.stderr.contains("imported 1 event out of"), "{done:?}");
    assert_eq!(served.annals(&["count", "k.t"]).json()["events"], 2);
    // The column's type is advised before the table has one.
    let other = ["import", "k.other", "--key", "id", "--sample", "1", "--dry-run"];
    let typed = served.annals_with_input(&other, csv).failed(1);
    served.annals_with_input(&[&other[..], &advised(&typed, "--type")].concat(), csv).succeeded();
}

#[test]
fn what_a_scan_wrote_goes_to_append_as_advised() {
    let served = Served::with_table();
    served.append(&[json!({"key": "k", "columns": {"n": 1}})]);
    let scanned = served.annals(&["scan", "k.t"]).succeeded().stdout;
    let error = served.annals_with_input(&["import", "k.copy", "--create", "--key", "key"], &scanned).failed(1);
    assert!(error.contains("`annals append TABLE --file -` takes them back"), "{error}");
    served.annals(&["table", "create", "k.copy"]).succeeded();
    served.annals_with_input(&["append", "k.copy", "--file", "-"], &scanned).succeeded();
}

#[test]
fn what_tables_and_tails_advise_works() {
    let served = Served::with_table();
    served.append(&[json!({"key": "k", "columns": {"n": 1}})]);
    served.annals(&["table", "update", "k.t", "--protect", "true"]).succeeded();
    let error = served.annals(&["table", "drop", "k.t", "--yes"]).failed(1);
    let command = error.split("`annals ").nth(1).and_then(|rest| rest.split('`').next()).expect("a command");
    served.annals(&command.replace("NAME", "k.t").split(' ').collect::<Vec<_>>()).succeeded();
    let scan = served.annals(&["scan", "k.t", "--key", "k", "--print-token"]).succeeded();
    let command = scan.stderr.split("`annals ").nth(1).and_then(|rest| rest.split('`').next()).expect("a command");
    let tail: Vec<_> = command.split(' ').chain(["--key", "k", "--stop-at-head"]).collect();
    assert!(served.annals(&tail).objects().is_empty());
    let tail = ["tail", "k.t", "--stop-at-head", "--key", "k"];
    let told = served.annals(&tail).succeeded().stderr;
    let of_others = [&tail[..3], &["--key", "other"], &advised(&told, "--start")[..]].concat();
    let changed = served.annals(&of_others).failed(1);
    served.annals(&[&of_others[..], &advised(&changed, "--allow-scope-change")[..1]].concat()).succeeded();
    let asked = served.annals(&["table", "drop", "k.t"]).failed(1);
    served.annals(&["table", "drop", "k.t", advised(&asked, "--yes")[0]]).succeeded();
}

#[test]
fn a_taken_port_is_told_with_a_port_that_is_free_and_leaves_no_store() {
    let served = Served::start();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let error = annals(&["serve", "--listen", served.address(), "--data", data.to_str().expect("UTF-8")]).failed(1);
    assert_eq!(advised(&error, "--listen")[..2], ["--listen", "127.0.0.1:0"]);
    assert!(!data.exists(), "no store was made");
}

#[test]
fn what_an_import_advises_of_types_times_and_bad_rows_works() {
    let served = Served::start();
    let import = ["import", "k.types", "--create", "--key", "id", "--sample", "1"];
    let late = "id,n\nA,\nB,1\nC,x\n";
    let error = served.annals_with_input(&[&import[..], &["--dry-run"]].concat(), late).failed(1);
    served.annals_with_input(&[&import[..], &advised(&error, "--type")].concat(), late).succeeded();
    let bad = "id,n\nA,1\nB,x\nC,y\n";
    let import = ["import", "k.bad", "--create", "--key", "id", "--type", "n=int64"];
    let error = served.annals_with_input(&[&import[..], &["--skip-bad", "1"]].concat(), bad).failed(1);
    assert!(error.contains("one more than --skip-bad allows"), "{error}");
    served.annals_with_input(&[&import[..], &["--skip-bad", "2"]].concat(), bad).succeeded();
    let early = "id,at\nA,1709287200\n";
    let import = ["import", "k.early", "--create", "--key", "id", "--time", "at", "--dry-run"];
    let told = served.annals_with_input(&[&import[..], &["--time-format", "ms"]].concat(), early).succeeded();
    assert!(told.stderr.contains("January 1970") && told.stderr.contains("--time-format"), "{told:?}");
    let again = served.annals_with_input(&[&import[..], &["--time-format", "s"]].concat(), early).succeeded();
    assert!(!again.stderr.contains("January 1970"), "{again:?}");
    let unread = "id,at\nA,08.02.2013 09:00\n";
    let error = served.annals_with_input(&import, unread).failed(1);
    assert!(error.contains("--time-format and --time-zone"), "{error}");
    let said = ["--time-format", "%d.%m.%Y %H:%M", "--time-zone", "America/New_York"];
    served.annals_with_input(&[&import[..], &said].concat(), unread).succeeded();
    let twice = "id,at\nA,2013-11-03 01:30\n";
    let said = ["--time-format", "%Y-%m-%d %H:%M", "--time-zone", "America/New_York"];
    let error = served.annals_with_input(&[&import[..], &said].concat(), twice).failed(1);
    let option = advised(&error, "--repeated-time")[0];
    served.annals_with_input(&[&import[..], &said, &[option, "first"]].concat(), twice).succeeded();
}

#[test]
fn what_reads_advise_to_go_on_works() {
    let served = Served::start();
    served.annals(&["table", "create", "k.t", "--shards", "2"]).succeeded();
    let events: Vec<_> = (0..10).map(|n| json!({"key": format!("k{n}"), "columns": {"n": n}})).collect();
    served.append(&events);
    let scan = ["scan", "k.t", "-n", "4"];
    let first = served.annals(&scan).succeeded();
    let rest = [&["scan", "k.t"][..], &advised(&first.stderr, "--page-token")].concat();
    assert_eq!(served.annals(&rest).objects().len(), 6);
    let tail = ["tail", "k.t", "--stop-at-head", "--start"];
    let error = served.annals(&[&tail[..], &["sequence:1"]].concat()).failed(1);
    let start = advised(&error, "--start sequence:")[1].replace("SHARD", "0");
    assert_eq!(served.annals(&[&tail[..], &[&*start]].concat()).objects().len(), 10);
    // What to look with where it is not known whether an append is stored.
    assert_eq!(served.annals(&[&tail[..], &["-1m"]].concat()).objects().len(), 10);
    let absent = served.annals(&["count", "k.other"]).failed(1);
    for command in absent.split("`annals ").skip(1).filter_map(|rest| rest.split('`').next()) {
        served.annals(&command.replace("NAME", "k.other").split(' ').collect::<Vec<_>>()).succeeded();
    }
    served.annals(&["count", "k.other"]).succeeded();
}

#[test]
fn what_a_tail_past_retention_advises_works() {
    let served = Served::start_with(&["engine.memtable_bytes_max=65536"]);
    served.annals(&["table", "create", "k.t"]).succeeded();
    let update = ["table", "update", "k.t", "--retention-bytes", "1"];
    let would_remove = || served.annals(&[&update[..], &["--dry-run"]].concat()).succeeded().stderr;
    while would_remove().contains("would remove 0 events") {
        let events: Vec<_> = (0..500).map(|_| json!({"key": "k", "columns": {"text": "x".repeat(100)}})).collect();
        served.append(&events);
    }
    served.annals(&[&update[..], &["--yes"]].concat()).succeeded();
    let tail = ["tail", "k.t", "--stop-at-head", "--start"];
    let error = served.annals(&[&tail[..], &["sequence:1"]].concat()).failed(1);
    let command = error.split("`annals ").nth(1).and_then(|rest| rest.split('`').next()).expect("a command");
    served.annals(&command.replace("TABLE", "k.t").split(' ').collect::<Vec<_>>()).succeeded();
    let start = advised(&error, "--start")[1];
    assert!(!served.annals(&[&tail[..], &[start]].concat()).objects().is_empty());
}

#[test]
fn what_a_plot_advises_of_its_buckets_and_a_setting_of_its_name_works() {
    let served = Served::with_table();
    let events: Vec<_> = (1..=9)
        .map(|day| json!({"key": "k", "time": format!("2013-02-0{day}T00:00:00Z"), "columns": {"n": day}}))
        .collect();
    served.append(&events);
    let plot = ["plot", "k.t", "--bucket", "1s", "--text"];
    let error = served.annals(&plot).failed(1);
    let wider = advised(&error, "--bucket")[1].trim_end_matches(',');
    served.annals(&["plot", "k.t", "--bucket", wider, "--text"]).succeeded();
    let settings = annals(&["serve", "--print-config"]).succeeded();
    assert!(settings.stdout.contains("listen"), "{settings:?}");
    let nothing = served.annals(&["append", "k.t"]).failed(1);
    assert!(nothing.contains("as arguments, with --file, or on stdin"), "{nothing}");
    let event = r#"{"key":"k"}"#;
    served.annals(&["append", "k.t", event]).succeeded();
    served.annals_with_input(&["append", "k.t"], event).succeeded();
    served.annals_with_input(&["append", "k.t", "--file", "-"], event).succeeded();
}
