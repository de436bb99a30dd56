//! The thread that turns away who has waited for admission long enough. It sleeps while nobody waits.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Admission, Ticket};
use crate::sync::{Builder, Condvar, Instant, JoinHandle, Mutex};

/// Knows who waits, in the order in which they give up: all wait equally long.
#[derive(Debug)]
pub(crate) struct ExpiryThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    is_closed: bool,
    waiting: VecDeque<(Instant, Ticket)>,
}

impl ExpiryThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the operating system has no thread to give.
    pub(crate) fn start(admission: Arc<Admission>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = Builder::new().name("annals-admission".into()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                while let Some(ticket) = shared.next_expired() {
                    admission.expire(ticket);
                }
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Has the ticket turned away once `wait` is over, unless it was let in by then.
    pub(super) fn watch(&self, wait: Duration, ticket: Ticket) {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.push_back((Instant::now() + wait, ticket));
        if queue.waiting.len() == 1 {
            self.shared.changed.notify_one();
        }
    }
}

impl Drop for ExpiryThread {
    fn drop(&mut self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the admission thread panicked");
        }
    }
}

impl Shared {
    /// Waits for the next ticket to run out; none once the thread is to end.
    fn next_expired(&self) -> Option<Ticket> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while !queue.is_closed {
            let now = Instant::now();
            queue = match queue.waiting.front() {
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(&(deadline, ticket)) if deadline <= now => {
                    queue.waiting.pop_front();
                    return Some(ticket);
                }
                Some(&(deadline, _)) => {
                    self.changed.wait_timeout(queue, deadline - now).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        None
    }
}
