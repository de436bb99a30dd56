//! The engine's primitives over loom: what `crates/engine/src/sync.rs` gives, for threads of a model.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

use loom::future::AtomicWaker;
use loom::sync::{Arc, Condvar};

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
pub(crate) use loom::sync::{Mutex, MutexGuard};
pub(crate) use loom::thread::{Builder, JoinHandle};
pub(crate) use std::collections::HashMap;

/// As tokio's: a permit that is kept until somebody waits. One waiter at a time, which is what a watch has.
#[derive(Debug)]
pub(crate) struct Notify {
    permit: AtomicBool,
    waiter: AtomicWaker,
}

impl Notify {
    pub(crate) fn new() -> Self {
        Self { permit: AtomicBool::new(false), waiter: AtomicWaker::new() }
    }

    pub(crate) fn notify_one(&self) {
        // A plain store may come before a waiter's swap that found nothing, in the order of this one place.
        self.permit.swap(true, Ordering::AcqRel);
        self.waiter.wake();
    }

    pub(crate) async fn notified(&self) {
        poll_fn(|context| {
            self.waiter.register_by_ref(context.waker());
            if self.permit.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// As crossbeam's: a queue with room for `room`.
pub(crate) fn bounded<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    let state = State { queue: VecDeque::new(), has_sender: true, has_receiver: true };
    let channel = Arc::new(Channel { room, state: Mutex::new(state), changed: Condvar::new() });
    (Sender(Arc::clone(&channel)), Receiver(channel))
}

#[derive(Debug)]
struct Channel<T> {
    room: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<T>,
    has_sender: bool,
    has_receiver: bool,
}

#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Channel<T>>);

#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Channel<T>>);

impl<T> Channel<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("no thread of a model panics while it holds this")
    }
}

impl<T> Sender<T> {
    /// Waits for room; gives the value back once nobody will take it.
    pub(crate) fn send(&self, value: T) -> Result<(), T> {
        let mut state = self.0.lock();
        while state.has_receiver && state.queue.len() == self.0.room {
            state = self.0.changed.wait(state).expect("as above");
        }
        if !state.has_receiver {
            return Err(value);
        }
        state.queue.push_back(value);
        self.0.changed.notify_all();
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// Waits for a value; none once none will come.
    pub(crate) fn recv(&self) -> Option<T> {
        let mut state = self.0.lock();
        loop {
            if let Some(value) = state.queue.pop_front() {
                self.0.changed.notify_all();
                return Some(value);
            }
            if !state.has_sender {
                return None;
            }
            state = self.0.changed.wait(state).expect("as above");
        }
    }
}

impl<T> Iterator for Receiver<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.recv()
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.lock().has_sender = false;
        self.0.changed.notify_all();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.lock().has_receiver = false;
        self.0.changed.notify_all();
    }
}
