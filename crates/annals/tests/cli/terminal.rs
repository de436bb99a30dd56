//! What a person sees on a terminal: tables that fit, and data that can't act on it.

use serde_json::json;

use crate::harness::Served;

#[test]
fn a_terminal_that_tells_no_width_gets_a_row_on_a_line() {
    let served = Served::with_table();
    served.append(&[json!({"key": "N14228", "time": "2013-02-08T14:00:00Z", "columns": {"origin": "Newark"}})]);
    let shown = served.annals_on_terminal(&["scan", "k.t"], 0);
    assert_eq!(shown.lines().count(), 2, "{shown}");
    let shown = served.annals_on_terminal(&["scan", "--help"], 0);
    assert!(shown.lines().any(|line| line.len() > 60), "{shown}");
}

#[test]
fn a_terminal_that_is_narrow_gets_a_table_that_fits() {
    let served = Served::with_table();
    served.append(&[json!({"key": "k", "time": "2013-02-08T14:00:00Z", "columns": {"text": "word ".repeat(30)}})]);
    let shown = served.annals_on_terminal(&["scan", "k.t"], 60);
    assert!(shown.lines().count() > 2 && shown.lines().all(|line| line.chars().count() <= 60), "{shown}");
}

#[test]
fn control_characters_in_data_are_shown_and_do_not_act_whatever_shows_them() {
    let served = Served::with_table();
    let red = "\u{1b}[31mred\u{9b}0m";
    served.append(&[json!({"key": format!("k{red}"), "columns": {red: red}})]);
    for command in [
        "scan k.t",
        "scan k.t -o csv",
        "scan k.t -o lines",
        "tail k.t --start earliest --stop-at-head",
        "partitions k.t",
        "table describe k.t",
        "plot k.t --by TEXT",
        "scan k.t -c TEXT",
        "append k.t --file TEXT",
        "import k.t TEXT --key k",
        "table drop TEXT -y",
    ] {
        let arguments: Vec<_> = command.split(' ').map(|word| if word == "TEXT" { red } else { word }).collect();
        let shown = served.annals_on_terminal(&arguments, 100);
        assert!(
            !shown.is_empty() && !shown.contains("\u{1b}[31m") && !shown.contains('\u{9b}'),
            "{command}: {shown:?}"
        );
    }
}

#[test]
fn control_characters_in_a_header_are_shown_in_what_is_said_of_it() {
    let served = Served::with_table();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rows.csv");
    std::fs::write(&file, "\u{1b}[31mRED\u{1b}[0m,n\nA,1\n").expect("written");
    let file = file.to_str().expect("UTF-8");
    for more in [&[][..], &["--dry-run"], &["--skip-bad", "5"]] {
        let shown = served.annals_on_terminal(&[&["import", "k.t", file, "--key", "id"], more].concat(), 200);
        assert!(shown.contains("\\u{1b}[31m") && !shown.contains("\u{1b}[31m"), "{shown:?}");
    }
}

#[test]
fn csv_to_a_pipe_is_written_as_it_is() {
    let served = Served::with_table();
    served.append(&[json!({"key": "k", "columns": {"text": "a\tb\u{7f}"}})]);
    let written = served.annals(&["scan", "k.t", "-o", "csv", "-c", "text"]).succeeded().stdout;
    assert!(written.contains("a\tb\u{7f}"), "{written:?}");
}
