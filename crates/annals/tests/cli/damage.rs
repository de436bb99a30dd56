//! What an operator does with a damaged store, on real files: it is refused, looked into, and served for reading only.

use std::fs;
use std::path::{Path, PathBuf};

use annals_embedded::Options;
use annals_testkit::process::ServerProcess;
use annals_testkit::tiny_store::{End, fill, tiny};
use annals_testkit::trial::Tracked;
use tempfile::TempDir;

use crate::harness::{Done, annals, binary};

/// A store with segments, a snapshot of the state, and events in the journal.
struct Damaged {
    folder: TempDir,
    tracked: Tracked,
}

impl Damaged {
    fn new(end: End) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let tracked = runtime.block_on(fill(|| tiny(Options::in_directory(folder.path().join("data"))), 4, end));
        Self { folder, tracked }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, before: &[&str], after: &[&str]) -> Done {
        let data = self.data();
        annals(&[before, &[data.to_str().expect("UTF-8")], after].concat())
    }

    fn table(&self) -> &str {
        self.tracked.table.definition.name.as_str()
    }

    /// The files of a part of the store, oldest first.
    fn files(&self, part: &str) -> Vec<PathBuf> {
        let extension = if part == "segments" { "segment" } else { part };
        let entries = fs::read_dir(self.data().join(part)).expect("a folder of the store");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|of| of == extension)).collect();
        paths.sort();
        paths
    }

    /// Every file with its bytes.
    fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.data()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push((path.clone(), fs::read(path).expect("read")));
                }
            }
        }
        found.sort();
        found
    }
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).expect("a file of the store");
    bytes[byte] ^= 1;
    fs::write(path, bytes).expect("written");
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("UTF-8")
}

#[test]
fn a_store_with_a_damaged_journal_is_refused_and_then_served_for_reading_as_far_as_it_is_sound() {
    let store = Damaged::new(End::Killed);
    let journal = store.files("journal").pop().expect("a journal file");
    flip(&journal, 4_096 + 600);
    let before = store.contents();
    let refused = store.run(&["serve", "--data"], &["--listen", "127.0.0.1:0"]).failed(4);
    for part in [name(&journal), "at byte 4608", "garbage-sector", "annals verify", "annals serve --read-only"] {
        assert!(refused.contains(part), "{part} is not in {refused}");
    }

    let server = ServerProcess::start(binary(), &store.data(), &["--read-only"]);
    let address = server.address().to_string();
    let scanned = annals(&["scan", store.table(), "--json", "--server", &address]);
    let served = scanned.stdout.lines().count() as u64;
    assert!(served > 0 && served < store.tracked.oracle.len(), "{served} of {}", store.tracked.oracle.len());
    let told = scanned.failed(4);
    assert!(told.contains(name(&journal)) && told.contains("is served up to sequence"), "{told}");
    let log = server.log();
    assert!(log.contains(name(&journal)) && log.contains("what came after is not served"), "{log}");
    server.kill().expect("killed");
    assert!(store.contents() == before, "reading wrote to the store");
}

#[test]
fn verify_finds_a_sound_store_well_and_says_what_is_no_damage() {
    let store = Damaged::new(End::Killed);
    let before = store.contents();
    let report = store.run(&["verify"], &["--json"]).json();
    let segments = store.files("segments").len();
    assert_eq!((&report["sound"], &report["findings_total"]), (&true.into(), &0.into()), "{report}");
    assert_eq!(report["segments"], segments, "{report}");
    assert!(report["events_in_segments"].as_u64() > Some(0), "{report}");
    // What a crash can leave, and what others can: told, and no damage.
    fs::write(store.data().join("state/00000000000000ff.state"), b"half a snapshot").expect("written");
    fs::write(store.data().join("segments/00000000000000ff.segment"), b"half a segment").expect("written");
    fs::write(store.data().join("quarantine/0000000000000001.journal.4096.torn"), b"torn").expect("written");
    fs::write(store.data().join("journal/notes"), b"mine").expect("written");
    let text = store.run(&["verify"], &["--text"]).succeeded().stdout;
    for name in ["00000000000000ff.state", "00000000000000ff.segment", "4096.torn", "journal/notes"] {
        assert!(text.contains(name), "{name} is not in {text}");
    }
    assert!(text.ends_with("all is well\n"), "{text}");
    let changed: Vec<_> = store.contents().into_iter().filter(|file| !before.contains(file)).collect();
    assert_eq!(changed.len(), 4, "verify wrote to the store: {changed:?}");
}

#[test]
fn verify_names_a_file_of_any_kind_with_one_flipped_bit_or_that_is_missing() {
    let store = Damaged::new(End::Closed);
    for part in ["journal", "manifest", "state", "segments"] {
        let files = store.files(part);
        assert!(!files.is_empty(), "there is a file in {part}");
        for path in files {
            let sound = fs::read(&path).expect("a file of the store");
            flip(&path, sound.len().min(4_200) - 30);
            assert_found(&store, &path);
            fs::remove_file(&path).expect("removed");
            // Without its only file nothing says which number the manifest had.
            assert_found(&store, if part == "manifest" { Path::new("manifest") } else { &path });
            fs::write(&path, sound).expect("put back");
        }
    }
    store.run(&["verify"], &["--text"]).succeeded();
}

fn assert_found(store: &Damaged, path: &Path) {
    let done = store.run(&["verify"], &["--text"]);
    assert!(done.stdout.contains("damage   ") && done.stdout.contains(name(path)), "{}: {done:?}", path.display());
    assert!(!done.stdout.contains("all is well"), "{done:?}");
    done.failed(4);
}

