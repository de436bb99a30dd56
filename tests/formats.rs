//! Stores of every released format are opened and read whole by this build, which writes on in them; one of an unknown
//! version is refused by name and left alone.
//!
//! The fixtures were made by `cargo run -p annals-testkit --example fixture` of the build that wrote the format last.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use annals_embedded::{EmbeddedEngine, OpenError, Options};
use annals_engine::{Append, ArrivalRead, ArrivalScope, CommitTurn, Engine, ShardBatch};
use annals_model::{Sequence, Shard, StoredEvent, Table};
use annals_storage::disk::{Disk, RealDisk};
use annals_storage::journal::JournalOptions;
use annals_testkit::event::{TestEvent, batch_of, hex};
use annals_testkit::trial::{WIDE, arrivals, everything, scan};
use flate2::read::GzDecoder;
use tempfile::TempDir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

fn unpack(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a fixture") {
        let path = entry.expect("a file of a fixture").path();
        if path.is_dir() {
            unpack(&path, &to.join(path.file_name().expect("a name")));
        } else {
            let mut bytes = Vec::new();
            let packed = File::open(&path).expect("a file of a fixture");
            GzDecoder::new(packed)
                .read_to_end(&mut bytes)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            fs::write(to.join(path.file_stem().expect("a name")), bytes).expect("written");
        }
    }
    // Directories without files are not in the repository.
    for directory in annals_storage::layout::DIRECTORIES {
        let _ = fs::create_dir(to.join(directory));
    }
}

fn unpacked(format: &str, name: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    unpack(&Path::new(FIXTURES).join(format).join(name).join("store"), folder.path());
    folder
}

fn open(folder: &Path) -> Result<EmbeddedEngine, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder));
    let mut options = Options::on_disk(disk);
    options.journal = JournalOptions { file_bytes: 1024 * 1024, ..JournalOptions::default() };
    EmbeddedEngine::open(options)
}

/// All events, by shard and sequence, as the fixture's `events` writes them.
async fn lines(engine: &EmbeddedEngine, table: &Table) -> Vec<String> {
    let moment = engine.head(table.id).expect("the table is there");
    let mut lines = Vec::new();
    for shard in table.definition.shard_count.shards() {
        let (from, through) = (Sequence::FIRST, Sequence::MAX);
        let read = ArrivalRead { table: table.id, shard, from, through, scope: ArrivalScope::All, bounds: WIDE };
        lines.extend(arrivals(engine, read, moment.of(shard)).await.iter().map(line));
    }
    lines
}

fn line(event: &StoredEvent) -> String {
    let (shard, sequence, commit_time) = (event.shard, event.sequence, event.commit_time.unix_nanos());
    format!("{shard} {sequence} {commit_time} {}", hex(&event.bytes))
}

#[tokio::test]
async fn a_store_of_each_format_is_opened_read_and_written_on() {
    for format in ["format-1"] {
        for name in ["closed", "killed"] {
            let folder = unpacked(format, name);
            let events = Path::new(FIXTURES).join(format).join(name).join("events");
            let mut expected: Vec<_> =
                fs::read_to_string(events).expect("what the store holds").lines().map(str::to_owned).collect();
            for round in 0..3 {
                let engine = open(folder.path()).unwrap_or_else(|error| panic!("{format}, {name}: {error}"));
                let table = engine.tables().pop().expect("the one table");
                assert_eq!(lines(&engine, &table).await, expected, "{format}, {name}, round {round}");
                let head = engine.head(table.id).expect("the table is there");
                let read = everything(table.id, head, engine.floor(table.id).expect("the table is there"));
                assert_eq!(scan(&engine, read).await.len(), expected.len(), "{format}, {name}: in time order");
                let last = Shard::new(table.definition.shard_count.get() - 1);
                let shards = vec![ShardBatch { shard: last, batch: batch_of(&[TestEvent::new("later", round)]) }];
                let append = Append { table: table.id, shards, new_columns: Vec::new(), place: CommitTurn::default() };
                engine.append(append).await.expect("it is written on");
                engine.settle().await.expect("old and new runs are merged");
                expected.push(lines(&engine, &table).await.pop().expect("the new event"));
                engine.close().expect("closed");
            }
        }
    }
}

#[test]
fn a_store_of_an_unknown_version_is_refused_by_name_and_left_alone() {
    let folder = unpacked("format-1", "closed");
    let path = folder.path().join("STORE");
    let mut identity = fs::read(&path).expect("the identity");
    identity[8] = 2;
    let digest = blake3::hash(&identity[..48]);
    identity[48..].copy_from_slice(&digest.as_bytes()[..16]);
    fs::write(&path, &identity).expect("written");
    let before = contents(folder.path());
    let refused = open(folder.path()).expect_err("a store of a later format");
    let message = refused.to_string();
    assert!(message.contains("store format 1") && message.contains("store format 2"), "{message}");
    assert!(contents(folder.path()) == before, "nothing was written");
}

/// Each file with its bytes.
fn contents(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            let bytes = fs::read(&path).expect("a file");
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}
