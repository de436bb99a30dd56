//! Pipes that pause, and commands that are interrupted: what came is stored, and said with how to go on.

use std::io::Write;

use serde_json::json;

use crate::harness::Served;

const NUMBERED: [&str; 5] = ["import", "k.rows", "--create", "--key", "id"];

#[test]
fn what_comes_through_a_pipe_is_stored_although_nothing_follows() {
    let served = Served::with_table();
    for (table, command, inputs) in [
        ("k.rows", &NUMBERED[..], ["id,n\nA,1\n", "A,2\n"]),
        ("k.lines", &["import", "k.lines", "--create", "--key", "id"], ["{\"id\":\"A\"}\n", "{\"id\":\"A\"}\n"]),
        ("k.t", &["append", "k.t", "--file", "-"], ["{\"key\":\"A\"}\n", "{\"key\":\"A\"}\n"]),
    ] {
        let mut running = served.annals_running(command);
        for (input, events) in inputs.iter().zip(1..) {
            running.input().write_all(input.as_bytes()).expect("it reads");
            served.wait_for_events(table, events);
        }
        running.signal("TERM");
        let done = running.ended();
        assert!(done.stderr.contains("2 events are"), "{done:?}");
        assert_eq!(done.code, Some(143), "{done:?}");
    }
}

#[test]
fn a_bad_row_that_comes_through_a_pipe_is_told_although_nothing_follows() {
    let served = Served::start();
    let mut running = served.annals_running(&[&NUMBERED[..], &["--type", "n=int64"]].concat());
    running.input().write_all(b"id,n\nA,1\nB,x\n").expect("it reads");
    let error = running.ended().failed(1);
    assert!(error.contains("1 event is stored") && error.contains("line 3"), "{error}");
}

#[test]
fn an_import_that_is_interrupted_says_how_far_it_came_and_goes_on_from_there() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let served = Served::start();
        let rows = |range: std::ops::Range<u64>| range.map(|n| format!("A,{n}")).collect::<Vec<_>>().join("\n") + "\n";
        let mut running = served.annals_running(&NUMBERED);
        running.input().write_all(format!("id,n\n{}", rows(0..5_000)).as_bytes()).expect("it reads");
        served.wait_for_events("k.rows", 2_500);
        running.signal(signal);
        let error = running.ended().failed(code);
        let skip = error.split("--skip-rows ").nth(1).and_then(|rest| rest.split(')').next()).expect("how to go on");
        assert!(error.contains("events are stored"), "{error}");
        let again = [&NUMBERED[..], &["--skip-rows", skip]].concat();
        served.annals_with_input(&again, &format!("id,n\n{}", rows(0..6_000))).succeeded();
        let mut numbers: Vec<_> = served
            .annals(&["scan", "k.rows"])
            .objects()
            .iter()
            .map(|event| event["columns"]["n"].as_f64().expect("a number"))
            .collect();
        numbers.sort_by(f64::total_cmp);
        assert_eq!(numbers.len(), 6_000, "{signal}");
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "each row is stored once");
    }
}

#[test]
fn an_append_that_is_interrupted_says_how_many_are_stored() {
    let served = Served::with_table();
    let mut running = served.annals_running(&["append", "k.t"]);
    running.input().write_all(b"{\"key\":\"A\"}{\"key\":\"B\"}").expect("it reads");
    served.wait_for_events("k.t", 1);
    running.signal("INT");
    let error = running.ended().failed(130);
    assert!(error.contains("appended") && error.contains("interrupted by Ctrl-C"), "{error}");
}

#[test]
fn a_tail_that_is_interrupted_says_the_token_from_which_it_goes_on() {
    let served = Served::with_table();
    served.append(&[json!({"key": "a", "columns": {"n": 1}})]);
    for (command, signal) in
        [("tail k.t --start earliest", "INT"), ("tail k.t --start earliest", "TERM"), ("scan k.t --follow", "INT")]
    {
        let running = served.annals_running(&command.split(' ').collect::<Vec<_>>());
        assert_eq!(running.next_object()["key"], "a");
        if command.starts_with("scan") {
            // Signals are listened for once the scan is over and it follows.
            served.append(&[json!({"key": "b", "columns": {"n": 2}})]);
            while running.next_object()["key"] != "b" {}
        }
        running.signal(signal);
        let done = running.ended();
        assert_eq!(done.code, Some(0), "{done:?}");
        let token = done.stderr.split(['`', ' ', '\n']).find(|word| word.starts_with("token:")).expect("a token");
        let rest = served.annals(&["tail", "k.t", "--start", token, "--stop-at-head"]).objects();
        assert!(rest.is_empty(), "{rest:?}");
    }
}
