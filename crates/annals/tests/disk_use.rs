//! What the real binary takes of the disk: little for a store that holds little, and no more for each time that it is
//! killed. By the blocks that the file system has given away, not by the files' lengths.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use annals_testkit::calls;
use annals_testkit::event::TestEvent;
use annals_testkit::process::ServerProcess;
use annals_wire::opaque::event_service_client::EventServiceClient;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_annals");
const TABLE: &str = "disk.use";
const MIB: u64 = 1024 * 1024;
/// As many kills as leave more files than the settings allow, twice over.
const KILLS: usize = 24;
/// `engine.journal_files_max`, the spare, and one that was being made.
const FILES_MAX: usize = 8 + 2;
const FILES_BYTES_MAX: u64 = 64 * MIB;
/// Two short journal files, two of the manifest, and what is next to nothing.
const EMPTY_BYTES_MAX: u64 = 13 * MIB;

/// Files under a folder, and bytes of their blocks.
fn used(folder: &Path) -> (usize, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder).expect("a folder") {
        // One that went meanwhile takes nothing.
        let Ok((entry, about)) = entry.and_then(|entry| entry.metadata().map(|about| (entry, about))) else { continue };
        let (inner_files, inner_bytes) = if about.is_dir() { used(&entry.path()) } else { (1, about.blocks() * 512) };
        files += inner_files;
        bytes += inner_bytes;
    }
    (files, bytes)
}

async fn append(server: &ServerProcess) {
    let channel = calls::connect(&server.uri()).await;
    calls::create_table(&channel, TABLE, 1).await;
    let request = calls::append_request(TABLE, &[TestEvent::new("k", 1)]);
    EventServiceClient::new(channel).append(request).await.expect("an append");
}

#[tokio::test]
async fn a_store_that_holds_little_takes_little() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("store");
    let server = ServerProcess::start(Path::new(BINARY), &data, &[]);
    append(&server).await;
    let (_, bytes) = used(&data);
    assert!(bytes <= EMPTY_BYTES_MAX, "{bytes} bytes while it is open");
    server.terminate();
    server.ended(Duration::from_mins(1));
    let (_, bytes) = used(&data);
    assert!(bytes <= EMPTY_BYTES_MAX, "{bytes} bytes once it is closed");
}

#[tokio::test]
async fn kills_with_an_event_each_leave_no_more_than_the_settings_allow() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("store");
    for nth in 0..KILLS {
        let server = ServerProcess::start(Path::new(BINARY), &data, &[]);
        append(&server).await;
        server.kill().expect("the server is killed");
        let (files, bytes) = used(&data.join("journal"));
        assert!(files <= FILES_MAX && bytes <= FILES_BYTES_MAX, "{files} files, {bytes} bytes after kill {nth}");
    }
    let server = ServerProcess::start(Path::new(BINARY), &data, &[]);
    let found = calls::scan_all(&calls::connect(&server.uri()).await, TABLE).await;
    assert_eq!(found.len(), KILLS, "every event that was acknowledged is there");
    server.kill().expect("the server is killed");
}
