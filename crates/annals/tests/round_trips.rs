//! What the real binary writes of a table, it takes back bit for bit: `scan | append`, `tail | append` and
//! `scan -o csv | import`, over events of every type and edge and over the week of real flights.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use annals_client::proto::{self, CreateTableRequest};
use annals_client::{Client, ColumnType, Event, Scan};
use annals_testkit::edges::{COLUMNS, Edges, in_order_of_names};
use annals_testkit::process::ServerProcess;
use annals_testkit::seed::{announce, seeds};
use futures_util::StreamExt;
use tempfile::TempDir;

const STORM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/storm.ndjson.gz");

/// Events of a seed.
const EVENTS: usize = 200;

/// What an import says of the columns that a scan writes as CSV.
const FROM_SCAN: [&str; 8] =
    ["--key", "key", "--time", "time", "--id", "id", "--exclude", "shard,sequence,commit_time"];

/// Columns that are called as those that every event has stand in a scan's CSV under another name.
const RENAMED: &str =
    "columns.key=key,columns.time=time,columns.id=id,columns.shard=shard,columns.columns.key=columns.key";

struct Fixture {
    _folder: TempDir,
    server: ServerProcess,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = ServerProcess::start(binary(), &folder.path().join("store"), &[]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { _folder: folder, server, runtime }
    }

    fn with_client<T>(&self, work: impl AsyncFnOnce(Client) -> T) -> T {
        self.runtime.block_on(async { work(Client::connect(self.server.uri()).await.expect("the server is up")).await })
    }

    fn create(&self, name: &str, columns: &[(&str, ColumnType)]) {
        let columns = columns.iter().map(|(name, column_type)| proto::Column {
            name: (*name).to_owned(),
            r#type: proto_type(*column_type).into(),
        });
        let table = proto::Table { name: name.to_owned(), columns: columns.collect(), ..proto::Table::default() };
        let request = CreateTableRequest { table: Some(table), if_not_exists: false };
        self.with_client(async |client| client.create_table(request).await.expect("a new table"));
    }

    fn append(&self, table: &str, events: Vec<Event>) {
        self.with_client(async |client| client.append(table, events).await.expect("the server takes the edges"));
    }

    /// All events of a table, as they are encoded, in the order of their ids.
    fn events(&self, table: &str) -> Vec<Event> {
        let mut events = self.with_client(async |client| {
            let scanned = client.scan(Scan::table(table)).map(|event| event.expect("the scan goes on").event);
            scanned.collect::<Vec<_>>().await
        });
        events.sort_by_cached_key(|event| event.view().expect("an event").id());
        events
    }

    /// What a command writes.
    fn written(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(arguments, Vec::new());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Gives a command what another wrote.
    fn give(&self, arguments: &[&str], input: &[u8]) {
        let output = self.run(arguments, input.to_vec());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn run(&self, arguments: &[&str], input: Vec<u8>) -> Output {
        let mut child = Command::new(binary())
            .args(arguments)
            .env("ANNALS_SERVER", self.server.address().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // A command that fails ends without reading all of it.
        let writer = thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("the binary ends");
        writer.join().expect("the input's thread does not panic");
        output
    }

    /// Copies a table in each way, and compares each copy.
    fn check_every_way(&self, table: &str, columns: &[(&str, ColumnType)], import: &[&str]) {
        let name = |way: &str| format!("{table}{way}");
        let expected = self.events(table);
        let in_order = |events: &[Event]| events.iter().map(in_order_of_names).collect::<Vec<_>>();
        let scanned = self.written(&["scan", table, "--format", "ndjson"]);
        let tailed = self.written(&["tail", table, "--start", "earliest", "--stop-at-head", "--format", "ndjson"]);
        for (way, json) in [("scanned", scanned), ("tailed", tailed)] {
            let copy = name(way);
            self.create(&copy, &[]);
            self.give(&["append", &copy], &json);
            assert!(self.events(&copy) == expected, "{copy} differs from {table}");
        }
        for (way, format) in [("scan", "csv"), ("tail", "csv")] {
            let copy = name(&format!("{way}{format}"));
            let ends = ["--start", "earliest", "--stop-at-head"];
            let ends = if way == "tail" { &ends[..] } else { &[] };
            let csv = self.written(&[&[way, table, "--format", format], ends].concat());
            self.create(&copy, columns);
            self.give(&[&["import", &copy], &FROM_SCAN[..], import].concat(), &csv);
            assert!(in_order(&self.events(&copy)) == in_order(&expected), "{copy} differs from {table}");
        }
    }
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_annals"))
}

fn proto_type(column_type: ColumnType) -> proto::ColumnType {
    match column_type {
        ColumnType::Bool => proto::ColumnType::Bool,
        ColumnType::Int64 => proto::ColumnType::Int64,
        ColumnType::Double => proto::ColumnType::Double,
        ColumnType::String => proto::ColumnType::String,
        ColumnType::Bytes => proto::ColumnType::Bytes,
        ColumnType::Timestamp => proto::ColumnType::Timestamp,
        ColumnType::Uuid => proto::ColumnType::Uuid,
    }
}

#[test]
fn events_of_every_type_and_edge_come_back_from_what_is_written_of_them() {
    let fixture = Fixture::new();
    for seed in seeds(3) {
        let _announced = announce(seed);
        let mut edges = Edges::new(seed);
        let table = format!("k.edges{seed}");
        fixture.create(&table, &COLUMNS);
        let mut sent: Vec<_> = (0..EVENTS).map(|_| edges.event()).collect();
        fixture.append(&table, sent.clone());
        sent.sort_by_cached_key(|event| event.view().expect("an event").id());
        assert!(fixture.events(&table) == sent, "a call changed what it was sent");
        fixture.check_every_way(&table, &COLUMNS, &["--rename", RENAMED]);
    }
}

#[test]
fn the_committed_week_comes_back_from_what_is_written_of_it() {
    let fixture = Fixture::new();
    let types = "flight=int64,delay=int64,air_time=int64,distance=int64,seats=int64";
    let import = ["import", "k.week", STORM, "--create", "--key", "aircraft", "--time", "time", "--type", types];
    fixture.give(&import, &[]);
    let table = fixture.with_client(async |client| client.table("k.week").await.expect("just made"));
    let type_names = ["bool", "int64", "double", "string", "bytes", "timestamp", "uuid"];
    let types: Vec<_> = table
        .columns
        .iter()
        .map(|column| format!("{}={}", column.name, type_names[usize::try_from(column.r#type).expect("a type") - 1]))
        .collect();
    assert_eq!(fixture.events("k.week").len(), 17_292);
    fixture.check_every_way("k.week", &[], &["--type", &types.join(",")]);
}
