//! A session: requests one after another on a stream, pipelined, each answered once and in order.
//!
//! Requests are handed to the engine as soon as they are read, small ones that came together as one append; their answers
//! wait for those before them. What is not yet answered is bounded in bytes and in requests, of one session and in bytes
//! of all requests that the server holds; past a bound the stream is not read on, so that the client waits. A client that
//! does not take its answers stops being read as well, since nothing here runs but when it takes one.

use std::collections::VecDeque;
use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use std::vec;

use annals_engine::{Append, Appended, CommitTurn, Engine};
use annals_event::walk::EventIds;
use annals_model::{Fault, Reason};
use futures_util::future::poll_fn;
use futures_util::stream::{self, FuturesOrdered, Stream, StreamExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

use super::gathering::{Gathering, GoesAlone};
use super::receipt::AppendReceipt;
use super::request::AppendRequest;
use crate::{Action, Caller, Deadline, Service, Stop, clock, faults};

/// Sessions end as their producers do; none is known to end soon.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type Answer = Result<AppendReceipt, Fault>;
type Answers = Pin<Box<dyn Future<Output = Vec<Answer>> + Send>>;

/// Requests that were handed to the engine as one append.
struct Pending {
    /// Whether the engine may store them; none if all were refused before they came there.
    place: Option<CommitTurn>,
    requests: usize,
    bytes: usize,
    /// What the engine counts for their events.
    held_bytes: usize,
}

/// Requests of one table that came together and are not yet handed on.
struct Gathered {
    gathering: Gathering,
    requests: usize,
    bytes: usize,
}

/// Why a session ended before its client ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionError<B> {
    /// The service ended it.
    Fault(Fault),
    /// The stream of requests did, with this.
    Broken(B),
}

/// Why no more requests are read; what was read is answered first.
enum Reading<B> {
    Open,
    /// The client has sent its last request.
    Ended,
    /// The stream broke, or the server stops.
    Failed(SessionError<B>),
}

struct Session<E, R, B> {
    service: Arc<Service<E>>,
    caller: Caller,
    stop: Stop,
    requests: R,
    reading: Reading<B>,
    /// What is not yet answered, in the order of the requests, and how much that is together.
    pending: VecDeque<Pending>,
    pending_requests: usize,
    pending_bytes: usize,
    pending_held_bytes: usize,
    /// The answers to it, in the same order. Only those that were woken are polled, and all of them: an engine may do its
    /// work in these futures.
    answers: FuturesOrdered<Answers>,
    /// Answers that are to be taken before anything else is done.
    ready: vec::IntoIter<Answer>,
    ids: EventIds,
    deadline: Option<(Deadline, Pin<Box<Sleep>>)>,
    /// Among the sessions that may be open.
    _place: OwnedSemaphorePermit,
}

/// What happened first.
enum Event<B> {
    Answered(Vec<Answer>),
    Request(Option<AppendRequest>),
    Broken(B),
    Stopping,
    DeadlineExceeded(Deadline),
}

