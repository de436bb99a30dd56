//! Rules for files: what each starts with, how long it may be, what it must not hold.

use std::path::{Path, PathBuf};

use crate::tree::{files, text};

/// Past this a file holds more than one noun. CONTRIBUTING.md says the same number.
const LINES_MAX: usize = 400;

/// Files of the project that hold text.
const TEXT: [&str; 11] =
    [".rs", ".md", ".toml", ".proto", ".service", ".py", ".sh", ".yml", ".yaml", ".ci/run", ".gitignore"];

/// Starts of paths that exist on one machine only. Cut in two, so that this file does not hold them.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("C:\\", "Users")];

/// Marks of work that was left. Cut in two, as above.
const UNFINISHED: [&str; 7] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("for ", "now,"),
    concat!("for ", "now."),
    concat!("place", "holder"),
    concat!("not yet ", "implemented"),
];

#[test]
fn every_source_file_starts_with_a_module_header() {
    let bare: Vec<_> = files(&[".rs"]).into_iter().filter(|path| !text(path).starts_with("//!")).collect();
    assert!(bare.is_empty(), "these files do not say in a //! header what they are: {bare:#?}");
}

#[test]
fn source_files_are_as_short_as_contributing_says() {
    let said = format!("At most {LINES_MAX} lines, functions at most {}.", function_lines_max());
    assert!(text(Path::new("CONTRIBUTING.md")).contains(&said), "CONTRIBUTING.md does not say: {said}");
    let lines = |path: &Path| text(path).lines().count();
    let long: Vec<_> =
        files(&[".rs"]).into_iter().map(|path| (lines(&path), path)).filter(|(lines, _)| *lines > LINES_MAX).collect();
    assert!(long.is_empty(), "these files hold more than one noun; divide them: {long:#?}");
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let found = lines_with(&files(&TEXT), |line| MACHINE_PATHS.iter().any(|path| line.contains(path)));
    assert!(found.is_empty(), "these lines hold only on one machine: {found:#?}");
}

#[test]
fn nothing_is_left_unfinished() {
    let found = lines_with(&files(&TEXT), |line| {
        UNFINISHED.iter().any(|mark| line.contains(mark) || line.to_lowercase().contains(&mark.to_lowercase()))
    });
    assert!(found.is_empty(), "finish these, or file them as issues: {found:#?}");
}

/// What clippy refuses to let a function have more of.
fn function_lines_max() -> i64 {
    let settings: toml::Table = text(Path::new("clippy.toml")).parse().expect("TOML");
    settings["too-many-lines-threshold"].as_integer().expect("a number")
}

fn lines_with(paths: &[PathBuf], wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in paths {
        for (number, line) in text(path).lines().enumerate().filter(|(_, line)| wrong(line)) {
            found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
        }
    }
    found
}
