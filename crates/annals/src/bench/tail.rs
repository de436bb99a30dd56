//! Tails from the first event to the head: how fast stored events are handed on.

use std::time::Instant;

use annals_client::{Client, Tail, TailBody, TailStart};
use futures_util::StreamExt;
use serde_json::json;

use super::measurement::{Latencies, Measurement};
use super::progress::Counter;
use super::target::Clients;

/// A tail bench.
#[derive(Clone, Debug)]
pub(super) struct Tails {
    pub(super) table: String,
    /// Readers at once, each of whom gets everything.
    pub(super) readers: usize,
    /// Events that the table holds, and each reader must get.
    pub(super) events: u64,
    pub(super) event_bytes: usize,
}

impl Tails {
    /// Reads the table once with each reader.
    ///
    /// # Errors
    /// When a tail fails, or brings another number of events than the table holds.
    pub(super) async fn run(&self, clients: &Clients, counter: &Counter) -> anyhow::Result<Measurement> {
        let began = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for reader in 0..self.readers {
            let (tails, client, counter) = (self.clone(), clients.of(reader).clone(), counter.clone());
            tasks.spawn(async move { tails.read(&client, &counter).await });
        }
        while let Some(one) = tasks.join_next().await {
            one??;
        }
        let events = self.events * self.readers as u64;
        Ok(Measurement {
            name: "tail".to_owned(),
            workload: vec![
                ("readers", json!(self.readers)),
                ("events_each", json!(self.events)),
                ("event_bytes", json!(self.event_bytes)),
            ],
            elapsed: began.elapsed(),
            requests: self.readers as u64,
            events,
            bytes: events * self.event_bytes as u64,
            // The readers' time is the figure itself.
            latencies: Latencies::default(),
            delivery: None,
        })
    }

    async fn read(&self, client: &Client, counter: &Counter) -> anyhow::Result<()> {
        let tail = Tail::table(self.table.as_str()).start(TailStart::Earliest).stop_at_head();
        let mut messages = client.tail(tail.client_name("annals bench")).await?;
        let mut found = 0;
        while let Some(message) = messages.next().await {
            if let TailBody::Events(events) = message?.body {
                found += events.len() as u64;
                counter.add(events.len() as u64);
            }
        }
        anyhow::ensure!(found == self.events, "the tail brought {found} events, and the table holds {}", self.events);
        Ok(())
    }
}
