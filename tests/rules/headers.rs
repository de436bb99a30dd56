//! Rules for headers: a file that opens a folder or a crate says what it promises and what it does not do, so that whoever
//! changes something inside knows what must go on holding.

use std::path::{Path, PathBuf};

use crate::tree::{files, text};

/// Crates of which that is so. A crate is added as it comes to be so, and none is taken away.
const PROMISING: [&str; 11] =
    ["model", "event", "storage", "engine", "embedded", "wire", "service", "net", "grpc", "server", "client"];

fn header(path: &Path) -> String {
    text(path).lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n")
}

/// Whether a folder or a crate begins with this file; folders of tests promise nothing.
fn opens(path: &Path) -> bool {
    let is_test = path.components().any(|part| part.as_os_str() == "tests");
    (path.ends_with("mod.rs") || path.ends_with("lib.rs")) && !is_test
}

fn promises(header: &str) -> bool {
    header.contains("Promises") && header.contains("Does not:")
}

#[test]
fn folders_and_crates_say_what_they_promise_and_what_they_do_not_do() {
    let sources = files(&[".rs"]);
    let mut silent: Vec<PathBuf> = Vec::new();
    for name in PROMISING {
        let folder = Path::new("crates").join(name).join("src");
        let opening: Vec<_> = sources.iter().filter(|path| path.starts_with(&folder) && opens(path)).collect();
        assert!(!opening.is_empty(), "crates/{name}/src has no file that opens it");
        silent.extend(opening.into_iter().filter(|path| !promises(&header(path))).cloned());
    }
    assert!(silent.is_empty(), "say \"Promises:\" and \"Does not:\" in the headers of these files: {silent:#?}");
}
