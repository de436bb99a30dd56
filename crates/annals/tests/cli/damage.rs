//! What an operator does with a damaged store, on real files: it is refused, looked into, and served for reading only.

use std::fs;
use std::path::{Path, PathBuf};

use annals_engine::embedded::Options;
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
                    folders.push(path)
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
