//! NATS JetStream: one stream on disk, one subject for each partition.
//!
//! An append of many events is as many publishes, one after the other, and then all their acknowledgements; atomic
//! batches of the stream were tried and are slower. A scan gets the messages of one subject straight from the stream,
//! without a consumer.

use std::time::Duration;

use annals_client::Event;
use anyhow::{Context as _, bail};
use async_nats::Client;
use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::{self, stream};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;

use crate::driver::{Driven, Store};
use crate::peer::{Peer, Subject};
use crate::server::Address;
use crate::work::Work;

const STREAM: &str = "compare";
const DIRECT_GET: &str = "$JS.API.DIRECT.GET.compare";
/// More publishes than any work has in flight: the client waits at fewer.
const UNANSWERED_MAX: usize = 100_000;
/// 16,000 messages, each synced by itself, take their time.
const ANSWER_PATIENCE: Duration = Duration::from_mins(1);
/// More than a partition holds; a scan that ends here finds too few events and fails.
const SCANNED_MAX: u64 = 1_000;
/// The status of the message that ends an answer.
const END_OF_BATCH: u16 = 204;
const ELSEWHERE: &str = "reading does not depend on when it syncs; see the other setting";

pub(super) static PEERS: [Peer; 2] = [
    Peer {
        name: "nats-synced",
        folder: "nats",
        setting: "synced",
        title: "NATS JetStream, synced",
        left_out: None,
        durability: "synced",
        settings: "`sync_interval: always`, `max_buffered_msgs: 100000`; a publish for each event; `async-nats`",
        ports: 1,
        warm_up_seconds: 0,
        cannot: &[(Work::Scan, ELSEWHERE), (Work::Tail, ELSEWHERE)],
        connect: |address| Box::pin(async move { connect(&address).await }),
    },
    Peer {
        name: "nats",
        folder: "nats",
        setting: "default",
        title: "NATS JetStream",
        left_out: None,
        durability: "written, synced every 2 minutes",
        settings: "`max_buffered_msgs: 100000`; a publish for each event; `async-nats`",
        ports: 1,
        warm_up_seconds: 0,
        cannot: &[],
        connect: |address| Box::pin(async move { connect(&address).await }),
    },
];

struct Nats {
    client: Client,
    stream: jetstream::Context,
}

async fn connect(address: &Address) -> anyhow::Result<Box<dyn Subject>> {
    let client = async_nats::connect(format!("127.0.0.1:{}", address.ports[0])).await?;
    let stream = ContextBuilder::new().max_ack_inflight(UNANSWERED_MAX).timeout(ANSWER_PATIENCE).build(client.clone());
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["events.*".to_owned()],
        storage: stream::StorageType::File,
        allow_direct: true,
        ..stream::Config::default()
    };
    stream.get_or_create_stream(config).await?;
    Ok(Driven::subject(Nats { client, stream }))
}

fn subject(key: &str) -> String {
    format!("events.{key}")
}

fn subject_of(event: &Event) -> anyhow::Result<String> {
    Ok(subject(std::str::from_utf8(event.view()?.key()).context("keys are text")?))
}

#[async_trait]
impl Store for Nats {
    async fn append(&self, events: Vec<Event>) -> anyhow::Result<()> {
        let mut unanswered = Vec::with_capacity(events.len());
        for event in events {
            unanswered.push(self.stream.publish(subject_of(&event)?, event.into_bytes()).await?);
        }
        for answer in unanswered {
            answer.await?;
        }
        Ok(())
    }

    async fn scan(&self, key: String) -> anyhow::Result<u64> {
        let inbox = self.client.new_inbox();
        let mut messages = self.client.subscribe(inbox.clone()).await?;
        let request = json!({ "seq": 1, "next_by_subj": subject(&key), "batch": SCANNED_MAX });
        self.client.publish_with_reply(DIRECT_GET, inbox, Bytes::from(request.to_string())).await?;
        let mut found = 0;
        while let Some(message) = messages.next().await {
            match message.status {
                None => found += 1,
                Some(status) if status.as_u16() == END_OF_BATCH => return Ok(found),
                Some(status) => bail!("{status}: {}", message.description.unwrap_or_default()),
            }
        }
        bail!("the answer ended after {found} messages without saying so")
    }

    async fn tail(&self, expected: u64) -> anyhow::Result<u64> {
        let stream = self.stream.get_stream(STREAM).await?;
        let config = OrderedConfig { deliver_subject: self.client.new_inbox(), ..OrderedConfig::default() };
        let mut messages = stream.create_consumer(config).await?.messages().await?;
        let mut found = 0;
        while found < expected {
            messages.next().await.context("the consumer ended")??;
            found += 1;
        }
        Ok(found)
    }
}
