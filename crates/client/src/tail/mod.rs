//! Tails: what to follow, from where, and what comes.
//!
//! Promises: a tail goes on from its last token after a lost connection, without gap or repeat, and says where it
//! stands.
//!
//! Does not: buffer for a slow reader, or remember positions over restarts: tokens are the caller's to keep.

mod message;
mod stream;

use std::time::Duration;

use annals_model::{CommitTime, Sequence, Shard};
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{HashSlices, ShardPosition, ShardPositions, StartPosition, TailRequest};
use bytes::Bytes;

use crate::client::Client;
use crate::error::Error;
use crate::token::ResumeToken;

pub use message::{Lag, TailBody, TailMessage, Watermark};
pub use stream::TailStream;

/// The server's heartbeat interval, unless the tail asks for another.
const HEARTBEAT_INTERVAL_DEFAULT: Duration = Duration::from_secs(5);

/// A tail to be begun. Without more than a table it follows everything from the earliest event.
#[derive(Clone, Debug, PartialEq)]
pub struct Tail(TailRequest);

/// Where a tail begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TailStart {
    /// With the oldest event that is stored.
    Earliest,
    /// With what is committed after the tail has begun.
    Latest,
    /// After what this token covers.
    Token(ResumeToken),
    /// With the first event of each shard that was committed at or after this time.
    CommitTime(CommitTime),
    /// With this sequence of each shard; shards that are not named, with their earliest event.
    Sequences(Vec<(Shard, Sequence)>),
}

impl Tail {
    /// A tail of `table`, `keyspace.table`.
    pub fn table(table: impl Into<String>) -> Self {
        Self(TailRequest { table: table.into(), ..TailRequest::default() }).start(TailStart::Earliest)
    }

    /// Where to begin.
    #[must_use]
    pub fn start(mut self, start: TailStart) -> Self {
        self.0.start = Some(match start {
            TailStart::Earliest => Start::Position(StartPosition::Earliest.into()),
            TailStart::Latest => Start::Position(StartPosition::Latest.into()),
            TailStart::Token(token) => Start::ResumeToken(token.as_bytes().clone()),
            TailStart::CommitTime(time) => Start::CommitTimeUnixNanos(time.unix_nanos()),
            TailStart::Sequences(sequences) => Start::ShardPositions(ShardPositions {
                positions: sequences
                    .into_iter()
                    .map(|(shard, sequence)| ShardPosition { shard: shard.get(), next_sequence: sequence.get() })
                    .collect(),
            }),
        });
        self
    }

    /// Begins with what is committed from now on.
    #[must_use]
    pub fn from_latest(self) -> Self {
        self.start(TailStart::Latest)
    }

    /// Goes on after what `token` covers.
    #[must_use]
    pub fn from_token(self, token: ResumeToken) -> Self {
        self.start(TailStart::Token(token))
    }

    /// Follows the partition `key` only; may be called several times.
    #[must_use]
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.0.partition_keys.push(Bytes::copy_from_slice(key.as_ref()));
        self
    }

    /// Follows these partitions only.
    #[must_use]
    pub fn keys(self, keys: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        keys.into_iter().fold(self, Self::key)
    }

    /// Follows this shard only; may be called several times.
    #[must_use]
    pub fn shard(mut self, shard: Shard) -> Self {
        self.0.shards.push(shard.get());
        self
    }

    /// Follows the partitions of one slice out of `count` equal slices of the hash space.
    #[must_use]
    pub fn slice(mut self, index: u32, count: u32) -> Self {
        self.0.hash_slices = Some(HashSlices { count, indexes: vec![index] });
        self
    }

    /// Only these columns; none: all.
    #[must_use]
    pub fn columns(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.columns.extend(names.into_iter().map(Into::into));
        self
    }

    /// Ends once all that was stored at the beginning is delivered.
    #[must_use]
    pub fn stop_at_head(mut self) -> Self {
        self.0.stop_at_head = true;
        self
    }

    /// Ends once all that `token` covers is delivered.
    #[must_use]
    pub fn until(mut self, token: &ResumeToken) -> Self {
        self.0.end_token = token.as_bytes().clone();
        self
    }

    /// Takes a token's position although it was made for another scope.
    #[must_use]
    pub fn allow_scope_change(mut self) -> Self {
        self.0.allow_scope_change = true;
        self
    }

    /// How long the server may be silent, 1 to 60 seconds; 5 unless set.
    #[must_use]
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        // The server refuses what is too long, so that a time past the protocol's range may become the longest one.
        self.0.heartbeat_interval =
            Some(interval.try_into().unwrap_or(prost_types::Duration { seconds: i64::MAX, nanos: 0 }));
        self
    }

    /// How operators see this reader; else by its address.
    #[must_use]
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.0.client_name = name.into();
        self
    }

    /// The request as the contract has it.
    pub fn into_request(self) -> TailRequest {
        self.0
    }
}

impl Client {
    /// Follows a table in arrival order: first what is stored, then what comes.
    ///
    /// Returns once the server has taken the tail. From then on, when the connection breaks, the stream says so
    /// ([`TailBody::Interrupted`]), connects again, and goes on from its token without gap or repeat, for as long as it
    /// is polled.
    ///
    /// # Errors
    /// When the server refuses or can't be reached.
    pub async fn tail(&self, tail: Tail) -> Result<TailStream, Error> {
        TailStream::begin(self.clone(), tail.into_request()).await
    }
}
