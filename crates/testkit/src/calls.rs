//! Calls to a server through the contract's opaque view, as tests need them: load, tail everything, make a table.

use std::error::Error as _;

use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::{AppendRequest, RecordedEvent, tail_response};
use annals_wire::v1::table_service_client::TableServiceClient;
use annals_wire::v1::{CreateTableRequest, ScanRequest, StartPosition, Table, TailRequest, tail_request};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::event::TestEvent;
use crate::generator::{Generator, Shape};
use crate::ledger::{Entry, Found};

/// Connects to a server.
///
/// # Panics
/// When nothing listens at `uri`.
pub async fn connect(uri: &str) -> Channel {
    let endpoint = Channel::from_shared(uri.to_owned()).expect("a URI");
    endpoint.connect().await.unwrap_or_else(|error| panic!("{uri}: {error}"))
}

/// Makes a table of so many shards, unless it is there.
///
/// # Panics
/// When the server refuses.
pub async fn create_table(channel: &Channel, name: &str, shard_count: u32) {
    let table = Table { name: name.to_owned(), shard_count, ..Table::default() };
    let request = CreateTableRequest { table: Some(table), if_not_exists: true };
    TableServiceClient::new(channel.clone()).create_table(request).await.expect("a table");
}

/// The request that appends events to a table.
pub fn append_request(table: &str, events: &[TestEvent]) -> AppendRequest {
    let events = events.iter().map(|event| event.encode().into()).collect();
    AppendRequest { table: table.to_owned(), events, ..AppendRequest::default() }
}

/// Appends random events, request by request, until the server is gone or `requests` were answered. Calls `answered`
/// after each answer.
///
/// # Panics
/// When the server refuses a request, as it must not.
pub async fn append_until_gone(
    channel: &Channel,
    table: &str,
    seed: u64,
    requests: usize,
    answered: impl Fn(),
) -> Vec<Entry> {
    let mut client = EventServiceClient::new(channel.clone());
    let mut generator = Generator::new(seed, Shape { partitions: 50, ..Shape::default() });
    let mut entries = Vec::new();
    for request in 0..requests {
        let events = generator.events([1, 1, 3, 40][request % 4]);
        match client.append(append_request(table, &events)).await {
            Ok(answer) => {
                entries.push(Entry { events, answer: Some(answer.into_inner()) });
                answered();
            }
            Err(status) => {
                assert!(is_gone(&status), "the server refused an append: {status:?}");
                entries.push(Entry { events, answer: None });
                break;
            }
        }
    }
    entries
}

/// Whether a call ended since the server or its connection did, rather than by the server's refusal.
///
/// A connection that is told to go away hands the HTTP/2 error to the calls that it had not begun, as an INTERNAL status
/// with the transport's error as its source. An INTERNAL status that a server sent has none.
fn is_gone(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::Unknown | Code::Cancelled => true,
        Code::Internal => status.source().is_some_and(<dyn std::error::Error>::is::<tonic::transport::Error>),
        _ => false,
    }
}

/// All events of a table, by shard, through a tail that ends at the head.
///
/// # Panics
/// When the tail fails.
pub async fn tail_all(channel: &Channel, table: &str) -> Found {
    let request = TailRequest {
        table: table.to_owned(),
        start: Some(tail_request::Start::Position(StartPosition::Earliest.into())),
        stop_at_head: true,
        ..TailRequest::default()
    };
    let mut client = EventServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let mut stream = client.tail(request).await.expect("a tail").into_inner();
    let mut found = Found::new();
    while let Some(response) = stream.message().await.expect("a tail's message") {
        if let Some(tail_response::Body::Events(events)) = response.body {
            for event in events.events {
                found.entry(event.shard).or_default().push(event);
            }
        }
    }
    found
}

/// All events of a table, in time order, through a scan.
///
/// # Panics
/// When the scan fails.
pub async fn scan_all(channel: &Channel, table: &str) -> Vec<RecordedEvent> {
    let request = ScanRequest { table: table.to_owned(), ..ScanRequest::default() };
    let mut client = EventServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let mut stream = client.scan(request).await.expect("a scan").into_inner();
    let mut found = Vec::new();
    while let Some(response) = stream.message().await.expect("a scan's message") {
        found.extend(response.events);
    }
    found
}
