//! What `annals bench` takes.

use std::path::PathBuf;
use std::time::Duration;

use annals_model::TableName;

use super::source::EVENT_BYTES_MIN;

const ABOUT: &str = "\
Without --server a server is started in this process, over a folder that is removed afterwards, or over --data. Every \
append is synced before it is answered; there is no other mode. Figures of benches that share a machine with their \
server hold for that machine only: say which it was when you pass one on.

With --rate, requests are sent when they are due and latency counts from then, so that a stall is charged with every \
request that it held up (corrected for coordinated omission; timers add up to a millisecond). Without, a request is \
sent when an answer makes room, and latency tells how long the queue was.";

const ABOUT_DELIVERY: &str = "\
Both spans of an event count from when it was due, so that timers and stalls of the sender are in both. Their \
difference is taken for each event; below zero, the tail had the event before its answer came. The tail has a \
connection of its own. Fails when an event is delivered twice or not within 10 seconds of its answer, and when another \
program appends to the table meanwhile.";

/// Its arguments.
#[derive(clap::Args, Debug)]
#[command(after_long_help = ABOUT)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(super) workload: Workload,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What is measured.
#[derive(clap::Subcommand, Clone, Debug)]
pub(super) enum Workload {
    /// Appends over pipelined sessions.
    Session {
        /// Sessions at once.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
        sessions: u16,
        /// Events of a request.
        #[arg(long, value_name = "EVENTS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        batch: u32,
        /// Bytes of a session's requests that may wait for their answers.
        #[arg(long, value_name = "BYTES", default_value_t = 8 * 1024 * 1024)]
        in_flight: usize,
        #[command(flatten)]
        pacing: Pacing,
    },
    /// Appends as unary calls of many callers at once.
    Unary {
        /// Callers at once.
        #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
        callers: u16,
        /// Events of a request.
        #[arg(long, value_name = "EVENTS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        batch: u32,
        #[command(flatten)]
        pacing: Pacing,
    },
    /// Appends of one event by one caller: what a sync and a round trip take.
    Single {
        #[command(flatten)]
        pacing: Pacing,
    },
    /// Scans of whole partitions, or of a range of each.
    Scan {
        /// Scans in flight.
        #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
        callers: u16,
        /// Events of each partition.
        #[arg(long, value_name = "EVENTS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
        events_each: u64,
        /// Events of each scan, from a random time on. Left out: the whole partition.
        #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u64).range(1..))]
        range: Option<u64>,
        /// Scans a second. Left out: as fast as answers allow.
        #[arg(long, value_name = "SCANS", value_parser = parse_rate)]
        rate: Option<f64>,
    },
    /// Tails from the first event to the head.
    Tail {
        /// Readers at once.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
        readers: u16,
        /// Events that the table holds.
        #[arg(long, value_name = "EVENTS", default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1..))]
        events: u64,
    },
    /// A session, scans of the latest events and tails at the live end, all at once on one table.
    Mixed {
        /// Scans in flight.
        #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(0..=4096))]
        scanners: u16,
        /// Tails at the live end.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=1024))]
        tails: u16,
        /// Events of each scan, and of each partition at the start.
        #[arg(long, value_name = "EVENTS", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
        events_each: u64,
        /// Events of an append.
        #[arg(long, value_name = "EVENTS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        batch: u32,
        #[command(flatten)]
        pacing: Pacing,
    },
    /// Appends of one event over a session beside a live tail: how long each takes to its answer and to its delivery.
    #[command(after_long_help = ABOUT_DELIVERY)]
    Delivery {
        /// Events a second.
        #[arg(long, value_name = "EVENTS", default_value = "5000", value_parser = parse_rate)]
        rate: f64,
        /// Append as unary calls of so many callers at once, instead of over a session.
        #[arg(long, value_name = "CALLERS", value_parser = clap::value_parser!(u16).range(1..=4096))]
        unary: Option<u16>,
    },
}

/// How fast appends come.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct Pacing {
    /// Events a second. Left out: as fast as answers allow.
    #[arg(long, value_name = "EVENTS", value_parser = parse_rate)]
    pub(super) rate: Option<f64>,
}

/// What all workloads take.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Common {
    /// A server that runs already. Left out: one is started in this process.
    #[arg(long, short = 's', value_name = "ADDR", global = true, conflicts_with = "data")]
    pub(super) server: Option<String>,
    /// The folder of the server that is started; made if need be, and kept. Left out: one that is removed afterwards.
    #[arg(long, value_name = "DIR", global = true)]
    pub(super) data: Option<PathBuf>,
    /// The table; made if need be. Left out: one for each workload.
    #[arg(long, value_name = "TABLE", global = true)]
    pub(super) table: Option<TableName>,
    /// The shards of a table that is made.
    #[arg(long, value_name = "N", default_value_t = 1, global = true)]
    pub(super) shards: u32,
    /// Connections; callers are dealt out to them.
    #[arg(long, value_name = "N", default_value_t = 1, global = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) connections: u16,
    /// How long to measure; a tail ends with its last event instead.
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = humantime::parse_duration, global = true)]
    pub(super) time: Duration,
    /// How long to run before that.
    #[arg(long, value_name = "SPAN", default_value = "2s", value_parser = humantime::parse_duration, global = true)]
    pub(super) warm_up: Duration,
    /// Bytes of an encoded event.
    #[arg(long, value_name = "BYTES", default_value_t = 128, value_parser = parse_event_bytes, global = true)]
    pub(super) event_bytes: usize,
    /// Partitions that the events are spread over.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000), global = true)]
    pub(super) partitions: u64,
    /// Events in a hundred that come a day late.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, global = true, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(super) late: u8,
    /// Makes the events and the order of scans; the same seed makes the same.
    #[arg(long, value_name = "N", default_value_t = 1, global = true)]
    pub(super) seed: u64,
    /// Writes the figures as NDJSON, also on a terminal.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Draws the rate over time below the figures.
    #[arg(long, global = true, conflicts_with = "json")]
    pub(super) plot: bool,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.replace('_', "").parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.001 => Ok(rate),
        _ => Err("write a number a second, like 50000".to_owned()),
    }
}

fn parse_event_bytes(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(bytes) if (EVENT_BYTES_MIN..=1024 * 1024).contains(&bytes) => Ok(bytes),
        _ => Err(format!("write a number of bytes from {EVENT_BYTES_MIN} to 1048576")),
    }
}
