//! How much the server holds of requests that are not whole yet, over all connections.
//!
//! A message is gathered before it is decoded, and admission to the store comes after that; without a bound here, calls
//! that send slowly would each hold up to a request's size.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use annals_wire::fault::to_status;
use annals_wire::{Fault, Reason};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

/// The requests that take the room are received, or given up, in about this time.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The room for requests that are not whole yet.
#[derive(Debug)]
pub(crate) struct Receiving {
    bytes: AtomicUsize,
    bytes_max: usize,
}

impl Receiving {
    pub(crate) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicUsize::new(0), bytes_max })
    }

    /// Takes room for `more` bytes, if there is some.
    fn take(&self, more: usize) -> bool {
        let taken = |bytes: usize| bytes.checked_add(more).filter(|bytes| *bytes <= self.bytes_max);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A request's body that takes room for what came of it, until it is dropped: that is when the request is decoded.
#[derive(Debug)]
pub(super) struct ReceivedBody<B> {
    body: B,
    room: Arc<Receiving>,
    taken: usize,
}

impl<B> ReceivedBody<B> {
    pub(super) fn new(body: B, room: Arc<Receiving>) -> Self {
        Self { body, room, taken: 0 }
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
        if !this.room.take(bytes) {
            return Poll::Ready(Some(Err(overloaded(this.room.bytes_max).into())));
        }
        this.taken += bytes;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for ReceivedBody<B> {
    fn drop(&mut self) {
        self.room.give_back(self.taken);
    }
}

fn overloaded(bytes_max: usize) -> Status {
    let message = format!(
        "the server is receiving {bytes_max} bytes of requests already, the most it may (limits.receiving_bytes_max); \
         try again"
    );
    to_status(&Fault::new(Reason::Overloaded, message).with_retry_after(RETRY_AFTER))
}
