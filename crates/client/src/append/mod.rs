//! Appends: one request and its answer, or many pipelined over a session.
//!
//! Promises: an answer means that the events are durable; appends of a session are committed in the order in which they
//! were begun, and what waits for answers is bounded in bytes.
//!
//! Does not: send an append again: whether one without an answer is stored is not known, and the error says so.

mod session;

use annals_model::{CommitTime, Sequence, Shard};
use annals_wire::opaque::AppendRequest;
use annals_wire::v1::AppendResponse;

use crate::client::Client;
use crate::error::Error;
use crate::token::ResumeToken;
use annals_event::Event;

pub use session::{AppendSession, PendingAppend};

/// Where an append's events went. They are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Consecutive sequences, in the order of the request's events; a shard may come several times.
    pub shards: Vec<ShardAppended>,
    /// The events had been appended before; this is that append's answer.
    pub deduplicated: bool,
    /// Covers what was appended: a tail from here delivers what came later.
    pub resume_token: Option<ResumeToken>,
}

/// Consecutive events of one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardAppended {
    /// The shard.
    pub shard: Shard,
    /// The sequence of the first of them.
    pub first_sequence: Sequence,
    /// How many.
    pub event_count: u64,
    /// When they were made durable.
    pub commit_time: CommitTime,
}

impl Client {
    /// Appends events to a table; answers once they are durable. The events of one shard are stored together or not
    /// at all.
    ///
    /// # Errors
    /// [`Error::Refused`]: nothing is stored. [`Error::OutcomeUnknown`]: the events may or may not be stored.
    pub async fn append(
        &self,
        table: impl Into<String>,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Appended, Error> {
        self.append_request(request(table.into(), events, None)).await
    }

    /// As [`Client::append`], to a shard of the caller's choice, in a table with explicit sharding.
    ///
    /// # Errors
    /// As [`Client::append`].
    pub async fn append_to_shard(
        &self,
        table: impl Into<String>,
        shard: Shard,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Appended, Error> {
        self.append_request(request(table.into(), events, Some(shard))).await
    }

    async fn append_request(&self, request: AppendRequest) -> Result<Appended, Error> {
        let answer = self.events().append(request).await.map_err(|status| Error::of_append_status(&status))?;
        Ok(Appended::of_response(answer.into_inner()))
    }
}

fn request(table: String, events: impl IntoIterator<Item = Event>, shard: Option<Shard>) -> AppendRequest {
    AppendRequest {
        table,
        events: events.into_iter().map(Event::into_bytes).collect(),
        shard: shard.map(Shard::get),
        ..AppendRequest::default()
    }
}

impl Appended {
    fn of_response(response: AppendResponse) -> Self {
        let shards = response.shards.iter().map(|appended| ShardAppended {
            shard: Shard::new(appended.shard),
            first_sequence: Sequence::new(appended.first_sequence),
            event_count: appended.event_count,
            commit_time: CommitTime::from_unix_nanos(appended.commit_time_unix_nanos),
        });
        Self {
            shards: shards.collect(),
            deduplicated: response.deduplicated,
            resume_token: ResumeToken::from_wire(response.resume_token),
        }
    }

    /// How many events were appended.
    pub fn event_count(&self) -> u64 {
        self.shards.iter().map(|appended| appended.event_count).sum()
    }
}
