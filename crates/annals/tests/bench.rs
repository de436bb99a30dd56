//! `annals bench` does what it says, against a server that it is told of or one of its own. No time is asserted.

use std::path::Path;
use std::process::{Command, Stdio};

use annals_client::{Client, Event};
use annals_testkit::process::ServerProcess;
use serde_json::Value;
use tokio::runtime::Runtime;

/// Runs a short bench in `folder`; its figures.
fn bench(folder: &Path, arguments: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_annals"))
        .arg("bench")
        .args(arguments.split_whitespace())
        .args(["--time", "300ms", "--warm-up", "10ms", "--json"])
        .current_dir(folder)
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
}

fn number(figure: &Value, name: &str) -> u64 {
    figure[name].as_u64().unwrap_or_else(|| panic!("{name} is missing in {figure}"))
}

#[test]
fn every_workload_gives_its_figures() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = ServerProcess::start(Path::new(env!("CARGO_BIN_EXE_annals")), &folder.path().join("store"), &[]);
    let all = |arguments: &str| bench(folder.path(), &format!("{arguments} --server {}", server.address()));
    let one = |arguments: &str| {
        let figures = all(arguments);
        let [figure] = &figures[..] else { panic!("{arguments}: {figures:?}") };
        figure.clone()
    };
    let unary = one("unary --callers 4 --event-bytes 200");
    assert_eq!(number(&unary, "bytes"), 200 * number(&unary, "requests"));
    one("single --rate 50");
    let scan = one("scan --callers 2 --partitions 20 --events-each 30");
    assert_eq!(number(&scan, "events"), 30 * number(&scan, "requests"));
    let ranges = one("scan --table bench.scan --callers 2 --partitions 20 --events-each 30 --range 10");
    assert_eq!(number(&ranges, "events"), 10 * number(&ranges, "requests"));
    let tail = one("tail --partitions 20 --events 5000 --readers 2");
    assert_eq!(number(&tail, "events"), 2 * 5_000, "each reader gets everything");
    let mixed = all("mixed --partitions 20 --events-each 30 --rate 2000");
    assert_eq!(
        mixed.iter().map(|figure| figure["bench"].clone()).collect::<Vec<_>>(),
        ["append", "scan", "tail, live"]
    );
    let tailed =
        all("mixed --table bench.tails --partitions 20 --events-each 30 --scanners 0 --tails 3 --rate 2000 --late 20");
    let [_, tails] = &tailed[..] else { panic!("{tailed:?}") };
    assert_eq!(tails["workload"]["readers"], 3);
    for arguments in ["delivery --rate 1000", "delivery --rate 1000 --unary 8 --table bench.shards --shards 3"] {
        let delivery = one(arguments);
        assert_eq!(delivery["bench"], "delivery");
        assert_eq!(delivery["workload"]["rate"], 1_000.0);
        // What was due in time is counted, however late it came: a greatest span above zero shows that something was.
        for span in ["latency_seconds", "delivery_seconds"] {
            assert!(delivery[span]["max"].as_f64().is_some_and(|seconds| seconds > 0.0), "{span}: {delivery}");
        }
        let [least, greatest] = ["min", "max"].map(|name| delivery["delivery_after_answer_seconds"][name].as_f64());
        assert!(least.is_some() && least <= greatest, "{delivery}");
        let share = delivery["share_delivered_before_answer"].as_f64();
        assert!(share.is_some_and(|share| (0.0..=1.0).contains(&share)), "{delivery}");
        assert_eq!(share > Some(0.0), least < Some(0.0), "{delivery}");
    }
}

#[test]
fn a_delivery_bench_fails_beside_another_program_that_appends() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = ServerProcess::start(Path::new(env!("CARGO_BIN_EXE_annals")), &folder.path().join("store"), &[]);
    let address = server.address().to_string();
    let mut bench = Command::new(env!("CARGO_BIN_EXE_annals"))
        .args(["bench", "delivery", "--rate", "100", "--time", "1m", "--server", &address])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let appended = |runtime: &Runtime| {
        runtime.block_on(async {
            let client = Client::connect(address.as_str()).await.expect("a connection");
            // Refused until the bench has made its table.
            let event = Event::builder("another").build().expect("a good event");
            client.append("bench.delivery", [event]).await.is_ok()
        })
    };
    let runtime = Runtime::new().expect("a runtime");
    let mut taken = 0;
    while bench.try_wait().expect("a child").is_none() {
        taken += u64::from(appended(&runtime));
    }
    let output = bench.wait_with_output().expect("its end");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(taken > 0 && !output.status.success(), "{told}");
    assert!(told.contains("another program appends to the table"), "{told}");
}

#[test]
fn the_rate_over_time_is_drawn_below_the_figures() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_annals"))
        .args(["bench", "session", "--batch", "100", "--time", "1s", "--warm-up", "10ms", "--plot"])
        .current_dir(folder.path())
        .output()
        .expect("the binary runs");
    let drawn = String::from_utf8(output.stdout).expect("text");
    assert!(drawn.contains("events/s") && drawn.contains("times in UTC"), "{drawn}");
}

#[test]
fn a_server_of_its_own_leaves_no_folder_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let figures = bench(folder.path(), "session --batch 100");
    let [session] = &figures[..] else { panic!("{figures:?}") };
    assert_eq!(session["workload"]["batch"], 100);
    assert_eq!(number(session, "events"), 100 * number(session, "requests"));
    assert_eq!(number(session, "bytes"), 128 * number(session, "events"));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
