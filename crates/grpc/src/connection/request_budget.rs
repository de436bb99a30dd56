//! A request's body that takes room among all that the server holds of requests.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use annals_service::Received;
use annals_wire::fault::to_status;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A request's body that takes room for what came of it.
#[derive(Debug)]
pub(super) struct ReceivedBody<B> {
    body: B,
    received: Arc<Received>,
}

impl<B> ReceivedBody<B> {
    pub(super) fn new(body: B, received: Arc<Received>) -> Self {
        Self { body, received }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for ReceivedBody<B>
where
    B::Error: Into<tonic::codegen::StdError>,
{
    type Data = Bytes;
    type Error = tonic::codegen::StdError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(context)) else { return Poll::Ready(None) };
        let frame = frame.map_err(Into::into)?;
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        Poll::Ready(Some(this.received.take(bytes).map(|()| frame).map_err(|fault| to_status(&fault).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
