//! Rules for crates: which may depend on which. Arrows go one way, so that the nouns know of no file, the files of no
//! clock and no network, the engine of no protocol.

use std::collections::{BTreeMap, BTreeSet};
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

/// Crates that stay without any protocol, also through what they depend on; `storage` writes its messages with prost.
const WITHOUT_PROTOCOL: [&str; 5] = ["model", "event", "engine", "service", "net"];

/// Libraries of protocols.
const PROTOCOLS: [&str; 8] = ["tonic", "tonic-prost", "prost", "prost-types", "h2", "http", "http-body", "hyper"];

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

/// What each library of the lock file depends on.
fn locked() -> BTreeMap<String, BTreeSet<String>> {
    let lock: toml::Table = text(Path::new("Cargo.lock")).parse().expect("a lock file is TOML");
    let packages = lock["package"].as_array().expect("its packages");
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages {
        let name = package["name"].as_str().expect("a package has a name").to_owned();
        let below = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
        let below = below.filter_map(|one| one.as_str()?.split(' ').next().map(str::to_owned));
        found.entry(name).or_default().extend(below);
    }
    found
}

/// All that a crate of the project depends on, at any distance. The lock file does not tell its own dependencies from
/// those of its tests, so these are read from the manifests.
fn all_below(name: &str, locked: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![format!("annals-{name}")]);
    while let Some(next) = open.pop() {
        let below: Vec<String> = match crate_name(&next) {
            Some(own) => dependencies(own, &["dependencies"]),
            None => locked.get(&next).into_iter().flatten().cloned().collect(),
        };
        open.extend(below.into_iter().filter(|one| found.insert(one.clone())));
    }
    found
}

#[test]
fn what_every_door_stands_on_brings_no_protocol_with_it() {
    let locked = locked();
    for name in WITHOUT_PROTOCOL {
        let below = all_below(name, &locked);
        let brought: Vec<_> = PROTOCOLS.iter().filter(|protocol| below.contains(**protocol)).collect();
        assert!(brought.is_empty(), "{name} brings {brought:?} with it");
    }
    let of_grpc = all_below("grpc", &locked);
    let missing: Vec<_> = PROTOCOLS.iter().filter(|protocol| !of_grpc.contains(**protocol)).collect();
    assert!(missing.is_empty(), "these are no libraries of gRPC any more, or are not looked for rightly: {missing:?}");
}

#[test]
fn crates_keep_away_from_what_is_not_theirs() {
    for (name, strangers, reason) in STRANGERS {
        for dependency in dependencies(name, &["dependencies"]) {
            assert!(!strangers.contains(&dependency.as_str()), "{name} depends on {dependency}, but {reason}");
        }
    }
}
