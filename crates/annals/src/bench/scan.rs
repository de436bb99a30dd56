//! Scans of one partition each, by many callers.

use annals_client::{Client, Scan};
use futures_util::StreamExt;
use serde_json::json;

use super::measurement::{Latencies, Measurement};
use super::pace::Pace;
use super::progress::Counter;
use super::source::{SplitMix, key};
use super::target::Clients;

/// A scan bench.
#[derive(Clone, Debug)]
pub(super) struct Scans {
    pub(super) table: String,
    /// Scans in flight.
    pub(super) callers: usize,
    pub(super) partitions: u64,
    /// Events that each partition holds, and each scan must bring.
    pub(super) events_each: u64,
    pub(super) event_bytes: usize,
    /// Partitions grow meanwhile: the latest events of one are asked for.
    pub(super) latest: bool,
    pub(super) seed: u64,
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
            if self.latest {
                scan = scan.descending().limit(self.events_each);
            }
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
