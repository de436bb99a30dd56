//! `annals bench`: how fast a server appends, scans and tails.
//!
//! Each workload is what a caller does, through the Rust client and gRPC, so that a figure is one that a program can
//! reach. A bench fails rather than measure refusals: it checks that what it wrote is there and that what it reads is
//! whole.

mod append;
mod args;
mod delivery;
mod differences;
mod flights;
mod load;
mod measurement;
mod mixed;
mod pace;
mod progress;
mod rates;
mod scan;
mod source;
mod tail;
mod target;

use std::io::{self, Write};

use annals_client::Client;
use annals_client::proto::{self, CreateTableRequest};
use anyhow::Context;

use self::append::{Appends, Mode, requests_per_second};
use self::args::{Common, Workload};
use self::delivery::Deliveries;
use self::measurement::Measurement;
use self::mixed::Mix;
use self::pace::Pace;
use self::progress::{Counter, Progress};
use self::scan::{Part, Scans};
use self::source::EventSource;
use self::tail::Tails;
use self::target::{Clients, Target};
use crate::connect::block_on;
use crate::terminal::Stream;
use crate::time_argument::now;

pub(crate) use args::Args;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    block_on(async {
        let target = Target::start(&args.common).await?;
        let counter = Counter::default();
        let outcome = measure(target.clients(), &args.workload, &args.common, &counter).await;
        let stopped = target.stop().await;
        // What went wrong with the measurement says more than how the server ended.
        let figures = outcome?;
        stopped?;
        // Like all data, figures are NDJSON where no person looks; a drawing is for people.
        let plot = args.common.plot;
        write(&figures, args.common.json || !(plot || Stream::of_stdout().is_terminal()))?;
        if plot { rates::draw(&counter.rates()) } else { Ok(()) }
    })
}

async fn measure(
    clients: &Clients,
    workload: &Workload,
    common: &Common,
    counter: &Counter,
) -> anyhow::Result<Vec<Measurement>> {
    let table = common.table.as_ref().map_or_else(|| default_table(workload), ToString::to_string);
    let client = clients.of(0);
    make_table(client, &table, common.shards).await?;
    let sources = |caller: usize| source(common, caller as u64);
    match *workload {
        Workload::Session { sessions, batch, in_flight, pacing } => {
            let mode = Mode::Session { callers: usize::from(sessions), bytes_in_flight: in_flight };
            append(clients, table, mode, batch, pacing.rate, common, counter).await
        }
        Workload::Unary { callers, batch, pacing } => {
            append(clients, table, Mode::Unary { callers: usize::from(callers) }, batch, pacing.rate, common, counter)
                .await
        }
        Workload::Single { pacing } => {
            append(clients, table, Mode::Unary { callers: 1 }, 1, pacing.rate, common, counter).await
        }
        Workload::Scan { callers, events_each, range, rate } => {
            fill(client, &table, common, events_each).await?;
            let part = match range {
                Some(wanted) => Part::from_random(client, &table, events_each, wanted).await?,
                None => Part::Whole,
            };
            let scanned = range.unwrap_or(events_each).min(events_each);
            let scans = Scans { part, ..scans(table, usize::from(callers), scanned, common) };
            let _progress = Progress::new("scanning", counter);
            Ok(vec![scans.run(clients, &Pace::new(common.warm_up, common.time, rate), counter).await?])
        }
        Workload::Tail { readers, events } => {
            let events_each = events.div_ceil(common.partitions);
            fill(client, &table, common, events_each).await?;
            let events = events_each * common.partitions;
            let tails = Tails { table, readers: usize::from(readers), events, event_bytes: common.event_bytes };
            let _progress = Progress::new("tailing", counter);
            Ok(vec![tails.run(clients, counter).await?])
        }
        Workload::Mixed { scanners, tails, events_each, batch, pacing } => {
            fill(client, &table, common, events_each).await?;
            let mode = Mode::Session { callers: 1, bytes_in_flight: 8 * 1024 * 1024 };
            let appends = appends(table.clone(), mode, batch, common);
            let scans = Scans { part: Part::Latest, ..scans(table, usize::from(scanners), events_each, common) };
            let _progress = Progress::new("appending, scanning and tailing", counter);
            let append_pace = Pace::new(common.warm_up, common.time, requests_per_second(pacing.rate, appends.batch));
            let scan_pace = Pace::new(common.warm_up, common.time, None);
            let mix = Mix { appends, scans, tails: usize::from(tails) };
            Ok(mix.run(clients, sources, &append_pace, &scan_pace, counter).await?)
        }
        Workload::Delivery { rate, unary } => {
            let mode = match unary {
                Some(callers) => Mode::Unary { callers: usize::from(callers) },
                None => Mode::Session { callers: 1, bytes_in_flight: 8 * 1024 * 1024 },
            };
            let deliveries = Deliveries { appends: appends(table, mode, 1, common), rate };
            let _progress = Progress::new("appending and tailing", counter);
            Ok(vec![deliveries.run(clients, sources, (common.warm_up, common.time), counter).await?])
        }
    }
}

async fn append(
    clients: &Clients,
    table: String,
    mode: Mode,
    batch: u32,
    rate: Option<f64>,
    common: &Common,
    counter: &Counter,
) -> anyhow::Result<Vec<Measurement>> {
    let appends = appends(table, mode, batch, common);
    let _progress = Progress::new("appending", counter);
    let pace = Pace::new(common.warm_up, common.time, requests_per_second(rate, appends.batch));
    Ok(vec![appends.run(clients, |caller| source(common, caller as u64), &pace, counter).await?])
}

fn appends(table: String, mode: Mode, batch: u32, common: &Common) -> Appends {
    let batch = usize::try_from(batch).unwrap_or(usize::MAX);
    Appends { table, mode, batch, event_bytes: common.event_bytes, partitions: common.partitions, flights: None }
}

fn scans(table: String, callers: usize, events_each: u64, common: &Common) -> Scans {
    let Common { partitions, event_bytes, seed, .. } = *common;
    Scans { table, callers, partitions, events_each, event_bytes, part: Part::Whole, seed }
}

async fn fill(client: &Client, table: &str, common: &Common, events_each: u64) -> anyhow::Result<()> {
    let counter = Counter::default();
    let _progress = Progress::new("filling the table", &counter);
    load::fill(client, table, &mut source(common, 0), common.partitions, events_each, &counter).await
}

fn source(common: &Common, caller: u64) -> EventSource {
    EventSource::new(common.seed.wrapping_add(caller), common.partitions, common.event_bytes, now())
        .with_late(common.late)
}

fn default_table(workload: &Workload) -> String {
    let name = match workload {
        Workload::Session { .. } => "session",
        Workload::Unary { .. } => "unary",
        Workload::Single { .. } => "single",
        Workload::Scan { .. } => "scan",
        Workload::Tail { .. } => "tail",
        Workload::Mixed { .. } => "mixed",
        Workload::Delivery { .. } => "delivery",
    };
    format!("bench.{name}")
}

async fn make_table(client: &Client, table: &str, shards: u32) -> anyhow::Result<()> {
    let table = proto::Table { name: table.to_owned(), shard_count: shards, ..proto::Table::default() };
    let request = CreateTableRequest { table: Some(table), if_not_exists: true };
    client.create_table(request).await.context("making the bench's table").map(drop)
}

fn write(measurements: &[Measurement], json: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for measurement in measurements {
        if json {
            writeln!(out, "{}", measurement.to_json())?;
        } else {
            measurement.write_text(&mut out)?;
        }
    }
    Ok(out.flush()?)
}
