//! Kafka: one broker, and the programs that come with it to measure it, `ProducerPerformance` and
//! `ConsumerPerformance`.
//!
//! They send records of random letters, as large as the events of the others, without key; a record's key, time and
//! name are not among those bytes. A topic has one partition, Kafka's unit of order. An append of many events is a
//! producer's batch of so many bytes. Of single records in flight the broker takes one after the other: it answers a
//! connection's requests in turn, and counts on the producer to gather records into batches.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::args::Args;
use crate::figure::{Figure, Latency};
use crate::peer::{Peer, Subject};
use crate::server::Address;
use crate::work::{Appends, LOADING, Work};

const PRODUCER: &str = "org.apache.kafka.tools.ProducerPerformance";
const CONSUMER: &str = "org.apache.kafka.tools.ConsumerPerformance";
/// The topic whose records are read.
const STORED: &str = "stored";
/// More records than are sent in any time.
const ENDLESS: u64 = 2_000_000_000;
/// How often the producer tells what it sent.
const REPORT_MS: u64 = 250;
/// The producer's own start-up, compilation and first connection, which are not the broker's.
const TOOL_WARM_UP: Duration = Duration::from_secs(2);
/// What a record takes beside its value in a batch, and a batch beside its records, at most.
const RECORD_OVERHEAD: usize = 12;
const BATCH_OVERHEAD: usize = 128;

const NO_SCAN: &str = "a log has no reads by key; a partition of Kafka's for each key would be 10,000 of them";
const ELSEWHERE: &str = "reading does not depend on when it syncs; see the other setting";

pub(super) static PEERS: [Peer; 2] = [
    Peer {
        name: "kafka-synced",
        folder: "kafka",
        setting: "synced",
        title: "Kafka, synced",
        left_out: None,
        durability: "synced",
        settings: "heap 1 GiB, `log.flush.interval.messages=1`; `ProducerPerformance`, heap 256 MiB, `acks=all`",
        ports: 2,
        warm_up_seconds: 0,
        cannot: &[(Work::Scan, NO_SCAN), (Work::Tail, ELSEWHERE)],
        connect: |address| Box::pin(async move { connect(address).await }),
    },
    Peer {
        name: "kafka",
        folder: "kafka",
        setting: "default",
        title: "Kafka",
        left_out: None,
        durability: "written, synced when the system likes",
        settings: "heap 1 GiB, defaults; `ProducerPerformance`, `ConsumerPerformance`, heap 256 MiB, `acks=all`",
        ports: 2,
        warm_up_seconds: 0,
        cannot: &[(Work::Scan, NO_SCAN)],
        connect: |address| Box::pin(async move { connect(address).await }),
    },
];

struct Kafka {
    server: String,
    libraries: PathBuf,
}

/// A line of the producer: what it sent in the time since the line before, or in all.
#[derive(Debug, PartialEq)]
struct Sent {
    records: u64,
    per_second: f64,
}

async fn connect(address: Address) -> anyhow::Result<Box<dyn Subject>> {
    let server = format!("127.0.0.1:{}", address.ports[0]);
    TcpStream::connect(&server).await?;
    Ok(Box::new(Kafka { server, libraries: address.installed.join("lib/*") }))
}

