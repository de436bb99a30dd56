//! Everything at once on one table: appends at a rate, scans of the latest events, and a tail at the live end.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use annals_client::{Client, RecordedEvent, Tail, TailBody};
use futures_util::StreamExt;
use serde_json::json;

use super::append::Appends;
use super::measurement::{Latencies, Measurement};
use super::pace::Pace;
use super::progress::Counter;
use super::scan::Scans;
use super::source::EventSource;
use super::target::Clients;

/// A bench of everything at once.
#[derive(Clone, Debug)]
pub(super) struct Mix {
    pub(super) appends: Appends,
    pub(super) scans: Scans,
}

impl Mix {
    /// Runs all three until the time is over; the figure of each.
    ///
    /// # Errors
    /// When one of them fails.
    pub(super) async fn run(
        &self,
        clients: &Clients,
        sources: impl Fn(usize) -> EventSource,
        appends: &Pace,
        scans: &Pace,
        counter: &Counter,
    ) -> anyhow::Result<[Measurement; 3]> {
        // The line counts what is appended; scans would hide it.
        let uncounted = Counter::default();
        let (appended, scanned, tailed) = tokio::join!(
            self.appends.run(clients, sources, appends, counter),
            self.scans.run(clients, scans, &uncounted),
            self.follow(clients.of(0), appends),
        );
        Ok([appended?, scanned?, tailed?])
    }

    /// Follows the live end. A latency is the time from an event's commit to its arrival here, so server and bench
    /// must read the same clock.
    async fn follow(&self, client: &Client, pace: &Pace) -> anyhow::Result<Measurement> {
        let tail = Tail::table(self.appends.table.as_str()).from_latest().client_name("annals bench");
        let mut messages = client.tail(tail).await?;
        let (mut requests, mut events, mut latencies) = (0, 0, Latencies::default());
        while let Some(left) = pace.left() {
            let Ok(message) = tokio::time::timeout(left, messages.next()).await else { break };
            let Some(message) = message else { anyhow::bail!("the tail ended by itself") };
            let TailBody::Events(batch) = message?.body else { continue };
            if !pace.counts() {
                continue;
            }
            requests += 1;
            events += batch.len() as u64;
            if let Some(oldest) = batch.first() {
                latencies.record(age(oldest));
            }
        }
        Ok(Measurement {
            name: "tail, live".to_owned(),
            workload: vec![("readers", json!(1)), ("latency", json!("from commit to delivery"))],
            elapsed: pace.counted(),
            requests,
            events,
            bytes: events * self.appends.event_bytes as u64,
            latencies,
        })
    }
}

fn age(event: &RecordedEvent) -> Duration {
    let committed = Duration::from_nanos(u64::try_from(event.commit_time.unix_nanos()).unwrap_or(0));
    SystemTime::now().duration_since(UNIX_EPOCH + committed).unwrap_or_default()
}

impl Pace {
    /// How much time is left; none if it is over.
    fn left(&self) -> Option<Duration> {
        let left = self.end().saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}
