//! Options that name what is not there: an error that says so, and nothing stored.

use std::process::Command;

use serde_json::json;

use crate::harness::{Served, binary};

const CSV: &str = "id,at,v\nA,2024-03-01T10:00:00Z,1\n";

#[test]
fn an_import_that_names_a_column_that_the_header_does_not_have_stores_nothing() {
    let served = Served::start();
    for option in ["--type V=int64", "--columns V", "--exclude V", "--rename V=w", "--time V", "--type id=string"] {
        let command = format!("import k.t --create --key id {option}");
        let error = served.annals_with_input(&command.split(' ').collect::<Vec<_>>(), CSV).failed(1);
        assert!(
            error.contains("no row had a column") && error.contains("the columns are at, id, v"),
            "{option}: {error}"
        );
        assert!(served.annals(&["table", "list"]).objects().is_empty(), "a failed import leaves no table: {option}");
    }
    let renamed = ["import", "k.t", "--create", "--key", "id", "--rename", "v=w", "--type", "w=int64"];
    served.annals_with_input(&renamed, CSV).succeeded();
    assert_eq!(served.annals(&["scan", "k.t"]).objects()[0]["columns"]["w"], json!(1));
}

#[test]
fn a_column_of_ndjson_may_first_come_late_and_one_that_never_comes_is_told_before_success() {
    let served = Served::start();
    let lines = "{\"id\":\"A\"}\n{\"id\":\"B\",\"late\":1}\n";
    let import = |table, option| {
        served
            .annals_with_input(&["import", table, "--create", "--key", "id", "--sample", "1", "--type", option], lines)
    };
    import("k.late", "late=int64").succeeded();
    let error = import("k.never", "LATE=int64").failed(1);
    assert!(error.contains("imported 2 events") && error.contains("no row had a column \"LATE\""), "{error}");
    let tried = ["import", "k.x", "--key", "id", "--type", "LATE=int64", "--dry-run"];
    assert!(served.annals_with_input(&tried, lines).failed(1).contains("LATE"));
}

#[test]
fn readers_that_name_a_column_that_the_table_does_not_have_are_refused() {
    let served = Served::with_table();
    served.append(&[json!({"key": "k", "columns": {"n": 1}})]);
    for command in [
        "scan k.t --columns nosuch",
        "scan k.t --columns n,nosuch -o csv",
        "tail k.t --columns nosuch --stop-at-head",
        "plot k.t --by nosuch",
        "plot k.t --column nosuch",
    ] {
        let error = served.annals(&command.split(' ').collect::<Vec<_>>()).failed(1);
        assert!(error.contains("no column \"nosuch\"") && error.contains("table describe k.t"), "{command}: {error}");
    }
    // What comes may bring the column.
    let tail = served.annals(&["tail", "k.t", "-c", "later", "--start", "earliest", "-n", "1"]).succeeded();
    assert!(tail.stderr.contains("no column \"later\""), "{tail:?}");
}

#[test]
fn a_misspelt_variable_of_a_setting_ends_the_server_before_it_makes_a_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    for (name, value, meant) in [
        ("ANNALS_LIMITS_TAIL_MAX", "5", "ANNALS_LIMITS_TAILS_MAX"),
        ("ANNALS_LIMIT_TAILS_MAX", "5", "ANNALS_LIMITS_TAILS_MAX"),
        ("ANNALS_SERVER_DIRECTORY", "x", "ANNALS_SERVER_DIRECTORY"),
        ("ANNALS_LOG", "info=loud", "ANNALS_LOG"),
    ] {
        let output = Command::new(binary())
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .env(name, value)
            // Container platforms make such for a service of this name.
            .env("ANNALS_SERVER_PORT_7440_TCP", "tcp://10.0.0.1:7440")
            .env("ANNALS_SERVER_SERVICE_HOST", "10.0.0.1")
            .output()
            .expect("the binary runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && told.contains(meant) && told.contains(name), "{told}");
        assert!(!data.exists());
    }
}
