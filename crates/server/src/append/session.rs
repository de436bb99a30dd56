//! A session: requests one after another on a stream, pipelined, each answered once and in order.
//!
//! A request is handed to the engine as soon as it is read; its answer waits for those before it. What is not yet
//! answered is bounded in bytes and in requests; past a bound the stream is not read on, so that the client waits. A
//! client that does not take its answers stops being read as well, since nothing here runs but when it takes one.

use std::collections::VecDeque;
use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use annals_engine::Engine;
use annals_engine::contract::Place;
use annals_wire::fault::{to_rpc_status, to_status};
use annals_wire::opaque::{AppendRequest, AppendSessionRequest};
use annals_wire::v1::append_session_response::Result as Outcome;
use annals_wire::v1::{AppendResponse, AppendSessionResponse};
use annals_wire::walk::EventIds;
use annals_wire::{Fault, Reason};
use futures_util::future::poll_fn;
use futures_util::stream::{self, FuturesOrdered, Stream, StreamExt};
use prost::Message;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tonic::{Status, Streaming};

use crate::connection::detailed;
use crate::deadline::Deadline;
use crate::shared::{Shared, Stop};
use crate::{clock, faults};

use super::{answer, prepare};

/// Sessions end as their producers do; none is known to end soon.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type Answer = Pin<Box<dyn Future<Output = Result<AppendResponse, Fault>> + Send>>;

/// A request that was handed to the engine.
struct Pending {
    /// Whether the engine may store it; none if it was refused before it came there.
    place: Option<Place>,
    bytes: usize,
}

/// Why no more requests are read; what was read is answered first.
enum Reading {
    Open,
    /// The client has sent its last request.
    Ended,
    /// The stream broke, or the server stops.
    Failed(Status),
}

struct Session<E> {
    shared: Arc<Shared<E>>,
    stop: Stop,
    requests: Streaming<AppendSessionRequest>,
    reading: Reading,
    /// What is not yet answered, in the order of the requests.
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    /// The answers to it, in the same order. Only those that were woken are polled, and all of them: an engine may do its
    /// work in these futures.
    answers: FuturesOrdered<Answer>,
    ids: EventIds,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Among the sessions that may be open.
    _place: OwnedSemaphorePermit,
}

/// What happened first.
enum Event {
    Answered(Result<AppendResponse, Fault>),
    Request(Option<AppendRequest>),
    Broken(Status),
    Stopping,
    DeadlineExceeded,
}

/// The answers to a stream of requests.
///
/// # Errors
/// When as many sessions are open as may be.
pub(crate) fn session<E: Engine>(
    shared: Arc<Shared<E>>,
    requests: Streaming<AppendSessionRequest>,
    deadline: Option<Deadline>,
) -> Result<impl Stream<Item = Result<AppendSessionResponse, Status>> + Send, Fault> {
    let place = Arc::clone(&shared.sessions).try_acquire_owned().map_err(|_| too_many(shared.limits.sessions_max))?;
    let session = Session {
        _place: place,
        stop: shared.stop.clone(),
        shared,
        requests,
        reading: Reading::Open,
        pending: VecDeque::new(),
        pending_bytes: 0,
        answers: FuturesOrdered::new(),
        ids: EventIds::new(),
        deadline: deadline.map(|deadline| Box::pin(deadline.passed())),
    };
    Ok(stream::unfold(Some(session), |session| async move {
        let mut session = session?;
        match session.next_answer().await {
            Ok(Some(answer)) => Some((Ok(answer), Some(session))),
            Ok(None) => None,
            Err(status) => Some((Err(status), None)),
        }
    }))
}

fn too_many(sessions_max: usize) -> Fault {
    let message = format!("{sessions_max} append sessions are open, the most there may be (limits.sessions_max)");
    Fault::new(Reason::Overloaded, message).with_retry_after(RETRY_AFTER)
}

