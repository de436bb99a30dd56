//! Each figure of Annals beside that of a server that does nothing: `cargo bench --bench no_op`.
//!
//! Builds the real binary in release mode, runs `annals bench` against `annals serve` and against the server of
//! `service.rs`, each in a process of its own with the same client in a third, and prints both figures and their ratio.
//! The ratio says how much of what the machine and gRPC allow a store leaves, and holds from one machine to another
//! far better than the figures do.

mod service;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use annals_testkit::process::ServerProcess;
use serde_json::Value;

use service::Pretence;

/// Bytes of an event, as the targets have it.
const EVENT_BYTES: usize = 128;

/// Events of a scan.
const SCANNED: usize = 200;

/// A workload of `annals bench`, and the figure of it that counts.
struct Workload {
    name: &'static str,
    arguments: &'static [&'static str],
    figure: &'static str,
}

const WORKLOADS: [Workload; 4] = [
    Workload { name: "session of 1,000 events, events/s", arguments: &["session"], figure: "events_per_second" },
    Workload { name: "64 unary appends of one event, events/s", arguments: &["unary"], figure: "events_per_second" },
    Workload {
        name: "scans of 200 events, 64 in flight, scans/s",
        arguments: &["scan", "--events-each", "200", "--partitions", "10000"],
        figure: "requests_per_second",
    },
    Workload {
        name: "tail of 2,000,000 stored events, events/s",
        arguments: &["tail", "--events", "2000000"],
        figure: "events_per_second",
    },
];

#[expect(clippy::print_stdout, reason = "the figures are what a bench is run for")]
fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` passes --bench, and `cargo test --benches` does not: a release build is no test. Names choose
    // workloads.
    let (flags, chosen): (Vec<String>, Vec<String>) = env::args().skip(1).partition(|word| word.starts_with('-'));
    if !flags.iter().any(|flag| flag == "--bench") {
        return Ok(());
    }
    let binary = build()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let no_op = runtime.block_on(service::serve(&Pretence { scanned: SCANNED, event_bytes: EVENT_BYTES }))?;
    println!("{:<46} {:>12} {:>12} {:>7}", "", "annals", "no-op", "ratio");
    for workload in WORKLOADS {
        if !chosen.is_empty() && !chosen.iter().any(|name| workload.name.contains(name.as_str())) {
            continue;
        }
        let folder = tempfile::tempdir()?;
        let server = ServerProcess::start(&binary, &folder.path().join("store"), &[]);
        let annals = measure(&binary, &server.address().to_string(), &workload)?;
        drop(server);
        let nothing = measure(&binary, &no_op.to_string(), &workload)?;
        println!("{:<46} {annals:>12.0} {nothing:>12.0} {:>7.2}", workload.name, annals / nothing);
    }
    Ok(())
}

/// Builds the binary as it is released, and tells where it is.
fn build() -> Result<PathBuf, Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--package", "annals", "--message-format", "json-render-diagnostics"])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !built.status.success() {
        return Err("the binary does not build".into());
    }
    let messages = String::from_utf8(built.stdout)?;
    let mut executables = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_binary = message["target"]["name"] == "annals" && message["target"]["kind"][0] == "bin";
        is_binary.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    Ok(executables.next_back().ok_or("cargo did not say where the binary is")?)
}

fn measure(binary: &Path, server: &str, workload: &Workload) -> Result<f64, Box<dyn Error>> {
    let event_bytes = EVENT_BYTES.to_string();
    let bench = Command::new(binary)
        .arg("bench")
        .args(workload.arguments)
        .args(["--server", server, "--json", "--event-bytes", &event_bytes])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !bench.status.success() {
        return Err(format!("`annals bench {}` failed", workload.arguments.join(" ")).into());
    }
    let figures: Value = serde_json::from_slice(&bench.stdout)?;
    Ok(figures[workload.figure].as_f64().ok_or("the figure is missing")?)
}
