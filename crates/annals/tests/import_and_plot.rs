//! `annals import` and `annals plot` against a real server, on real files.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use annals_testkit::process::ServerProcess;
use tempfile::TempDir;

const STORM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/storm.ndjson.gz");
const STORM_COLUMNS: [&str; 6] =
    ["--key", "aircraft", "--time", "time", "--type", "flight=int64,delay=int64,air_time=int64"];

struct Fixture {
    folder: TempDir,
    server: ServerProcess,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = ServerProcess::start(binary(), &folder.path().join("store"), &[]);
        Self { folder, server }
    }

    fn annals(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().expect("the binary runs")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).env("ANNALS_SERVER", self.server.address().to_string());
        command
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("writes a file");
        path
    }

    fn events(&self, table: &str) -> u64 {
        let counted = self.annals(&["count", table, "--json"]);
        assert!(counted.status.success(), "{}", text(&counted.stderr));
        let counted: serde_json::Value = serde_json::from_slice(&counted.stdout).expect("an object");
        counted["events"].as_u64().expect("a number")
    }
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_annals"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_committed_week_is_imported_whole_and_plotted_as_it_was() {
    let fixture = Fixture::new();
    let import = fixture.annals(&[&["import", "flights.nyc", STORM, "--create"], &STORM_COLUMNS[..]].concat());
    assert!(import.status.success(), "{}", text(&import.stderr));
    assert!(text(&import.stderr).starts_with("imported 17,292 events"), "{}", text(&import.stderr));
    assert!(import.stdout.is_empty(), "what was done is no data");
    assert_eq!(fixture.events("flights.nyc"), 17_292);

    let range = ["--from", "2013-02-08T05:00:00Z", "--to", "2013-02-11T05:00:00Z", "--time-zone", "America/New_York"];
    let by_kind = ["plot", "flights.nyc", "--by", "kind", "--only", "departed,cancelled", "--width", "80", "--text"];
    let plot = fixture.annals(&[&by_kind[..], &range].concat());
    assert!(plot.status.success(), "{}", text(&plot.stderr));
    let drawn = text(&plot.stdout);
    assert!(drawn.contains("departed  1,555 events, at most 73 an hour (2013-02-08 08:00)"), "{drawn}");
    assert!(drawn.contains("cancelled  891 events, at most 68 an hour (2013-02-08 17:00)"), "{drawn}");

    let numbers = fixture.annals(&["plot", "flights.nyc", "--column", "delay", "--key", "N351JB", "--json"]);
    assert!(numbers.status.success(), "{}", text(&numbers.stderr));
    let steps: Vec<serde_json::Value> =
        text(&numbers.stdout).lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let sum = |name: &str| steps.iter().filter_map(|step| step[name].as_u64()).sum::<u64>();
    assert_eq!((sum("events"), sum("values")), (21, 10), "departures and arrivals have a delay");

    let narrow = fixture.annals(&[&by_kind[..], &range, &["--bucket", "1m"]].concat());
    assert!(!narrow.status.success());
    assert!(text(&narrow.stderr).contains("4320 buckets do not fit in 72 columns"), "{}", text(&narrow.stderr));
}

#[test]
fn an_import_that_stops_says_how_far_it_came_and_can_go_on() {
    let fixture = Fixture::new();
    let rows = "k,t,n\na,2013-02-08,1\nb,2013-02-09,2\nc,never,3\nd,2013-02-10,4\n";
    let file = fixture.file("rows.csv", rows.as_bytes());
    let file = file.to_str().expect("a plain path");
    let import = ["import", "k.rows", file, "--key", "k", "--time", "t"];
    let absent = fixture.annals(&import);
    assert!(text(&absent.stderr).contains("--create"), "{}", text(&absent.stderr));

    let stopped = fixture.annals(&[&import[..], &["--create"]].concat());
    assert!(!stopped.status.success());
    let told = text(&stopped.stderr);
    assert!(told.contains("2 events are stored") && told.contains("--skip-rows 2"), "{told}");
    assert!(told.contains("line 4, column \"t\": \"never\" is not a time"), "{told}");
    assert_eq!(fixture.events("k.rows"), 2);

    let gone_on = fixture.annals(&[&import[..], &["--skip-rows", "2", "--skip-bad", "1"]].concat());
    assert!(gone_on.status.success(), "{}", text(&gone_on.stderr));
    assert!(text(&gone_on.stderr).contains("1 of 4 rows were bad and left out"), "{}", text(&gone_on.stderr));
    assert_eq!(fixture.events("k.rows"), 3);
}

#[test]
fn a_tables_columns_keep_their_types_and_stdin_is_read() {
    let fixture = Fixture::new();
    let file = fixture.file("first.csv", b"k,n\na,1\n");
    let file = file.to_str().expect("a plain path");
    let first = fixture.annals(&["import", "k.typed", file, "--key", "k", "--type", "n=int64", "--create"]);
    assert!(first.status.success(), "{}", text(&first.stderr));

    let mut piped = fixture.command(&["import", "k.typed", "--key", "k"]);
    let input = std::fs::File::open(fixture.file("second.ndjson", b"{\"k\":\"b\",\"n\":2}\n")).expect("just written");
    let piped = piped.stdin(input).output().expect("the binary runs");
    assert!(piped.status.success(), "sampled numbers are doubles, and the column's type wins: {}", text(&piped.stderr));

    let other = fixture.annals(&["import", "k.typed", file, "--key", "k", "--type", "n=string"]);
    assert!(!other.status.success());
    assert!(text(&other.stderr).contains("holds int64"), "{}", text(&other.stderr));
    assert_eq!(fixture.events("k.typed"), 2);
}
