//! Appends of one event beside a live tail of the same table: when each is answered, and when the tail has it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals_client::{Client, RecordedEvent, Scan, Tail, TailBody, TailStream};
use anyhow::Context;
use futures_util::StreamExt;
use serde_json::json;
use tokio::task::JoinSet;

use super::append::Appends;
use super::flights::{Arrival, Flights};
use super::measurement::Measurement;
use super::pace::Pace;
use super::progress::Counter;
use super::source::EventSource;
use super::target::Clients;

/// How often it is checked that no event's delivery is overdue.
const CHECKED_EVERY: Duration = Duration::from_secs(1);

/// A bench of deliveries.
#[derive(Clone, Debug)]
pub(super) struct Deliveries {
    /// Appends of one event each.
    pub(super) appends: Appends,
    /// Events a second.
    pub(super) rate: f64,
}

impl Deliveries {
    /// Appends for `warm_up` and then for `duration`, and until each event was answered and delivered.
    ///
    /// The tail has a connection of its own, as a reader in another process has.
    ///
    /// # Errors
    /// When an append or the tail fails, when an event is delivered twice, not in time or at another place than its
    /// answer said, and when the table got other events meanwhile.
    pub(super) async fn run(
        &self,
        clients: &Clients,
        sources: impl Fn(usize) -> EventSource,
        (warm_up, duration): (Duration, Duration),
        counter: &Counter,
    ) -> anyhow::Result<Measurement> {
        let reader = Client::connect(clients.of(0).address()).await?;
        let tail = Tail::table(self.appends.table.as_str()).from_latest().client_name("annals bench");
        let messages = reader.tail(tail).await?;
        let stored_before = self.stored(&reader).await?;
        let flights = Arc::new(Flights::default());
        let mut watchers = JoinSet::new();
        watchers.spawn(follow(messages, Arc::clone(&flights)));
        watchers.spawn(watch(Arc::clone(&flights)));
        let appends = Appends { flights: Some(Arc::clone(&flights)), ..self.appends.clone() };
        let pace = Pace::new(warm_up, duration, Some(self.rate));
        let (mut figure, landed) = tokio::select! {
            outcome = async {
                let figure = appends.run(clients, sources, &pace, counter).await?;
                anyhow::Ok((figure, flights.all_landed().await?))
            } => outcome?,
            Some(ended) = watchers.join_next() => {
                ended??;
                anyhow::bail!("the tail ended by itself");
            }
        };
        let stored = self.stored(&reader).await?.saturating_sub(stored_before);
        let delivered = landed.events;
        anyhow::ensure!(stored == delivered, "{delivered} events were delivered, and {stored} were stored");
        figure.workload.push(("rate", json!(self.rate)));
        Ok(Measurement { name: "delivery".to_owned(), delivery: Some(landed), ..figure })
    }

    async fn stored(&self, client: &Client) -> anyhow::Result<u64> {
        let found = client.count(Scan::table(self.appends.table.as_str())).await;
        Ok(found.context("counting what is stored")?.events)
    }
}

/// Notes what the tail brings, for as long as it brings something.
async fn follow(mut messages: TailStream, flights: Arc<Flights>) -> anyhow::Result<()> {
    while let Some(message) = messages.next().await {
        let at = Instant::now();
        match message?.body {
            TailBody::Events(events) => {
                for event in events {
                    flights.delivered(id_of(&event)?, Arrival { at, place: (event.shard, event.sequence) })?;
                }
            }
            TailBody::FellBehind(_) => flights.fell_behind(),
            TailBody::Interrupted { error, .. } => return Err(error).context("the tail was interrupted"),
            TailBody::Started | TailBody::CaughtUp | TailBody::Heartbeat { .. } => {}
        }
    }
    Ok(())
}

/// Ends once an event's delivery is overdue.
async fn watch(flights: Arc<Flights>) -> anyhow::Result<()> {
    loop {
        tokio::time::sleep(CHECKED_EVERY).await;
        flights.check(Instant::now())?;
    }
}

fn id_of(event: &RecordedEvent) -> anyhow::Result<uuid::Uuid> {
    event.view()?.id().context("a stored event has an id")
}
