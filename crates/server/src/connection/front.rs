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

/// The services as one connection sees them.
#[derive(Debug)]
pub(super) struct Front {
    routes: Routes,
    info: TcpConnectInfo,
    activity: Arc<Activity>,
}

impl Front {
    pub(super) fn new(routes: Routes, stream: &TcpStream, peer: SocketAddr, activity: Arc<Activity>) -> Self {
        let info = TcpConnectInfo { local_addr: stream.local_addr().ok(), remote_addr: Some(peer) };
        Self { routes, info, activity }
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response<CallBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.info.clone());
        let call = self.activity.begin();
        let answered = tower::Service::call(&mut self.routes.clone(), request);
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
