//! What a tail delivers.

use std::time::Duration;

use annals_model::EventTime;
use annals_wire::opaque::TailResponse;
use annals_wire::opaque::tail_response::Body;
use annals_wire::v1;

use crate::error::Error;
use crate::recorded::RecordedEvent;
use crate::token::ResumeToken;

/// One message of a tail, and the token that resumes after it.
#[derive(Clone, Debug)]
pub struct TailMessage {
    /// Resumes after this message.
    pub resume_token: ResumeToken,
    /// What it says.
    pub body: TailBody,
}

/// What a message of a tail says.
#[derive(Clone, Debug)]
pub enum TailBody {
    /// The tail has begun at this token; comes first, also when it was taken up again.
    Started,
    /// Events, in the arrival order of each shard.
    Events(Vec<RecordedEvent>),
    /// All that was stored is delivered; what follows is live.
    CaughtUp,
    /// This reader is too slow for the live end; it is served from storage again.
    FellBehind(Lag),
    /// Nothing else was sent for the heartbeat interval.
    Heartbeat {
        /// How far event time has come.
        watermark: Watermark,
        /// How far it lies behind.
        lag: Lag,
    },
    /// The connection broke; the tail connects again after a wait.
    Interrupted {
        /// What broke.
        error: Error,
        /// How long it waits before it tries again.
        retry_in: Duration,
    },
}

/// How far event time has come in what a tail has delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermark {
    /// The latest event time delivered.
    pub max_time: Option<EventTime>,
    /// No event earlier than this is expected any more; none: not known.
    pub low: Option<EventTime>,
}

/// How far a tail's position lies behind the newest event of the shards that it follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// How many events lie in between, those among them that the tail's keys or slices leave out: at most so many are
    /// still to come.
    pub events: u64,
    /// For how long the oldest of these has been stored; zero if there is none.
    pub age: Duration,
}

impl TailMessage {
    pub(super) fn of_response(response: TailResponse) -> Result<Self, Error> {
        let resume_token = ResumeToken::from_wire(response.resume_token)
            .ok_or_else(|| Error::Protocol("a tail's message without a resume token".to_owned()))?;
        let body = match response.body {
            None => TailBody::Started,
            Some(Body::Events(events)) => TailBody::Events(events.events.into_iter().map(Into::into).collect()),
            Some(Body::CaughtUp(_)) => TailBody::CaughtUp,
            Some(Body::FellBehind(fell)) => TailBody::FellBehind(lag_of(fell.lag)),
            Some(Body::Heartbeat(beat)) => {
                TailBody::Heartbeat { watermark: watermark_of(beat.watermark), lag: lag_of(beat.lag) }
            }
        };
        Ok(Self { resume_token, body })
    }
}

fn watermark_of(watermark: Option<v1::Watermark>) -> Watermark {
    let watermark = watermark.unwrap_or_default();
    Watermark {
        max_time: watermark.max_time_unix_nanos.map(EventTime::from_unix_nanos),
        low: watermark.low_unix_nanos.map(EventTime::from_unix_nanos),
    }
}

fn lag_of(lag: Option<v1::Lag>) -> Lag {
    let lag = lag.unwrap_or_default();
    // A negative age is clocks that differ, and no age.
    Lag { events: lag.events, age: lag.age.and_then(|age| age.try_into().ok()).unwrap_or_default() }
}
