//! Many appends over one stream, pipelined: the next is sent before the last is answered.
//!
//! What waits for an answer is bounded in bytes: [`AppendSession::append`] waits while there is no room. Answers come in
//! the order of the requests, one for each. A refused request does not end the session; a connection that breaks does,
//! and every append that was not answered then ends in [`Error::OutcomeUnknown`]. A session is not taken up again by
//! itself: without a producer's stamp, sending again could store events twice.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use annals_wire::fault::from_rpc_status;
use annals_wire::opaque::AppendSessionRequest;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::v1::AppendSessionResponse;
use annals_wire::v1::append_session_response::Result as Answer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::transport::Channel;

use super::{Appended, request};
use crate::client::Client;
use crate::error::Error;
use annals_event::Event;

/// Bytes of requests that may wait for their answers, unless the caller says otherwise: enough to keep a connection
/// and a disk busy at once, little enough to lose sight of nothing.
const BYTES_IN_FLIGHT_DEFAULT: usize = 8 * 1024 * 1024;
/// What a request counts beside its events, so that small requests are bounded in number too.
const REQUEST_OVERHEAD_BYTES: usize = 1_024;
/// Requests between the session and the connection; the bytes in flight bound what they hold.
const REQUESTS_QUEUED_MAX: usize = 64;

/// A stream of appends to one or more tables. Begin with [`Client::append_session`].
#[derive(Debug)]
pub struct AppendSession {
    requests: mpsc::Sender<AppendSessionRequest>,
    waiting: Arc<Waiting>,
    room: Arc<Semaphore>,
    bytes_in_flight_max: usize,
    driver: JoinHandle<Result<(), Error>>,
}

/// The answer to one append of a session, to be awaited. Dropping it does not take the append back.
#[derive(Debug)]
pub struct PendingAppend {
    answer: oneshot::Receiver<Result<Appended, Error>>,
}

/// Appends that were sent and not yet answered, in order.
#[derive(Debug, Default)]
struct Waiting {
    state: Mutex<WaitingState>,
}

#[derive(Debug, Default)]
struct WaitingState {
    appends: VecDeque<WaitingAppend>,
    /// Why the session has ended; no append can begin then.
    ended: Option<Error>,
}

#[derive(Debug)]
struct WaitingAppend {
    answer: oneshot::Sender<Result<Appended, Error>>,
    /// Makes room for another append once this one is answered.
    _room: OwnedSemaphorePermit,
}

impl Client {
    /// Opens a session with the default bound of 8 MiB in flight.
    ///
    /// ```no_run
    /// # async fn example(client: annals_client::Client, batches: Vec<Vec<annals_client::Event>>)
    /// # -> Result<(), annals_client::Error> {
    /// let mut session = client.append_session();
    /// let mut pending = Vec::new();
    /// for events in batches {
    ///     pending.push(session.append("flights.events", events).await?);
    /// }
    /// session.finish().await?;
    /// for answer in pending {
    ///     println!("{} events are durable", answer.await?.event_count());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn append_session(&self) -> AppendSession {
        self.append_session_with(BYTES_IN_FLIGHT_DEFAULT)
    }

    /// Opens a session that lets so many bytes of requests wait for their answers; at least one request always may.
    pub fn append_session_with(&self, bytes_in_flight_max: usize) -> AppendSession {
        let bytes_in_flight_max = bytes_in_flight_max.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let (requests, outgoing) = mpsc::channel(REQUESTS_QUEUED_MAX);
        let waiting = Arc::new(Waiting::default());
        let room = Arc::new(Semaphore::new(bytes_in_flight_max));
        let driver = tokio::spawn(drive(self.events(), outgoing, Arc::clone(&waiting), Arc::clone(&room)));
        AppendSession { requests, waiting, room, bytes_in_flight_max, driver }
    }
}

