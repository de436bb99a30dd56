//! What every request goes through before it comes to a service, and every response on its way back.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::net::TcpStream;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::server::TcpConnectInfo;

use super::activity::{Activity, Call};
use super::details::with_details;
use super::receiving::{ReceivedBody, Receiving};

/// Calls whose requests are streams: what came of one is not held until it ends. Each has bounds of its own.
const SESSIONS: [&str; 3] = [
    "/annals.v1.EventService/AppendSession",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The services as one connection sees them.
#[derive(Debug)]
pub(super) struct Front {
    routes: Routes,
    receiving: Arc<Receiving>,
    info: TcpConnectInfo,
    activity: Arc<Activity>,
}

impl Front {
    pub(super) fn new(service: &super::Service, stream: &TcpStream, peer: SocketAddr, activity: Arc<Activity>) -> Self {
        let info = TcpConnectInfo { local_addr: stream.local_addr().ok(), remote_addr: Some(peer) };
        Self { routes: service.routes.clone(), receiving: Arc::clone(&service.receiving), info, activity }
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response<CallBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.info.clone());
        let call = self.activity.begin();
        let mut routes = self.routes.clone();
        let answered = if SESSIONS.contains(&request.uri().path()) {
            tower::Service::call(&mut routes, request)
        } else {
            let receiving = Arc::clone(&self.receiving);
            tower::Service::call(&mut routes, request.map(|body| ReceivedBody::new(body, receiving)))
        };
        Box::pin(async move {
            let response = with_details(answered.await?);
            Ok(response.map(|body| CallBody { body, _call: call }))
        })
    }
}

/// A response's body, which is a call until it is dropped.
#[derive(Debug)]
pub(super) struct CallBody {
    body: Body,
    _call: Call,
}

impl http_body::Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
