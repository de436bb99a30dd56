//! The files of a checkout, without what a build or a run leaves behind.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories that hold nothing of the project.
const OUTSIDE: [&str; 4] = [".git", "target", "annals-demo", "node_modules"];

/// The checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below the checkout whose name ends in one of `extensions`, as a path from the checkout on.
pub(crate) fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(root(), extensions, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no file ends in any of {extensions:?}");
    found
}

fn collect(directory: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory of the checkout") {
        let path = entry.expect("an entry of a directory").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !OUTSIDE.contains(&name) && !path.is_symlink() {
                collect(&path, extensions, found);
            }
        } else if extensions.iter().any(|extension| name.ends_with(extension)) {
            found.push(path.strip_prefix(root()).expect("it lies below the checkout").to_owned());
        }
    }
}

/// The text of a file of the checkout.
pub(crate) fn text(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
