//! How much the server holds of requests, over all connections: from when their bytes come until their calls end.
//!
//! A message is gathered before it is decoded, waits to be admitted to the store, and is kept by whoever follows or scans
//! what it names; without a bound here, calls that send slowly and calls that wait would each hold up to a request's
//! size.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use annals_model::{Fault, Reason};

/// The requests that take the room are received, or given up, in about this time.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The room for requests.
#[derive(Debug)]
pub struct RequestBudget {
    bytes: AtomicUsize,
    bytes_max: usize,
}

impl RequestBudget {
    /// Room for so many bytes.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicUsize::new(0), bytes_max })
    }

    /// Takes room for `more` bytes, if there is some.
    fn take(&self, more: usize) -> bool {
        let taken = |bytes: usize| bytes.checked_add(more).filter(|bytes| *bytes <= self.bytes_max);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Takes room for a session's request, which was read already, whether there is some or not.
    pub fn add(&self, more: usize) {
        self.bytes.fetch_add(more, Ordering::Relaxed);
    }

    /// Gives room back that was taken.
    pub fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether all room is taken.
    pub fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= self.bytes_max
    }
}

/// What one call has taken of the room, until all that share this are gone: its body and its answer.
#[derive(Debug)]
pub struct Received {
    room: Arc<RequestBudget>,
    bytes: AtomicUsize,
}

impl Received {
    /// A call of which nothing came.
    pub fn new(room: Arc<RequestBudget>) -> Arc<Self> {
        Arc::new(Self { room, bytes: AtomicUsize::new(0) })
    }

    /// Takes room for what came of a request.
    ///
    /// # Errors
    /// When there is none: an overload.
    pub fn take(&self, more: usize) -> Result<(), Fault> {
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

fn overloaded(bytes_max: usize) -> Fault {
    let message = format!(
        "the server holds {bytes_max} bytes of requests already, the most it may (limits.receiving_bytes_max); try again"
    );
    Fault::new(Reason::Overloaded, message).with_retry_after(RETRY_AFTER)
}
