//! What every request goes through before it comes to a service, and every response on its way back.

use std::future::{Future, pending, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use annals_net::{Activity, Call};
use annals_service::faults::append_deadline_exceeded;
use annals_service::{AnswerBudget, AnswerPiece, Received, RequestBudget, Unsent};
use annals_wire::fault::to_status;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::server::TcpConnectInfo;

use super::details::with_details;
use super::fair_turns::{Turn, Turns};
use super::request_budget::ReceivedBody;
use super::request_intake::Incoming;
use crate::Door;
use crate::deadline::{CallDeadline, exceeded};

/// Calls whose requests are streams: what came of one is not held until it ends. They take room for it themselves.
const SESSIONS: [&str; 3] = [
    "/annals.v1.EventService/AppendSession",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The call whose message at its deadline says whether anything is stored.
const APPEND: &str = "/annals.v1.EventService/Append";

/// A response that is not there yet.
pub(super) type Responding = Pin<Box<dyn Future<Output = Response<CallBody>> + Send>>;

/// The services as one connection sees them.
#[derive(Debug)]
pub(super) struct CallGate {
    routes: Routes,
    requests: Arc<RequestBudget>,
    answers: Arc<AnswerBudget>,
    info: TcpConnectInfo,
    activity: Arc<Activity>,
    turns: Arc<Turns>,
}

impl CallGate {
    pub(super) fn new(
        door: &Door,
        stream: &TcpStream,
        peer: SocketAddr,
        activity: Arc<Activity>,
        turns: Arc<Turns>,
    ) -> Self {
        let info = TcpConnectInfo { local_addr: stream.local_addr().ok(), remote_addr: Some(peer) };
        let (requests, answers) = (Arc::clone(&door.requests), Arc::clone(&door.answers));
        Self { routes: door.routes.clone(), requests, answers, info, activity, turns }
    }

    /// A call under way.
    fn begin(&self) -> CallRoom {
        CallRoom {
            received: Received::new(Arc::clone(&self.requests)),
            unsent: Unsent::new(Arc::clone(&self.answers)),
            turn: Turn::new(Arc::clone(&self.turns)),
            _call: self.activity.begin(),
        }
    }

    /// The response to a request, whose body is a call until it is dropped.
    pub(super) fn call(&self, mut request: Request<Incoming>) -> Responding {
        request.extensions_mut().insert(self.info.clone());
        let call = self.begin();
        let deadline = match CallDeadline::of(request.headers()) {
            Ok(deadline) => deadline,
            Err(fault) => {
                let response = to_status(&fault).into_http::<Body>();
                return Box::pin(ready(response.map(|body| CallBody { body, deadline: None, call })));
            }
        };
        if let Some(deadline) = &deadline {
            request.extensions_mut().insert(deadline.clone());
        }
        // Its request has not come whole as long as it has not taken its deadline over.
        let is_append = request.uri().path() == APPEND;
        let mut routes = self.routes.clone();
        let answered = if SESSIONS.contains(&request.uri().path()) {
            tower::Service::call(&mut routes, request)
        } else {
            let received = Arc::clone(&call.received);
            tower::Service::call(&mut routes, request.map(|body| ReceivedBody::new(body, received)))
        };
        Box::pin(async move {
            let Some(deadline) = deadline else {
                let Ok(answered) = answered.await;
                return with_details(answered).map(|body| CallBody { body, deadline: None, call });
            };
            let unbegun = if is_append { append_deadline_exceeded(&deadline.deadline, false) } else { exceeded() };
            let mut passed = Box::pin(deadline.passed());
            let answered = tokio::select! {
                biased;
                Ok(answered) = answered => answered,
                () = passed_for(&deadline, &mut passed) => to_status(&unbegun).into_http(),
            };
            let deadline = (!deadline.is_taken_over()).then_some(passed);
            with_details(answered).map(|body| CallBody { body, deadline, call })
        })
    }
}

/// Waits until the deadline has passed; for ever if the call has taken it over by then.
async fn passed_for(deadline: &CallDeadline, passed: &mut Pin<Box<Sleep>>) {
    passed.await;
    if deadline.is_taken_over() {
        pending::<()>().await;
    }
}

/// What a call takes of what all share, until this is dropped.
#[derive(Debug)]
struct CallRoom {
    received: Arc<Received>,
    unsent: Arc<Unsent>,
    turn: Turn,
    _call: Call,
}

/// A response's body, which is a call until it is dropped. It makes no more than the client takes.
#[derive(Debug)]
pub(super) struct CallBody {
    body: Body,
    /// Ends the call, if that does not do it itself.
    deadline: Option<Pin<Box<Sleep>>>,
    call: CallRoom,
}

impl http_body::Body for CallBody {
    type Data = AnswerPiece;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<AnswerPiece>, Status>>> {
        let this = self.get_mut();
        if let Some(deadline) = &mut this.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            (this.deadline, this.body) = (None, Body::empty());
            let mut trailers = HeaderMap::new();
            to_status(&exceeded()).add_header(&mut trailers)?;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        if !this.call.unsent.has_room(context) || !this.call.turn.has_come(context) {
            return Poll::Pending;
        }
        let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(context));
        let answer = |bytes: Bytes| {
            this.call.turn.made(bytes.len());
            AnswerPiece::new(bytes, &this.call.unsent)
        };
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(answer))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