impl<E: Engine> Session<E> {
    /// The next answer in order; none once all requests are answered and no more come.
    async fn next_answer(&mut self) -> Result<Option<AppendSessionResponse>, Status> {
        loop {
            if self.pending.is_empty() {
                match std::mem::replace(&mut self.reading, Reading::Ended) {
                    Reading::Open => self.reading = Reading::Open,
                    Reading::Ended => return Ok(None),
                    Reading::Failed(status) => return Err(status),
                }
            }
            match self.next_event().await {
                Event::Answered(answer) => return Ok(Some(in_band(answer))),
                Event::Request(Some(request)) => self.begin(request).await,
                Event::Request(None) => self.reading = Reading::Ended,
                Event::Broken(status) => self.reading = Reading::Failed(status),
                Event::Stopping => self.reading = Reading::Failed(to_status(&faults::shutting_down())),
                Event::DeadlineExceeded => return Err(to_status(&self.give_up())),
            }
        }
    }

    /// Takes back the requests that have no place yet, and tells what is known of those that are not answered.
    fn give_up(&mut self) -> Fault {
        let places: Vec<_> = self.pending.drain(..).map(|unanswered| unanswered.place).collect();
        let is_unknown = |place: &Option<Place>| place.as_ref().is_some_and(Place::is_taken);
        // A refused one among them has no place, and those behind it may have.
        let unknown = places.iter().rposition(is_unknown).map_or(0, |last| last + 1);
        faults::session_deadline_exceeded(places.len(), unknown)
    }

    fn has_room(&self) -> bool {
        let limits = &self.shared.limits;
        matches!(self.reading, Reading::Open)
            && self.pending.len() < limits.session_requests_max
            && self.pending_bytes < limits.session_bytes_max
    }

    /// Waits for the first answer in order or, if there is room, for a request. Answers go first, so that what a client
    /// waits for is not held up by what it sends.
    async fn next_event(&mut self) -> Event {
        let has_room = self.has_room();
        let Self { stop, requests, pending, pending_bytes, answers, deadline, .. } = self;
        tokio::select! {
            biased;
            Some(answer) = answers.next() => {
                let answered = pending.pop_front().expect("the first was answered");
                *pending_bytes -= answered.bytes;
                Event::Answered(answer)
            }
            () = passed(deadline) => Event::DeadlineExceeded,
            () = stop.stopping(), if has_room => Event::Stopping,
            request = requests.message(), if has_room => match request {
                Ok(Some(request)) => Event::Request(Some(request.append.unwrap_or_default())),
                Ok(None) => Event::Request(None),
                Err(status) => Event::Broken(detailed(status)),
            },
        }
    }

    /// Hands a request to the engine. It is polled once at once: that is when it asks for its place among the appends, so
    /// that a session's requests are committed in the order in which they were sent.
    async fn begin(&mut self, request: AppendRequest) {
        let bytes = request.encoded_len();
        let shared = Arc::clone(&self.shared);
        let prepared = shared.table(&request.table).and_then(|table| {
            prepare::prepare(&table, &request, clock::now(), &mut self.ids).map(|append| (table, append))
        });
        let place = prepared.as_ref().ok().map(|(_, append)| append.place.clone());
        let mut answer: Answer = Box::pin(async move {
            let (table, append) = prepared?;
            let appended = shared.engine.append(append).await;
            appended
                .map(|appended| self::answer(&table, &appended))
                .map_err(|error| faults::of_append(error, &table.definition.name))
        });
        self.pending_bytes += bytes;
        self.pending.push_back(Pending { place, bytes });
        let first = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
        self.answers.push_back(match first {
            Poll::Ready(answered) => Box::pin(ready(answered)),
            Poll::Pending => answer,
        });
    }
}

/// Waits until a deadline has passed; for ever without one. Cancel-safe.
async fn passed(deadline: &mut Option<Pin<Box<Sleep>>>) {
    match deadline {
        Some(deadline) => deadline.await,
        None => pending().await,
    }
}

fn in_band(answer: Result<AppendResponse, Fault>) -> AppendSessionResponse {
    let outcome = match answer {
        Ok(appended) => Outcome::Appended(appended),
        Err(fault) => Outcome::Error(to_rpc_status(&fault)),
    };
    AppendSessionResponse { result: Some(outcome) }
}
