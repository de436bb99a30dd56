//! A server that answers by a script: each call takes the next answers and is noted.
//!
//! It lets a test break a call at an exact place, which no real server does on demand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use annals_client::{Client, Event};
use annals_wire::opaque::event_service_server::{EventService, EventServiceServer};
use annals_wire::opaque::{
    AppendRequest, AppendSessionRequest, RecordedEvent, ScanResponse, TailEvents, TailResponse, tail_response,
};
use annals_wire::v1::{
    AppendResponse, AppendSessionResponse, CountRequest, CountResponse, OpenProducerRequest, OpenProducerResponse,
    PlanScanRequest, PlanScanResponse, ScanRequest, TailRequest,
};
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

type Answers<T> = Vec<Result<T, Status>>;

/// What the server will answer, and what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) scans: Mutex<VecDeque<Answers<ScanResponse>>>,
    pub(crate) scanned: Mutex<Vec<ScanRequest>>,
    pub(crate) tails: Mutex<VecDeque<Answers<TailResponse>>>,
    pub(crate) tailed: Mutex<Vec<TailRequest>>,
    /// Where a session's requests go, and where its answers come from.
    pub(crate) session: Mutex<Option<Session>>,
}

/// Both ends of a session, in the hands of the test.
pub(crate) struct Session {
    pub(crate) requests: mpsc::Sender<AppendRequest>,
    pub(crate) answers: mpsc::Receiver<Result<AppendSessionResponse, Status>>,
}

/// Takes a lock; a test that panicked elsewhere has failed anyway.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a server with this script and connects to it.
pub(crate) async fn connected(script: &Arc<Script>) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let service = EventServiceServer::new(Scripted(Arc::clone(script)));
    let server = tonic::transport::Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    Client::connect(address).await.expect("a server")
}

/// A recorded event of shard 0 with this sequence.
pub(crate) fn recorded(sequence: u64) -> RecordedEvent {
    let event = Event::builder("key").build().expect("an event").into_bytes();
    RecordedEvent { event, sequence, ..RecordedEvent::default() }
}

/// A tail's message with events of these sequences; its token is the last of them as text.
pub(crate) fn tail_events(sequences: std::ops::RangeInclusive<u64>) -> TailResponse {
    let resume_token = sequences.end().to_string().into();
    let events = TailEvents { events: sequences.map(recorded).collect(), watermark: None };
    TailResponse { resume_token, body: Some(tail_response::Body::Events(events)) }
}

/// A tail's first message.
pub(crate) fn tail_started(token: &'static str) -> TailResponse {
    TailResponse { resume_token: token.into(), body: None }
}

struct Scripted(Arc<Script>);

fn next_answers<T: Send + 'static>(
    scripts: &Mutex<VecDeque<Answers<T>>>,
) -> Result<Response<BoxStream<'static, Result<T, Status>>>, Status> {
    let answers = lock(scripts).pop_front().ok_or_else(|| Status::failed_precondition("the script has ended"))?;
    Ok(Response::new(stream::iter(answers).boxed()))
}

#[tonic::async_trait]
impl EventService for Scripted {
    type AppendSessionStream = BoxStream<'static, Result<AppendSessionResponse, Status>>;
    type ScanStream = BoxStream<'static, Result<ScanResponse, Status>>;
    type TailStream = BoxStream<'static, Result<TailResponse, Status>>;

    async fn append(&self, _: Request<AppendRequest>) -> Result<Response<AppendResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn append_session(
        &self,
        request: Request<Streaming<AppendSessionRequest>>,
    ) -> Result<Response<Self::AppendSessionStream>, Status> {
        let session =
            lock(&self.0.session).take().ok_or_else(|| Status::failed_precondition("the script has ended"))?;
        let mut incoming = request.into_inner();
        tokio::spawn(async move {
            while let Ok(Some(message)) = incoming.message().await {
                let append = message.append.expect("a session's request holds an append");
                if session.requests.send(append).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(session.answers).boxed()))
    }

    async fn open_producer(&self, _: Request<OpenProducerRequest>) -> Result<Response<OpenProducerResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn scan(&self, request: Request<ScanRequest>) -> Result<Response<Self::ScanStream>, Status> {
        lock(&self.0.scanned).push(request.into_inner());
        next_answers(&self.0.scans)
    }

    async fn plan_scan(&self, _: Request<PlanScanRequest>) -> Result<Response<PlanScanResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn count(&self, _: Request<CountRequest>) -> Result<Response<CountResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn tail(&self, request: Request<TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        lock(&self.0.tailed).push(request.into_inner());
        next_answers(&self.0.tails)
    }
}
