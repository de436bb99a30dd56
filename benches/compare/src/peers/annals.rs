//! Annals: the released binary, through its Rust client over one connection.

use annals_client::proto::{self, CreateTableRequest};
use annals_client::{AppendSession, Client, Event, Scan, Tail, TailBody, TailStart};
use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::sync::Mutex;

use crate::driver::{Driven, Store};
use crate::peer::{Peer, Subject};
use crate::server::Address;
use crate::work::Work;

const TABLE: &str = "compare.events";
const ELSEWHERE: &str = "measured once, in the row above";

pub(super) static PEERS: [Peer; 2] = [
    Peer {
        name: "annals",
        folder: "annals",
        setting: "",
        title: "Annals",
        left_out: None,
        durability: "synced",
        settings: "defaults; one append session; Rust client over gRPC",
        ports: 1,
        warm_up_seconds: 0,
        cannot: &[],
        connect: |address| Box::pin(async move { connect(&address, true).await }),
    },
    Peer {
        name: "annals-unary",
        folder: "annals",
        setting: "",
        title: "Annals, unary appends",
        left_out: None,
        durability: "synced",
        settings: "defaults; a call for each append; Rust client over gRPC",
        ports: 1,
        warm_up_seconds: 0,
        cannot: &[
            (Work::Batches, ELSEWHERE),
            (Work::Kibibytes, ELSEWHERE),
            (Work::Scan, ELSEWHERE),
            (Work::Tail, ELSEWHERE),
        ],
        connect: |address| Box::pin(async move { connect(&address, false).await }),
    },
];

struct Annals {
    client: Client,
    session: Option<Mutex<AppendSession>>,
}

async fn connect(address: &Address, with_session: bool) -> anyhow::Result<Box<dyn Subject>> {
    let client = Client::connect(format!("127.0.0.1:{}", address.ports[0])).await?;
    let table = proto::Table { name: TABLE.to_owned(), shard_count: 1, ..proto::Table::default() };
    client.create_table(CreateTableRequest { table: Some(table), if_not_exists: true }).await?;
    let session = with_session.then(|| Mutex::new(client.append_session()));
    Ok(Driven::subject(Annals { client, session }))
}

#[async_trait]
impl Store for Annals {
    async fn append(&self, events: Vec<Event>) -> anyhow::Result<()> {
        let Some(session) = &self.session else {
            self.client.append(TABLE, events).await?;
            return Ok(());
        };
        let pending = session.lock().await.append(TABLE, events).await?;
        pending.await?;
        Ok(())
    }

    async fn scan(&self, key: String) -> anyhow::Result<u64> {
        let mut events = self.client.scan(Scan::table(TABLE).key(key));
        let mut found = 0;
        while let Some(event) = events.next().await {
            event?;
            found += 1;
        }
        Ok(found)
    }

    async fn tail(&self, _: u64) -> anyhow::Result<u64> {
        let mut messages = self.client.tail(Tail::table(TABLE).start(TailStart::Earliest).stop_at_head()).await?;
        let mut found = 0;
        while let Some(message) = messages.next().await {
            if let TailBody::Events(events) = message?.body {
                found += events.len() as u64;
            }
        }
        Ok(found)
    }
}
