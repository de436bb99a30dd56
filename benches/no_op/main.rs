//! Each figure of Annals beside that of a server that does nothing: `cargo bench --bench no_op`.
//!
//! Builds the real binary in release mode, runs `annals bench` against `annals serve` and against the server of
//! `service.rs`, with the same client in a process of its own, and prints both figures and their ratio. The stores lie in
//! the folder in which it is started, as with `annals bench`; words after `--` choose workloads by their names.
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

/// Bytes of an event that is read, as the targets have it and as the bench makes them by default.
const EVENT_BYTES: usize = 128;

/// Events of a scan.
const SCANNED: usize = 200;

/// How often each is measured: the median counts.
const ROUNDS: usize = 3;

/// A workload of `annals bench`, and the figure of it that counts.
struct Workload {
    name: &'static str,
    arguments: &'static [&'static str],
    /// Where the figure stands in what the bench writes.
    figure: &'static str,
    /// How many of the unit that is shown make one of the figure's.
    scale: f64,
}

const EVENTS: &str = "/events_per_second";
const REQUESTS: &str = "/requests_per_second";
const P50: &str = "/latency_seconds/p50";

/// The bytes in flight of a session are those of 16, 64 or 256 requests, each with the 1,024 that it counts by itself.
const WORKLOADS: [Workload; 10] = [
    Workload {
        name: "session, 1,000 x 128 B, 16 in flight, 5 s, events/s",
        arguments: &["session", "--in-flight", "2064384", "--time", "5s"],
        figure: EVENTS,
        scale: 1.0,
    },
    Workload {
        name: "session, 1,000 x 128 B, 16 in flight, 60 s, events/s",
        arguments: &["session", "--in-flight", "2064384", "--time", "60s"],
        figure: EVENTS,
        scale: 1.0,
    },
    Workload {
        name: "session, 100 x 1 KiB, 16 in flight, 5 s, events/s",
        arguments: &["session", "--batch", "100", "--event-bytes", "1024", "--in-flight", "1654784", "--time", "5s"],
        figure: EVENTS,
        scale: 1.0,
    },
    Workload {
        name: "session of single events, 64 in flight, events/s",
        arguments: &["session", "--batch", "1", "--in-flight", "73728", "--time", "5s"],
        figure: EVENTS,
        scale: 1.0,
    },
    Workload {
        name: "session of single events, 256 in flight, events/s",
        arguments: &["session", "--batch", "1", "--in-flight", "294912", "--time", "5s"],
        figure: EVENTS,
        scale: 1.0,
    },
    Workload {
        name: "unary, one event, 64 in flight, events/s",
        arguments: &["unary", "--time", "5s"],
        figure: EVENTS,
        scale: 1.0,
    },
    Workload {
        name: "unary, one event at a time, p50 in us",
        arguments: &["single", "--time", "5s"],
        figure: P50,
        scale: 1e6,
    },
    Workload {
        name: "scan of 200 events, 64 in flight, scans/s",
        arguments: &["scan", "--events-each", "200", "--partitions", "10000", "--time", "5s"],
        figure: REQUESTS,
        scale: 1.0,
    },
    Workload {
        name: "tail of 2,000,000 stored events, events/s",
        arguments: &["tail", "--events", "2000000"],
        figure: EVENTS,
        scale: 1.0,
    },
    Workload {
        name: "tail of 10,000,000 stored events, events/s",
        arguments: &["tail", "--events", "10000000"],
        figure: EVENTS,
        scale: 1.0,
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
    println!("| medians of {ROUNDS} | annals | no-op | ratio |\n| --- | --- | --- | --- |");
    for workload in WORKLOADS {
        if !chosen.is_empty() && !chosen.iter().any(|name| workload.name.contains(name.as_str())) {
            continue;
        }
        let (mut annals, mut nothing) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let folder = tempfile::tempdir_in(".")?;
            let server = ServerProcess::start(&binary, &folder.path().join("store"), &[]);
            annals.push(measure(&binary, &server.address().to_string(), &workload)?);
            drop(server);
            nothing.push(measure(&binary, &no_op.to_string(), &workload)?);
        }
        let (annals, nothing) = (median(annals), median(nothing));
        println!("| {} | {annals:.0} | {nothing:.0} | {:.2} |", workload.name, annals / nothing);
    }
    Ok(())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
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
    let bench = Command::new(binary)
        .arg("bench")
        .args(workload.arguments)
        .args(["--server", server, "--json"])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !bench.status.success() {
        return Err(format!("`annals bench {}` failed", workload.arguments.join(" ")).into());
    }
    let figures: Value = serde_json::from_slice(&bench.stdout)?;
    Ok(figures.pointer(workload.figure).and_then(Value::as_f64).ok_or("the figure is missing")? * workload.scale)
}
