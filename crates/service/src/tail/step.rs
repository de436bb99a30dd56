//! What a tail gives: steps, each of which can be resumed from.

use std::time::Duration;

use annals_model::EventTime;
use bytes::Bytes;

use super::event_page::EventPage;

/// One step of a tail. A tail that has an end gives nothing more once it is there.
#[derive(Clone, Debug)]
pub enum TailStep<P> {
    /// Events.
    Events {
        /// Resumes behind them.
        resume_token: Bytes,
        /// At least one page, shard by shard.
        pages: Vec<EventPage<P>>,
        /// The latest event time that was delivered.
        max_time: Option<EventTime>,
    },
    /// All there is was delivered; what comes now is live, unless the tail ends here.
    CaughtUp {
        /// Resumes here.
        resume_token: Bytes,
        /// The latest event time that was delivered.
        max_time: Option<EventTime>,
    },
    /// The reader was too slow to stay live: stored events are delivered until it has caught up again.
    FellBehind {
        /// Resumes here.
        resume_token: Bytes,
        /// How far behind; none if that can't be told.
        lag: Option<Lag>,
    },
    /// Nothing was delivered for a while, or the first event of a scope is being looked for.
    Heartbeat {
        /// Resumes here.
        resume_token: Bytes,
        /// The latest event time that was delivered.
        max_time: Option<EventTime>,
        /// How far behind; none if that can't be told.
        lag: Option<Lag>,
        /// The wall clock.
        server_time: EventTime,
    },
}

/// How far a tail lies behind the head of its shards; what its scope leaves out counts too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Events.
    pub events: u64,
    /// How long ago the oldest of them was committed.
    pub age: Duration,
}
