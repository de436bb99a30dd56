//! Running a server and looking into its files: serve, inspect, info, completions.

use serde_json::json;

use annals_testkit::process::ServerProcess;

use crate::harness::{Served, annals, binary};

#[test]
fn a_server_that_is_asked_to_stop_closes_its_store_in_time() {
    let mut served = Served::with_table();
    served.append(&[json!({"key": "k"})]);
    let tail = served.annals_running(&["tail", "k.t", "--start", "earliest", "--json"]);
    assert_eq!(tail.next_object()["sequence"], 1);
    // A stop that takes longer than its five seconds ends with another code.
    assert_eq!(served.stop(), Some(0));
    let overview = annals(&["inspect", served.data().to_str().expect("UTF-8"), "--json"]).json();
    assert_eq!((&overview["closed"], &overview["tables"]), (&json!(true), &json!(1)));
}

#[test]
fn a_store_is_served_once_and_looked_into_only_while_it_is_not() {
    let served = Served::with_table();
    let data = served.data();
    let data = data.to_str().expect("UTF-8");
    for command in [&["serve", "--data", data, "--listen", "127.0.0.1:0"][..], &["inspect", data]] {
        let error = annals(command).failed(1);
        assert!(error.contains(data) && error.contains("another process has this store open"), "{error}");
    }
}

#[test]
fn an_address_that_others_can_reach_needs_a_clear_word() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let error = annals(&["serve", "--data", data.to_str().expect("UTF-8"), "--listen", "0.0.0.0:0"]).failed(1);
    assert!(error.contains("--insecure"), "{error}");
}

#[test]
fn the_printed_configuration_is_one_that_a_server_takes() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("annals.toml");
    let printed = annals(&["serve", "--print-config"]).succeeded().stdout;
    std::fs::write(&file, format!("{printed}\nunknown = 1\n")).expect("written");
    let error = annals(&["serve", "--config", file.to_str().expect("UTF-8")]).failed(1);
    assert!(error.contains("unknown"), "only the unknown key is refused: {error}");
}

#[test]
fn the_files_of_a_store_are_shown_for_people_and_programs() {
    let mut served = Served::with_table();
    served.append(&[json!({"key": "k", "columns": {"n": 1}})]);
    served.stop();
    let data = served.data();
    let data = data.to_str().expect("UTF-8");
    let journal = annals(&["inspect", data, "journal", "--json"]).objects();
    let batch = journal.iter().find(|record| record["record"] == "batch").expect("the event's batch");
    assert_eq!((&batch["events"], &batch["first_sequence"]), (&json!(1), &json!(1)));
    let text = annals(&["inspect", data, "journal", "--text"]).succeeded().stdout;
    assert!(
        text.contains("table k.t made") && text.contains("learned \"n\"") && text.contains("mark: closed"),
        "{text}"
    );
    let manifest = annals(&["inspect", data, "manifest", "--text"]).succeeded().stdout;
    assert!(manifest.contains("closed; the journal ends at"), "{manifest}");
    let state = annals(&["inspect", data, "state", "--json"]).json();
    assert_eq!(state["tables"][0]["columns"][0]["name"], "n");
    assert!(annals(&["inspect", data, "segments", "--json"]).objects().is_empty(), "all is in the journal");
    let nowhere = annals(&["inspect", folder_without_store().path().to_str().expect("UTF-8")]).failed(1);
    assert!(nowhere.contains("there is no store here"), "{nowhere}");
}

fn folder_without_store() -> tempfile::TempDir {
    tempfile::TempDir::new().expect("a folder")
}

#[test]
fn looking_for_a_store_makes_none() {
    let folder = folder_without_store();
    annals(&["inspect", folder.path().to_str().expect("UTF-8")]).failed(1);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn a_server_tells_what_it_is_and_its_limits() {
    let served = Served::start();
    let info = served.annals(&["info", "--json"]).json();
    assert_eq!((&info["engine"], &info["limits"]["event_bytes_max"]), (&json!("embedded"), &json!(3_145_728)));
    let text = served.annals(&["info", "--text"]).succeeded().stdout;
    assert!(text.contains(served.address()) && text.contains("at most 3.0 MiB"), "{text}");
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = annals(&["completions", shell]).succeeded().stdout;
        assert!(script.contains("partitions") && script.contains("annals"), "{shell}");
    }
}

#[test]
fn a_store_served_for_reading_only_is_read_and_refuses_every_change() {
    let mut served = Served::with_table();
    served.append(&[json!({"key": "k", "columns": {"number": 1}})]);
    assert_eq!(served.stop(), Some(0));
    let server = ServerProcess::start(binary(), &served.data(), &["--read-only"]);
    let address = server.address().to_string();
    let run = |arguments: &[&str]| annals(&[arguments, &["--server", &address]].concat());
    assert_eq!(run(&["scan", "k.t", "--json"]).succeeded().stdout.lines().count(), 1);
    assert_eq!(
        run(&["tail", "k.t", "--start", "earliest", "--limit", "1", "--json"]).succeeded().stdout.lines().count(),
        1
    );
    let file = served.data().with_extension("ndjson");
    std::fs::write(&file, r#"{"key": "k", "columns": {"number": 2}}"#).expect("a file");
    let changes: [&[&str]; 4] = [
        &["append", "k.t", "--file", file.to_str().expect("UTF-8")],
        &["table", "create", "k.other"],
        &["table", "update", "k.t", "--protect", "true"],
        &["table", "drop", "k.t", "--yes"],
    ];
    for change in changes {
        let refused = run(change).failed(1);
        assert!(refused.contains("reading only"), "{change:?}: {refused}");
    }
    server.kill().expect("killed");
    let overview = annals(&["inspect", served.data().to_str().expect("UTF-8"), "--json"]).json();
    assert_eq!((&overview["closed"], &overview["tables"]), (&json!(true), &json!(1)), "nothing was written");
}
