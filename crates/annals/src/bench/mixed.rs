//! Everything at once on one table: appends, scans of the latest events, and tails at the live end.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use annals_client::{Client, RecordedEvent, Tail, TailBody};
use futures_util::StreamExt;
use futures_util::future::try_join_all;
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
    pub(super) tails: usize,
}

/// What one reader, or all of them, got at the live end.
#[derive(Debug, Default)]
struct Followed {
    messages: u64,
    events: u64,
    latencies: Latencies,
}

impl Mix {
    /// Runs all until the time is over; the figure of each kind that there is.
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
    ) -> anyhow::Result<Vec<Measurement>> {
        // The line counts what is appended; scans would hide it.
        let uncounted = Counter::default();
        let (appended, scanned, tailed) = tokio::join!(
            self.appends.run(clients, sources, appends, counter),
            self.scans.run(clients, scans, &uncounted),
            self.follow_all(clients, appends),
        );
        let mut figures = vec![appended?];
        figures.extend((self.scans.callers > 0).then_some(scanned?));
        figures.extend((self.tails > 0).then_some(tailed?));
        Ok(figures)
    }

    /// Follows the live end with each reader. A latency is the time from an event's commit to its arrival here, so
    /// server and bench must read the same clock.
    async fn follow_all(&self, clients: &Clients, pace: &Pace) -> anyhow::Result<Measurement> {
        let readers = (0..self.tails).map(|reader| self.follow(clients.of(reader), pace));
        let mut all = Followed::default();
        for one in try_join_all(readers).await? {
            all.messages += one.messages;
            all.events += one.events;
            all.latencies.add(&one.latencies);
        }
        Ok(Measurement {
            name: "tail, live".to_owned(),
            workload: vec![("readers", json!(self.tails)), ("latency", json!("from commit to delivery"))],
            elapsed: pace.counted(),
            requests: all.messages,
            events: all.events,
            bytes: all.events * self.appends.event_bytes as u64,
            latencies: all.latencies,
            delivery: None,
        })
    }

    async fn follow(&self, client: &Client, pace: &Pace) -> anyhow::Result<Followed> {
        let tail = Tail::table(self.appends.table.as_str()).from_latest().client_name("annals bench");
        let mut messages = client.tail(tail).await?;
        let mut followed = Followed::default();
        while let Some(left) = pace.left() {
            let Ok(message) = tokio::time::timeout(left, messages.next()).await else { break };
            let Some(message) = message else { anyhow::bail!("the tail ended by itself") };
            let TailBody::Events(batch) = message?.body else { continue };
            if !pace.counts() {
                continue;
            }
            followed.messages += 1;
            followed.events += batch.len() as u64;
            if let Some(oldest) = batch.first() {
                followed.latencies.record(age(oldest));
            }
        }
        Ok(followed)
    }
}

#[expect(clippy::disallowed_methods, reason = "an age is told by the clock of who asks")]
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
