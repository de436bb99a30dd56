//! The house rules that a machine can check. Promises that a rule that is broken fails a test, not a plea.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory of the workspace") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_source_file_starts_with_a_module_header() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for directory in ["crates", "tests", "benches"] {
        sources(&root.join(directory), &mut files);
    }
    let bare: Vec<_> =
        files.iter().filter(|path| !fs::read_to_string(path).expect("a source file").starts_with("//!")).collect();
    assert!(bare.is_empty(), "these files do not say what they are in a //! header: {bare:#?}");
}