impl AppendSession {
    /// Sends events to a table, once there is room for them; the answer is to be awaited apart.
    ///
    /// # Errors
    /// [`Error::Broken`] when the session has ended: these events were not sent.
    pub async fn append(
        &mut self,
        table: impl Into<String>,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<PendingAppend, Error> {
        let append = request(table.into(), events, None);
        let bytes = append.events.iter().map(bytes::Bytes::len).sum::<usize>() + REQUEST_OVERHEAD_BYTES;
        let permits = u32::try_from(bytes.min(self.bytes_in_flight_max)).expect("the bound was clamped to 32 bits");
        let room = Arc::clone(&self.room).acquire_many_owned(permits).await.map_err(|_| self.waiting.not_sent())?;
        let slot = self.requests.reserve().await.map_err(|_| self.waiting.not_sent())?;
        let (answer, pending) = oneshot::channel();
        self.waiting.push(WaitingAppend { answer, _room: room })?;
        slot.send(AppendSessionRequest { append: Some(append) });
        Ok(PendingAppend { answer: pending })
    }

    /// Sends no more, and waits until everything is answered.
    ///
    /// # Errors
    /// When the session broke. A refused append is no error here; its own answer tells.
    pub async fn finish(self) -> Result<(), Error> {
        drop(self.requests);
        self.driver.await.map_err(|error| Error::Broken(format!("the session's task ended: {error}")))?
    }
}

impl Future for PendingAppend {
    type Output = Result<Appended, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context));
        Poll::Ready(answer.unwrap_or_else(|_| Err(Error::OutcomeUnknown("the session was dropped".to_owned()))))
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, WaitingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, append: WaitingAppend) -> Result<(), Error> {
        let mut state = self.lock();
        if state.ended.is_some() {
            drop(state);
            return Err(self.not_sent());
        }
        state.appends.push_back(append);
        Ok(())
    }

    fn pop(&self) -> Option<WaitingAppend> {
        self.lock().appends.pop_front()
    }

    /// Lets no append begin any more; those that were not answered.
    fn end(&self, reason: Error) -> VecDeque<WaitingAppend> {
        let mut state = self.lock();
        state.ended = Some(reason);
        std::mem::take(&mut state.appends)
    }

    /// The error of an append that came after the end.
    fn not_sent(&self) -> Error {
        let reason = self.lock().ended.as_ref().map_or_else(|| "its task has stopped".to_owned(), Error::to_string);
        Error::Broken(format!("the session has ended, these events were not sent: {reason}"))
    }
}

/// Runs the call and hands each answer to the append that it belongs to. However it ends, no append is left waiting
/// and none can begin afterwards.
async fn drive(
    mut events: EventServiceClient<Channel>,
    outgoing: mpsc::Receiver<AppendSessionRequest>,
    waiting: Arc<Waiting>,
    room: Arc<Semaphore>,
) -> Result<(), Error> {
    let outcome = run_call(&mut events, outgoing, &waiting).await;
    let reason = match &outcome {
        Ok(()) => Error::Broken("the server ended it".to_owned()),
        Err(error) => error.clone(),
    };
    let unanswered = waiting.end(reason.clone());
    room.close();
    let all_answered = unanswered.is_empty();
    for append in unanswered {
        // A caller that dropped its pending append does not want to know.
        let _ = append.answer.send(Err(Error::OutcomeUnknown(reason.to_string())));
    }
    if all_answered { outcome } else { Err(reason) }
}

async fn run_call(
    events: &mut EventServiceClient<Channel>,
    outgoing: mpsc::Receiver<AppendSessionRequest>,
    waiting: &Waiting,
) -> Result<(), Error> {
    let broken = |status: Status| Error::of_status(&status);
    let mut answers = events.append_session(ReceiverStream::new(outgoing)).await.map_err(broken)?.into_inner();
    while let Some(answer) = answers.message().await.map_err(broken)? {
        let append = waiting.pop().ok_or_else(|| Error::Protocol("an answer without a request".to_owned()))?;
        // As above: nobody may be waiting any more.
        let _ = append.answer.send(answer_of(answer));
    }
    Ok(())
}

fn answer_of(response: AppendSessionResponse) -> Result<Appended, Error> {
    match response.result {
        Some(Answer::Appended(appended)) => Ok(Appended::of_response(appended)),
        Some(Answer::Error(refused)) => Err(Error::of_append_status(&from_rpc_status(&refused))),
        None => Err(Error::Protocol("an answer that neither accepts nor refuses".to_owned())),
    }
}
