//! The steps of a tail.

use annals_model::{EventTime, StoredEvent};
use annals_service::{EncodedPage, EventPage, Lag, TailStep};
use annals_wire::answer::{RecordedEvents, TailAnswer, encode_events};
use annals_wire::opaque::{TailResponse, tail_response::Body};
use annals_wire::v1::{self, TailCaughtUp, TailFellBehind, TailHeartbeat, Watermark};
use bytes::Bytes;

use super::duration;

/// Events as the answers of tails carry them.
#[derive(Clone, Debug)]
pub(crate) struct Encoded(Bytes);

impl EncodedPage for Encoded {
    fn encode(events: &[StoredEvent]) -> Self {
        Self(encode_events(events))
    }

    fn byte_count(&self) -> usize {
        self.0.len()
    }
}

pub(crate) fn tail_answer(step: TailStep<Encoded>) -> TailAnswer {
    let other = |resume_token, body| TailAnswer::Other(TailResponse { resume_token, body: Some(body) });
    match step {
        TailStep::Events { resume_token, pages, max_time } => {
            let mut events = RecordedEvents::default();
            for page in pages {
                match page {
                    EventPage::Own(own) => events.push(own),
                    EventPage::Shared(Encoded(shared)) => events.push_encoded(shared),
                }
            }
            TailAnswer::Events { resume_token, events, watermark: watermark(max_time) }
        }
        TailStep::CaughtUp { resume_token, max_time } => {
            other(resume_token, Body::CaughtUp(TailCaughtUp { watermark: Some(watermark(max_time)) }))
        }
        TailStep::FellBehind { resume_token, lag: behind } => {
            other(resume_token, Body::FellBehind(TailFellBehind { lag: behind.map(lag) }))
        }
        TailStep::Heartbeat { resume_token, max_time, lag: behind, server_time } => {
            let heartbeat = TailHeartbeat {
                watermark: Some(watermark(max_time)),
                lag: behind.map(lag),
                server_time_unix_nanos: server_time.unix_nanos(),
            };
            other(resume_token, Body::Heartbeat(heartbeat))
        }
    }
}

fn watermark(max_time: Option<EventTime>) -> Watermark {
    Watermark { max_time_unix_nanos: max_time.map(EventTime::unix_nanos), low_unix_nanos: None }
}

pub(super) fn lag(lag: Lag) -> v1::Lag {
    v1::Lag { events: lag.events, age: Some(duration::to_wire(lag.age)) }
}
