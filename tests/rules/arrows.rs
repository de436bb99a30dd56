//! Rules for crates: which may depend on which. Arrows go one way, so that the nouns know of no file, the files of no
//! clock and no network, the engine of no protocol.

use std::fs;
use std::path::Path;

use crate::tree::{root, text};

/// Each crate with the crates of the project that it may depend on.
const ARROWS: [(&str, &[&str]); 13] = [
    ("model", &[]),
    ("event", &["model"]),
    ("storage", &["model"]),
    ("engine", &["model"]),
    ("embedded", &["model", "engine", "storage"]),
    ("wire", &["model", "event"]),
    ("net", &[]),
    ("service", &["model", "event", "engine"]),
    ("grpc", &["model", "event", "engine", "service", "net", "wire"]),
    ("server", &["model", "engine", "embedded", "service", "net", "grpc", "wire"]),
    ("client", &["model", "event", "wire"]),
    ("annals", &["model", "event", "storage", "engine", "embedded", "wire", "server", "client"]),
    ("testkit", &["model", "event", "storage", "engine", "embedded", "wire", "server", "client"]),
];

/// Crates that a crate must keep away from, with the reason.
const STRANGERS: [(&str, &[&str], &str); 9] = [
    ("model", &["tokio", "tonic", "prost", "sled", "tempfile"], "the nouns do no I/O"),
    ("event", &["tokio", "tonic", "prost"], "an event's bytes are read and written by one cursor of our own"),
    ("storage", &["tokio", "tonic", "chrono", "rand"], "files are synchronous and never ask the time"),
    ("engine", &["tonic", "prost", "sled", "zstd", "tempfile"], "the contract knows of no protocol and no files"),
    ("embedded", &["tonic", "prost", "sled"], "the engine knows of no protocol, and of files only through storage"),
    (
        "service",
        &["tonic", "prost", "h2", "http", "http-body", "hyper", "socket2"],
        "what every door asks for is no door's",
    ),
    ("net", &["tonic", "prost", "h2", "http"], "sockets and threads know no protocol"),
    ("server", &["annals-wire", "tonic", "prost", "h2", "http"], "composition translates nothing; its tests may"),
    ("client", &["sled", "axum"], "a client carries no store"),
];

fn dependencies(name: &str, sections: &[&str]) -> Vec<String> {
    let path = Path::new("crates").join(name).join("Cargo.toml");
    let manifest: toml::Table = text(&path).parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

fn crate_name(dependency: &str) -> Option<&str> {
    dependency.strip_prefix("annals-").or((dependency == "annals").then_some("annals"))
}

#[test]
fn every_crate_has_its_arrows_written_down() {
    for entry in fs::read_dir(root().join("crates")).expect("the crates") {
        let path = entry.expect("an entry").path();
        if path.join("Cargo.toml").is_file() {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a crate's name");
            assert!(ARROWS.iter().any(|(known, _)| *known == name), "say in ARROWS what crates/{name} may depend on");
        }
    }
}

#[test]
fn crates_depend_only_on_those_below_them() {
    for (name, allowed) in ARROWS {
        for dependency in dependencies(name, &["dependencies", "build-dependencies"]) {
            if let Some(below) = crate_name(&dependency) {
                assert!(allowed.contains(&below), "{name} must not depend on {below}; it may on {allowed:?}");
            }
        }
    }
}

#[test]
fn tests_of_a_crate_reach_up_only_to_the_testkit() {
    for (name, allowed) in ARROWS {
        for dependency in dependencies(name, &["dev-dependencies"]) {
            if let Some(other) = crate_name(&dependency) {
                let fine = allowed.contains(&other) || other == "testkit";
                assert!(fine, "the tests of {name} must not depend on {other}; put them into tests/");
            }
        }
    }
}

#[test]
fn crates_keep_away_from_what_is_not_theirs() {
    for (name, strangers, reason) in STRANGERS {
        for dependency in dependencies(name, &["dependencies"]) {
            assert!(!strangers.contains(&dependency.as_str()), "{name} depends on {dependency}, but {reason}");
        }
    }
}