#[test]
fn verify_lists_every_damaged_place_and_not_only_the_first() {
    let store = Damaged::new(End::Closed);
    let mut damaged = Vec::new();
    for part in ["journal", "segments"] {
        for path in store.files(part) {
            let length = fs::metadata(&path).expect("a file of the store").len();
            flip(&path, usize::try_from(length).expect("small") - 10);
            flip(&path, 100);
            damaged.push(path);
        }
    }
    let report = store.run(&["verify"], &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&report.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("a list");
    for path in &damaged {
        let of_file = findings.iter().filter(|finding| finding.as_str().is_some_and(|text| text.contains(name(path))));
        assert!(of_file.count() >= 2, "both places of {} are listed: {findings:?}", path.display());
    }
}

#[test]
fn inspect_shows_each_part_of_a_sound_store() {
    let store = Damaged::new(End::Closed);
    let listed = store.run(&["inspect"], &["segments", "--json"]).objects();
    assert_eq!(listed.len(), store.files("segments").len());
    let events: u64 = listed
        .iter()
        .flat_map(|segment| segment["runs"].as_array().expect("runs"))
        .map(|run| run["events"].as_u64().expect("a number"))
        .sum();
    let table = store.run(&["inspect"], &["segments", "--text"]).succeeded().stdout;
    assert!(table.contains(store.table()) && table.contains("partitions"), "{table}");
    let id = listed[0]["segment"].to_string();
    let inside = store.run(&["inspect"], &["segments", "--text", "--segment", &id]).succeeded().stdout;
    assert!(inside.contains("row index") && inside.contains("key filter"), "{inside}");

    let journal = store.run(&["inspect"], &["journal", "--json"]).objects();
    let batches = journal.iter().filter(|record| record["record"] == "batch");
    let journaled: u64 = batches.map(|batch| batch["events"].as_u64().expect("a number")).sum();
    assert!(events + journaled >= store.tracked.oracle.len(), "{events} and {journaled}");
    let manifest = store.run(&["inspect"], &["manifest", "--text"]).succeeded().stdout;
    assert!(manifest.contains("closed; the journal ends at"), "{manifest}");
    let state = store.run(&["inspect"], &["state", "--json"]).json();
    assert_eq!(state["tables"][0]["name"], store.table());
}

#[test]
fn inspect_shows_what_is_sound_and_ends_with_the_damage() {
    let store = Damaged::new(End::Closed);
    let parts = ["segments", "journal", "manifest", "state"];
    // Which parts can no longer be shown to their end when a file of a kind is damaged.
    let cases =
        [("journal", [true, true, false, true]), ("manifest", [true; 4]), ("state", [true, false, false, true])];
    for (kind, fails) in cases {
        let path = store.files(kind).pop().expect("a file");
        let sound = fs::read(&path).expect("read");
        for is_missing in [false, true] {
            if is_missing {
                fs::remove_file(&path).expect("removed");
            } else {
                flip(&path, sound.len().min(4_096 + 600) - 30);
            }
            for (part, fails) in parts.into_iter().zip(fails) {
                let done = store.run(&["inspect"], &[part, "--json"]);
                if fails {
                    let name = if kind == "manifest" { kind } else { name(&path) };
                    assert!(done.clone().failed(4).contains(name), "{part} with a damaged {kind}: {done:?}");
                } else {
                    done.succeeded();
                }
            }
            fs::write(&path, &sound).expect("put back");
        }
    }
    let path = store.files("segments").pop().expect("a segment");
    let id = u64::from_str_radix(path.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8"), 16).expect("hex");
    fs::remove_file(&path).expect("removed");
    store.run(&["inspect"], &["segments", "--text"]).succeeded();
    let inside = store.run(&["inspect"], &["segments", "--segment", &id.to_string()]).failed(4);
    assert!(inside.contains(name(&path)), "{inside}");
}

#[test]
fn inspect_shows_the_journal_up_to_the_damage() {
    let store = Damaged::new(End::Killed);
    let whole = store.run(&["inspect"], &["journal", "--json"]).objects().len();
    let journal = store.files("journal").pop().expect("a journal file");
    flip(&journal, 4_096 + 30);
    let done = store.run(&["inspect"], &["journal", "--json"]);
    let shown = done.stdout.lines().count();
    assert!(shown > 0 && shown < whole, "{shown} of {whole}");
    assert!(done.failed(4).contains("at byte 4096"));
}

#[test]
fn a_store_that_is_served_for_reading_can_be_verified_meanwhile_and_one_that_is_written_is_not_read() {
    let store = Damaged::new(End::Closed);
    let server = ServerProcess::start(binary(), &store.data(), &["--read-only"]);
    store.run(&["verify"], &["--text"]).succeeded();
    store.run(&["inspect"], &["segments", "--text"]).succeeded();
    let second = store.run(&["serve", "--data"], &["--listen", "127.0.0.1:0"]).failed(1);
    assert!(second.contains("another process has this store open"), "{second}");
    server.kill().expect("killed");
    let server = ServerProcess::start(binary(), &store.data(), &[]);
    let beside = store.run(&["serve", "--read-only", "--data"], &["--listen", "127.0.0.1:0"]).failed(1);
    assert!(beside.contains("another process has this store open"), "{beside}");
    server.kill().expect("killed");
}