/// The answers to a stream of requests.
///
/// # Errors
/// When as many sessions are open as may be.
pub(super) fn session<E, R, B>(
    service: Arc<Service<E>>,
    caller: Caller,
    requests: R,
    deadline: Option<Deadline>,
) -> Result<impl Stream<Item = Result<Answer, SessionError<B>>> + Send, Fault>
where
    E: Engine,
    R: Stream<Item = Result<AppendRequest, B>> + Send + Unpin + 'static,
    B: Send + 'static,
{
    let place = Arc::clone(&service.sessions).try_acquire_owned().map_err(|_| too_many(service.limits.sessions_max))?;
    let session = Session {
        _place: place,
        stop: service.stop.clone(),
        service,
        caller,
        requests,
        reading: Reading::Open,
        pending: VecDeque::new(),
        pending_requests: 0,
        pending_bytes: 0,
        pending_held_bytes: 0,
        answers: FuturesOrdered::new(),
        ready: Vec::new().into_iter(),
        ids: EventIds::new(),
        deadline: deadline.map(|deadline| (deadline, Box::pin(deadline.passed()))),
    };
    // In a box, since it is moved for each answer.
    Ok(stream::unfold(Some(Box::new(session)), |session| async move {
        let mut session = session?;
        match session.next_answer().await {
            Ok(Some(answer)) => Some((Ok(answer), Some(session))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    }))
}

fn too_many(sessions_max: usize) -> Fault {
    let message = format!("{sessions_max} append sessions are open, the most there may be (limits.sessions_max)");
    Fault::new(Reason::Overloaded, message).with_retry_after(RETRY_AFTER)
}

impl<E, R, B> Session<E, R, B>
where
    E: Engine,
    R: Stream<Item = Result<AppendRequest, B>> + Unpin,
{
    /// The next answer in order; none once all requests are answered and no more come.
    async fn next_answer(&mut self) -> Result<Option<Answer>, SessionError<B>> {
        loop {
            if let Some(answer) = self.ready.next() {
                return Ok(Some(answer));
            }
            if self.pending.is_empty() {
                match std::mem::replace(&mut self.reading, Reading::Ended) {
                    Reading::Open => self.reading = Reading::Open,
                    Reading::Ended => return Ok(None),
                    Reading::Failed(error) => return Err(error),
                }
            }
            match self.next_event().await {
                Event::Answered(answers) => self.ready = answers.into_iter(),
                Event::Request(Some(request)) => self.begin(request).await,
                Event::Request(None) => self.reading = Reading::Ended,
                Event::Broken(error) => self.reading = Reading::Failed(SessionError::Broken(error)),
                Event::Stopping => self.reading = Reading::Failed(SessionError::Fault(faults::shutting_down())),
                Event::DeadlineExceeded(deadline) => return Err(SessionError::Fault(self.give_up(&deadline))),
            }
        }
    }

    /// Takes back the requests that have no place yet, and tells what is known of those that are not answered.
    fn give_up(&mut self, deadline: &Deadline) -> Fault {
        let unanswered = std::mem::take(&mut self.pending_requests);
        let (mut requests, mut unknown) = (0, 0);
        for pending in self.pending.drain(..) {
            requests += pending.requests;
            if pending.place.as_ref().is_some_and(CommitTurn::is_taken) {
                // A refused one among them has no place, and those behind it may have.
                unknown = requests;
            }
        }
        faults::session_deadline_exceeded(deadline, unanswered, unknown)
    }

    /// Whether a request more may be read. Events are bounded as the engine counts them too: what one session sends ahead
    /// would else be refused where the disk is slow, since the engine lets so much of a table wait for a short time only.
    fn has_room(&self) -> bool {
        let limits = &self.service.limits;
        matches!(self.reading, Reading::Open)
            && self.pending_requests < limits.session_requests_max
            && self.pending_bytes.max(self.pending_held_bytes) < limits.session_bytes_max
            && (self.pending_requests == 0 || !self.service.requests.is_full())
    }

    /// Waits for the first answer in order or, if there is room, for a request. Answers go first, so that what a client
    /// waits for is not held up by what it sends.
    async fn next_event(&mut self) -> Event<B> {
        let has_room = self.has_room();
        let Self { service, stop, requests, pending, pending_requests, answers, deadline, .. } = self;
        let (pending_bytes, pending_held_bytes) = (&mut self.pending_bytes, &mut self.pending_held_bytes);
        tokio::select! {
            biased;
            Some(first) = answers.next() => {
                let answered = pending.pop_front().expect("the first was answered");
                *pending_requests -= answered.requests;
                *pending_bytes -= answered.bytes;
                *pending_held_bytes -= answered.held_bytes;
                service.requests.give_back(answered.bytes);
                Event::Answered(first)
            }
            deadline = passed(deadline) => Event::DeadlineExceeded(deadline),
            () = stop.stopping(), if has_room => Event::Stopping,
            request = requests.next(), if has_room => match request.transpose() {
                Ok(request) => Event::Request(request),
                Err(error) => Event::Broken(error),
            },
        }
    }

    /// Takes a request, and those that came with it as far as there is room, and hands them to the engine. Waits for
    /// nothing.
    async fn begin(&mut self, first: AppendRequest) {
        let mut gathered = None;
        let mut next = Some(first);
        while let Some(request) = next {
            self.gather(request, &mut gathered).await;
            next = self.next_that_came().await;
        }
        self.hand_over(gathered).await;
    }

    /// A request that is here already, if there is room for it.
    async fn next_that_came(&mut self) -> Option<AppendRequest> {
        if !self.has_room() {
            return None;
        }
        // What the poll leaves behind is no loss if nothing is here: the stream is polled again before anything is waited
        // for.
        let arrived = poll_fn(|context| Poll::Ready(self.requests.poll_next_unpin(context))).await;
        match arrived {
            Poll::Pending => return None,
            Poll::Ready(Some(Ok(request))) => return Some(request),
            Poll::Ready(None) => self.reading = Reading::Ended,
            Poll::Ready(Some(Err(error))) => self.reading = Reading::Failed(SessionError::Broken(error)),
        }
        None
    }

    /// Adds a request to those that were gathered; if it cannot join them, hands them over first.
    async fn gather(&mut self, request: AppendRequest, gathered: &mut Option<Gathered>) {
        let bytes = request.bytes;
        self.pending_requests += 1;
        self.pending_bytes += bytes;
        self.service.requests.add(bytes);
        if gathered.as_ref().is_some_and(|gathered| !gathered.gathering.takes(&request.table, bytes)) {
            self.hand_over(gathered.take()).await;
        }
        for _ in 0..2 {
            let joined = match gathered {
                Some(joined) => joined,
                None => match self.service.table(&self.caller, Action::Append, &request.table) {
                    Ok(table) => gathered.insert(Gathered { gathering: Gathering::of(table), requests: 0, bytes: 0 }),
                    Err(fault) => return self.refuse(fault, bytes),
                },
            };
            let held_before = joined.gathering.held_bytes();
            match joined.gathering.add(&request, clock::now(), &mut self.ids) {
                Ok(()) => {
                    self.pending_held_bytes += joined.gathering.held_bytes() - held_before;
                    joined.requests += 1;
                    joined.bytes += bytes;
                    return;
                }
                Err(GoesAlone) => self.hand_over(gathered.take()).await,
            }
        }
        unreachable!("a request goes by itself once those before it are handed over");
    }

    /// Answers a request that has no table.
    fn refuse(&mut self, fault: Fault, bytes: usize) {
        self.pending.push_back(Pending { place: None, requests: 1, bytes, held_bytes: 0 });
        self.answers.push_back(Box::pin(ready(vec![Err(fault)])));
    }

    /// Hands what was gathered to the engine. Its append is polled once at once: that is when it asks for its place among
    /// the appends, so that a session's requests are committed in the order in which they were sent.
    async fn hand_over(&mut self, gathered: Option<Gathered>) {
        let Some(Gathered { gathering, requests, bytes }) = gathered else { return };
        let held_bytes = gathering.held_bytes();
        let (append, asked) = gathering.finish();
        let place = append.as_ref().map(|append| append.place.clone());
        debug_assert_eq!(held_bytes, append.as_ref().map_or(0, held_by));
        self.pending.push_back(Pending { place, requests, bytes, held_bytes });
        let service = Arc::clone(&self.service);
        let mut answers: Answers = Box::pin(async move {
            match append {
                Some(append) => asked.answers(&*service.engine, service.engine.append(append).await),
                None => asked.answers(&*service.engine, Ok(Appended { shards: Vec::new() })),
            }
        });
        let first = poll_fn(|context| Poll::Ready(answers.as_mut().poll(context))).await;
        self.answers.push_back(match first {
            Poll::Ready(answered) => Box::pin(ready(answered)),
            Poll::Pending => answers,
        });
    }
}

impl<E, R, B> Drop for Session<E, R, B> {
    fn drop(&mut self) {
        self.service.requests.give_back(self.pending_bytes);
    }
}

/// Waits until a deadline has passed; for ever without one. Cancel-safe.
async fn passed(deadline: &mut Option<(Deadline, Pin<Box<Sleep>>)>) -> Deadline {
    match deadline {
        Some((deadline, passed)) => {
            passed.await;
            *deadline
        }
        None => pending().await,
    }
}

/// What an engine counts for an append's events.
fn held_by(append: &Append) -> usize {
    append.shards.iter().map(|shard| shard.batch.memory_bytes()).sum()
}
