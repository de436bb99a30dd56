//! Scans of one partition each, by many callers.

use annals_client::{Client, EventTime, Scan, TimeRange};
use anyhow::Context;
use futures_util::StreamExt;
use serde_json::json;

use super::measurement::{Latencies, Measurement};
use super::pace::Pace;
use super::progress::Counter;
use super::source::{SplitMix, key};
use super::target::Clients;

/// What a scan asks for of a partition.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// The latest events: for partitions that grow meanwhile.
    Latest,
    /// The events from a random time on, which lies so that there are enough of them.
    From {
        /// The time of a partition's first event.
        first: EventTime,
        /// The last time from which on there are enough.
        last: EventTime,
    },
}

/// A scan bench.
#[derive(Clone, Debug)]
pub(super) struct Scans {
    pub(super) table: String,
    /// Scans in flight.
    pub(super) callers: usize,
    pub(super) partitions: u64,
    /// Events that each scan must bring.
    pub(super) events_each: u64,
    pub(super) event_bytes: usize,
    /// Which events of a partition are asked for.
    pub(super) part: Part,
    pub(super) seed: u64,
}

impl Part {
    /// The part that begins at random, of partitions that were filled with `stored` events each, for scans of `wanted`.
    ///
    /// # Errors
    /// When a partition can't be scanned, or is empty.
    pub(super) async fn from_random(client: &Client, table: &str, stored: u64, wanted: u64) -> anyhow::Result<Self> {
        let scan = || Scan::table(table).key(key(0)).limit(1);
        let first = time_of_first(client, scan()).await?;
        let end = time_of_first(client, scan().descending()).await?;
        let spans = stored.saturating_sub(1).max(1);
        let step = end.unix_nanos().abs_diff(first.unix_nanos()) / spans;
        // Partitions are filled in turns, so that another's last event may come up to a step before this one's.
        let last = first.unix_nanos().saturating_add_unsigned(step * spans.saturating_sub(wanted));
        Ok(Self::From { first, last: EventTime::from_unix_nanos(last) })
    }
}

async fn time_of_first(client: &Client, scan: Scan) -> anyhow::Result<EventTime> {
    let mut events = client.scan(scan);
    let event = events.next().await.context("the first partition is empty")??;
    event.event.view()?.time().context("a stored event has a time")
}

impl Scans {
    /// Scans random partitions until the time is over.
    ///
    /// # Errors
    /// When a scan fails, or brings another number of events than its partition holds.
    pub(super) async fn run(&self, clients: &Clients, pace: &Pace, counter: &Counter) -> anyhow::Result<Measurement> {
        let mut tasks = tokio::task::JoinSet::new();
        for caller in 0..self.callers {
            let (scans, client, pace, counter) =
                (self.clone(), clients.of(caller).clone(), pace.clone(), counter.clone());
            tasks.spawn(async move { scans.call(caller as u64, &client, &pace, &counter).await });
        }
        let (mut requests, mut latencies) = (0, Latencies::default());
        while let Some(one) = tasks.join_next().await {
            let (count, taken) = one??;
            requests += count;
            latencies.add(&taken);
        }
        let events = requests * self.events_each;
        Ok(Measurement {
            name: "scan".to_owned(),
            workload: vec![
                ("in_flight", json!(self.callers)),
                ("events_each", json!(self.events_each)),
                ("partitions", json!(self.partitions)),
                ("event_bytes", json!(self.event_bytes)),
            ],
            elapsed: pace.counted(),
            requests,
            events,
            bytes: events * self.event_bytes as u64,
            latencies,
            delivery: None,
        })
    }

    async fn call(
        &self,
        caller: u64,
        client: &Client,
        pace: &Pace,
        counter: &Counter,
    ) -> anyhow::Result<(u64, Latencies)> {
        let mut random = SplitMix(self.seed ^ (caller << 32));
        let (mut requests, mut latencies) = (0, Latencies::default());
        while let Some(due) = pace.next().await {
            let partition = random.below(self.partitions);
            let mut scan = Scan::table(self.table.as_str()).key(key(partition));
            scan = match self.part {
                Part::Whole => scan,
                Part::Latest => scan.descending().limit(self.events_each),
                Part::From { first, last } => {
                    let span = last.unix_nanos().abs_diff(first.unix_nanos());
                    let from = first.unix_nanos().saturating_add_unsigned(random.below(span + 1));
                    let times = TimeRange::new(Some(EventTime::from_unix_nanos(from)), None)?;
                    scan.times(times).limit(self.events_each)
                }
            };
            let mut events = client.scan(scan);
            let mut found = 0;
            while let Some(event) = events.next().await {
                event?;
                found += 1;
            }
            let (key, expected) = (key(partition), self.events_each);
            anyhow::ensure!(found == expected, "the scan of {key} brought {found} events and not {expected}");
            if due.counts {
                latencies.record(due.since.elapsed());
            }
            if pace.counts() && !pace.is_over() {
                requests += 1;
            }
            counter.add(found);
        }
        Ok((requests, latencies))
    }
}
