//! Tails: arrival order, tokens, crashes, and the seam between a scan and what follows it.

use serde_json::json;

use crate::harness::Served;

fn numbered(numbers: std::ops::Range<u64>) -> Vec<serde_json::Value> {
    numbers.map(|number| json!({"key": format!("k{}", number % 3), "columns": {"n": number}})).collect()
}

#[test]
fn a_tail_gives_the_arrival_order_and_its_token_goes_on_from_there() {
    let served = Served::with_table();
    served.append(&numbered(0..5));
    let tail = ["tail", "k.t", "--stop-at-head", "--json", "--start"];
    let first = served.annals(&[&tail[..], &["earliest"]].concat()).succeeded();
    let token = first.stderr.split_whitespace().find(|word| word.starts_with("token:")).expect("a token").to_owned();
    let sequences = |events: &[serde_json::Value]| {
        events.iter().map(|event| event["sequence"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(sequences(&first.objects()), [1, 2, 3, 4, 5]);
    served.append(&numbered(5..8));
    assert_eq!(sequences(&served.annals(&[&tail[..], &[&token]].concat()).objects()), [6, 7, 8]);
    assert_eq!(served.annals(&[&tail[..], &["latest"]].concat()).objects().len(), 0);
    assert_eq!(served.annals(&[&tail[..], &["-1h"]].concat()).objects().len(), 8);
}

#[test]
fn a_tail_of_one_key_ends_after_as_many_events_as_it_was_asked_for() {
    let served = Served::with_table();
    served.append(&numbered(0..9));
    let tail = ["tail", "k.t", "--start", "earliest", "--key", "k1", "--limit", "2", "-o", "lines"];
    let text = served.annals(&tail).succeeded().stdout;
    assert_eq!(text.lines().map(|line| line.rsplit(' ').next()).collect::<Vec<_>>(), [Some("n=1"), Some("n=4")]);
}

#[test]
fn a_tail_outlives_a_server_that_is_killed_without_gap_or_repeat() {
    let mut served = Served::with_table();
    served.append(&numbered(0..3));
    let tail = served.annals_running(&["tail", "k.t", "--start", "earliest", "--json"]);
    (1..=3).for_each(|sequence| assert_eq!(tail.next_object()["sequence"], sequence));
    for crash in 1..=3 {
        served.crash_and_restart();
        served.append(&numbered(3 * crash..3 * crash + 3));
        (1..=3).for_each(|place| assert_eq!(tail.next_object()["sequence"], 3 * crash + place));
    }
}

#[test]
fn a_followed_scan_goes_on_with_exactly_what_its_moment_did_not_hold() {
    let served = Served::with_table();
    served.append(&numbered(0..3));
    let scan = served.annals_running(&["scan", "k.t", "--follow", "--json"]);
    let mut seen: Vec<_> = (0..3).map(|_| scan.next_object()["columns"]["n"].clone()).collect();
    served.append(&numbered(3..6));
    seen.extend((0..3).map(|_| scan.next_object()["columns"]["n"].clone()));
    assert_eq!(seen[3..], [3, 4, 5]);
    seen.sort_by_key(serde_json::Value::as_u64);
    assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_scan_as_of_a_token_reads_that_moment_again() {
    let served = Served::with_table();
    served.append(&numbered(0..3));
    let scan = served.annals(&["scan", "k.t", "--print-token", "--json"]).succeeded();
    let token = scan.stderr.split(['`', ' ']).find(|word| word.starts_with("token:")).expect("a token").to_owned();
    served.append(&numbered(3..6));
    let again = served.annals(&["scan", "k.t", "--as-of", &token, "--json"]).succeeded();
    assert_eq!(again.stdout, scan.stdout);
}

#[test]
fn a_tail_begins_with_the_sequence_that_it_is_told() {
    let served = Served::with_table();
    served.append(&numbered(0..5));
    let tail = |table: &str, start: &str| served.annals(&["tail", table, "--stop-at-head", "--start", start]);
    let found: Vec<_> = tail("k.t", "sequence:4").objects().iter().map(|event| event["sequence"].clone()).collect();
    assert_eq!(found, [4, 5]);
    served.annals(&["table", "create", "k.many", "--shards", "2"]).succeeded();
    assert!(tail("k.many", "sequence:4").failed(1).contains("sequence:SHARD/4"));
    tail("k.many", "sequence:0/1,1/1").succeeded();
}
