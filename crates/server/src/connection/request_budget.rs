//! How much the server holds of requests, over all connections: from when their bytes come until their calls end.
//!
//! A message is gathered before it is decoded, waits to be admitted to the store, and is kept by whoever follows or scans
//! what it names; without a bound here, calls that send slowly and calls that wait would each hold up to a request's
//! size.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use annals_model::{Fault, Reason};
use annals_wire::fault::to_status;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

/// The requests that take the room are received, or given up, in about this time.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The room for requests.
#[derive(Debug)]
pub(crate) struct RequestBudget {
    bytes: AtomicUsize,
    bytes_max: usize,
}

impl RequestBudget {
    pub(crate) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicUsize::new(0), bytes_max })
    }

    /// Takes room for `more` bytes, if there is some.
    fn take(&self, more: usize) -> bool {
        let taken = |bytes: usize| bytes.checked_add(more).filter(|bytes| *bytes <= self.bytes_max);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Takes room for a session's request, which was read already, whether there is some or not.
    pub(crate) fn add(&self, more: usize) {
        self.bytes.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether all room is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= self.bytes_max
    }
}

/// What one call has taken of the room, until all that share this are gone: its body and its answer.
#[derive(Debug)]
pub(super) struct Received {
    room: Arc<RequestBudget>,
    bytes: AtomicUsize,
}

impl Received {
    pub(super) fn new(room: Arc<RequestBudget>) -> Arc<Self> {
        Arc::new(Self { room, bytes: AtomicUsize::new(0) })
    }

    fn take(&self, more: usize) -> Result<(), Status> {
        if !self.room.take(more) {
            return Err(overloaded(self.room.bytes_max));
        }
        self.bytes.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.room.give_back(*self.bytes.get_mut());
    }
}

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
        Poll::Ready(Some(this.received.take(bytes).map(|()| frame).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn overloaded(bytes_max: usize) -> Status {
    let message = format!(
        "the server holds {bytes_max} bytes of requests already, the most it may (limits.receiving_bytes_max); try again"
    );
    to_status(&Fault::new(Reason::Overloaded, message).with_retry_after(RETRY_AFTER))
}
