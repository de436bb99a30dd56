//! A tail that outlives its server: it goes on from its last token, again and again, and must get each event once, in
//! the order in which the events arrived.

use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::tail_response::Body;
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{StartPosition, TailRequest};
use bytes::Bytes;
use tonic::Status;
use tonic::transport::Channel;

use crate::ledger::Found;

/// A tail of a whole table, over many connections.
#[derive(Clone, Debug)]
pub struct Follower {
    table: String,
    token: Option<Bytes>,
    found: Found,
}

impl Follower {
    /// A follower of a table from its first event on.
    pub fn new(table: &str) -> Self {
        Self { table: table.to_owned(), token: None, found: Found::new() }
    }

    /// All that it was given.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Follows on from where it was until the server is gone, which this gives. With `stop_at_head` it ends there, with
    /// no error.
    ///
    /// # Panics
    /// When an event is missing, comes again, or comes before one that arrived earlier in its shard.
    pub async fn follow(&mut self, channel: &Channel, stop_at_head: bool) -> Option<Status> {
        let earliest = Start::Position(StartPosition::Earliest.into());
        let start = Some(self.token.clone().map_or(earliest, Start::ResumeToken));
        let request = TailRequest { table: self.table.clone(), start, stop_at_head, ..TailRequest::default() };
        let mut client = EventServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
        let mut stream = match client.tail(request).await {
            Ok(stream) => stream.into_inner(),
            Err(status) => return Some(status),
        };
        loop {
            let response = match stream.message().await {
                Ok(Some(response)) => response,
                Ok(None) => return None,
                Err(status) => return Some(status),
            };
            if let Some(Body::Events(events)) = response.body {
                for event in events.events {
                    let shard = self.found.entry(event.shard).or_default();
                    let expected = shard.len() as u64 + 1;
                    assert_eq!(event.sequence, expected, "shard {}: what a tail gives next", event.shard);
                    shard.push(event);
                }
            }
            if !response.resume_token.is_empty() {
                self.token = Some(response.resume_token);
            }
        }
    }
}
