//! `annals verify`: all is well, or the damage is named and the exit code says so.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::{Served, annals};

/// A store with some events, closed.
fn closed_store() -> Served {
    let mut served = Served::with_table();
    let events: Vec<_> = (0..100).map(|n| json!({"key": format!("k{n}"), "columns": {"n": n}})).collect();
    served.append(&events);
    assert_eq!(served.stop(), Some(0));
    served
}

fn verify(data: &Path) -> crate::harness::Done {
    annals(&["verify", data.to_str().expect("UTF-8"), "--text"])
}

/// The files below `folder`, by path.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn a_sound_store_is_well_and_not_changed() {
    let store = closed_store();
    let before: Vec<_> = files(&store.data()).into_iter().map(|path| (fs::read(&path).expect("read"), path)).collect();
    let text = verify(&store.data()).succeeded().stdout;
    assert!(text.ends_with("all is well\n"), "{text}");
    let report = annals(&["verify", store.data().to_str().expect("UTF-8"), "--json"]).json();
    assert_eq!((&report["sound"], &report["findings"]), (&json!(true), &json!([])));
    let after: Vec<_> = files(&store.data()).into_iter().map(|path| (fs::read(&path).expect("read"), path)).collect();
    assert!(before == after, "verify wrote to the store");
}

#[test]
fn one_flipped_bit_in_any_file_is_found_and_named() {
    let store = closed_store();
    for directory in ["journal", "manifest"] {
        for path in files(&store.data().join(directory)) {
            let sound = fs::read(&path).expect("read");
            let mut damaged = sound.clone();
            damaged[sound.len() / 2] ^= 1;
            // The first frame as well: the middle of a journal file may be space that was never written.
            damaged[4_100.min(sound.len() - 1)] ^= 1;
            fs::write(&path, &damaged).expect("written");
            let done = verify(&store.data());
            let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
            assert!(done.stdout.contains("damage") && done.stdout.contains(name), "{done:?}");
            let error = done.failed(4);
            assert!(error.contains("Nothing was changed"), "{error}");
            fs::write(&path, &sound).expect("written");
        }
    }
    verify(&store.data()).succeeded();
}

#[test]
fn a_store_whose_identity_is_damaged_is_no_store_to_trust() {
    let store = closed_store();
    let path = store.data().join("STORE");
    let mut identity = fs::read(&path).expect("read");
    identity[20] ^= 1;
    fs::write(&path, identity).expect("written");
    let error = verify(&store.data()).failed(4);
    assert!(error.contains("STORE"), "{error}");
}

#[test]
fn a_store_that_was_killed_is_well_and_one_that_is_served_is_not_looked_at() {
    let mut served = Served::with_table();
    served.append(&[json!({"key": "k"})]);
    assert!(verify(&served.data()).failed(1).contains("another process"));
    served.kill();
    verify(&served.data()).succeeded();
}
