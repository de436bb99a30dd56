//! UmaDB: its own server, over gRPC with those of its messages that are needed. A partition is a tag, and a scan is a
//! read by that tag.
//!
//! Its client crate makes the same calls; it is not used because its build wants protoc and a TLS library in C.

use annals_client::Event;
use async_trait::async_trait;
use bytes::Bytes;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use crate::driver::{Driven, Store};
use crate::peer::Peer;

const APPEND: &str = "/umadb.v1.DCB/Append";
const READ: &str = "/umadb.v1.DCB/Read";
const HEAD: &str = "/umadb.v1.DCB/Head";

pub(super) static PEERS: [Peer; 1] = [Peer {
    name: "umadb",
    folder: "umadb",
    setting: "",
    title: "UmaDB",
    left_out: None,
    durability: "synced",
    settings: "defaults; the key is a tag; its gRPC calls",
    ports: 1,
    warm_up_seconds: 0,
    cannot: &[],
    connect: |address| {
        Box::pin(async move {
            let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", address.ports[0]))?;
            let store = UmaDb(Grpc::new(endpoint.connect().await?));
            store.head().await?;
            Ok(Driven::subject(store))
        })
    },
}];

#[derive(Clone)]
struct UmaDb(Grpc<Channel>);

#[derive(Clone, PartialEq, prost::Message)]
struct StoredEvent {
    #[prost(string, tag = "1")]
    event_type: String,
    #[prost(string, repeated, tag = "2")]
    tags: Vec<String>,
    #[prost(bytes = "bytes", tag = "3")]
    data: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AppendRequest {
    #[prost(message, repeated, tag = "1")]
    events: Vec<StoredEvent>,
}

/// The answer to an append, and to the question where the head is.
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Position {
    #[prost(uint64, optional, tag = "1")]
    position: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct QueryItem {
    #[prost(string, repeated, tag = "2")]
    tags: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Query {
    #[prost(message, repeated, tag = "1")]
    items: Vec<QueryItem>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ReadRequest {
    #[prost(message, optional, tag = "1")]
    query: Option<Query>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SequencedEvent {
    #[prost(uint64, tag = "1")]
    position: u64,
    #[prost(message, optional, tag = "2")]
    event: Option<StoredEvent>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ReadResponse {
    #[prost(message, repeated, tag = "1")]
    events: Vec<SequencedEvent>,
}

impl UmaDb {
    async fn call<M, R>(&self, path: &'static str, message: M) -> anyhow::Result<R>
    where
        M: prost::Message + 'static,
        R: prost::Message + Default + 'static,
    {
        let mut grpc = self.0.clone();
        grpc.ready().await?;
        let path = PathAndQuery::from_static(path);
        let codec: ProstCodec<M, R> = ProstCodec::default();
        Ok(grpc.unary(tonic::Request::new(message), path, codec).await?.into_inner())
    }

    async fn head(&self) -> anyhow::Result<Option<u64>> {
        let head: Position = self.call(HEAD, ()).await?;
        Ok(head.position)
    }

    async fn count(&self, query: Option<Query>) -> anyhow::Result<u64> {
        let mut grpc = self.0.clone();
        grpc.ready().await?;
        let codec: ProstCodec<ReadRequest, ReadResponse> = ProstCodec::default();
        let request = tonic::Request::new(ReadRequest { query });
        let answer = grpc.server_streaming(request, PathAndQuery::from_static(READ), codec).await?;
        let (mut answers, mut found) = (answer.into_inner(), 0);
        while let Some(answer) = answers.message().await? {
            found += answer.events.len() as u64;
        }
        Ok(found)
    }
}

#[async_trait]
impl Store for UmaDb {
    async fn append(&self, events: Vec<Event>) -> anyhow::Result<()> {
        let event = |event: Event| {
            let key = String::from_utf8(event.view()?.key().to_vec())?;
            anyhow::Ok(StoredEvent { event_type: "event".to_owned(), tags: vec![key], data: event.into_bytes() })
        };
        let events = events.into_iter().map(event).collect::<anyhow::Result<_>>()?;
        let _: Position = self.call(APPEND, AppendRequest { events }).await?;
        Ok(())
    }

    async fn scan(&self, key: String) -> anyhow::Result<u64> {
        self.count(Some(Query { items: vec![QueryItem { tags: vec![key] }] })).await
    }

    async fn tail(&self, _: u64) -> anyhow::Result<u64> {
        self.count(None).await
    }
}