impl Kafka {
    /// Runs one of Kafka's programs; it is killed when dropped.
    fn tool(&self, class: &str, arguments: &[&str]) -> anyhow::Result<Child> {
        Command::new("java")
            .args(["-Xms256m", "-Xmx256m", "-cp"])
            .arg(&self.libraries)
            .args([class, "--bootstrap-server", &self.server])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("running {class}"))
    }

    fn produce(&self, topic: &str, how: Appends, records: u64) -> anyhow::Result<Child> {
        let batch_bytes = match how.batch {
            1 => 0,
            batch => batch * (how.event_bytes + RECORD_OVERHEAD) + BATCH_OVERHEAD,
        };
        let linger_ms = if how.batch == 1 { 0 } else { 5 };
        let (records, size, report) = (records.to_string(), how.event_bytes.to_string(), REPORT_MS.to_string());
        let properties = [
            "acks=all".to_owned(),
            // With it no more than five requests may be in flight.
            "enable.idempotence=false".to_owned(),
            format!("max.in.flight.requests.per.connection={}", how.in_flight),
            format!("batch.size={batch_bytes}"),
            format!("linger.ms={linger_ms}"),
        ];
        let mut arguments = vec!["--topic", topic, "--num-records", &records, "--record-size", &size];
        arguments.extend(["--throughput", "-1", "--reporting-interval", &report, "--command-property"]);
        arguments.extend(properties.iter().map(String::as_str));
        self.tool(PRODUCER, &arguments)
    }

    /// The rate of a producer that is stopped after its time, from what it tells of each quarter of a second.
    async fn append(&self, work: Work, how: Appends, args: &Args) -> anyhow::Result<Figure> {
        let mut producer = self.produce(work.name(), how, ENDLESS)?;
        let mut lines = BufReader::new(producer.stdout.take().context("its output is piped")?).lines();
        let (mut records, mut counted, mut began) = (0, None, None);
        while let Some(line) = lines.next_line().await? {
            let Some(sent) = Sent::parse(&line) else { continue };
            let now = Instant::now();
            let began = *began.get_or_insert(now);
            match counted {
                None if now - began >= TOOL_WARM_UP => counted = Some(now),
                None => {}
                Some(since) => {
                    records += sent.records;
                    if now - since >= args.time() {
                        producer.kill().await?;
                        return Ok(Figure::new(records, now - since, alone(how, records, now - since)));
                    }
                }
            }
        }
        bail!("the producer ended with {}", producer.wait().await?)
    }

    async fn tail(&self, args: &Args) -> anyhow::Result<Figure> {
        let stored = args.stored();
        let arguments = ["--topic", STORED, "--num-records", &stored.to_string(), "--hide-header"];
        let output = self.tool(CONSUMER, &arguments)?.wait_with_output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        // start, end, MB, MB/s, records, records/s, ms to join the group, ms of fetching, MB/s of that, records/s of it
        let line = text.lines().rfind(|line| line.matches(',').count() == 9).context("the consumer told no figures")?;
        let field = |index| line.split(", ").nth(index).context("ten figures").map(str::trim);
        let (found, millis): (u64, u64) = (field(4)?.parse()?, field(7)?.parse()?);
        ensure!(found >= stored, "reading all brought {found} events, and {stored} are stored");
        Ok(Figure::new(found, Duration::from_millis(millis), Latency::None))
    }
}

/// The mean of requests that follow one another; nothing of requests that overlap.
fn alone(how: Appends, requests: u64, elapsed: Duration) -> Latency {
    match (how.batch, how.in_flight, u32::try_from(requests)) {
        (1, 1, Ok(requests)) if requests > 0 => Latency::Mean(elapsed / requests),
        _ => Latency::None,
    }
}

impl Sent {
    /// `1000 records sent, 4000.0 records/sec (0.49 MB/sec), ...`; none of another line.
    fn parse(line: &str) -> Option<Self> {
        let (records, rest) = line.split_once(" records sent, ")?;
        let (per_second, _) = rest.split_once(" records/sec")?;
        Some(Self { records: records.trim().parse().ok()?, per_second: per_second.parse().ok()? })
    }
}

#[async_trait]
impl Subject for Kafka {
    async fn load(&self, args: &Args) -> anyhow::Result<()> {
        let stored = args.stored();
        let output = self.produce(STORED, LOADING, stored)?.wait_with_output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let sent = text.lines().filter_map(Sent::parse).next_back().context("the producer told no figures")?;
        ensure!(sent.records == stored, "{} of {stored} records were sent", sent.records);
        Ok(())
    }

    async fn measure(&self, work: Work, args: &Args) -> anyhow::Result<Figure> {
        match (work, work.appends()) {
            (_, Some(how)) => self.append(work, how, args).await,
            (Work::Tail, None) => self.tail(args).await,
            (_, None) => bail!(NO_SCAN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_producers_lines_are_understood() {
        let line = "5120 records sent, 20480.0 records/sec (2.50 MB/sec), 1.9 ms avg latency, 30.0 ms max latency.";
        assert_eq!(Sent::parse(line), Some(Sent { records: 5_120, per_second: 20_480.0 }));
        assert_eq!(Sent::parse("SLF4J: no binding"), None);
    }
}
