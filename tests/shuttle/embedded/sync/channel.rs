//! Channels, as crossbeam's: with room for so many, or for any number, for any number of senders and receivers.
//!
//! What a channel holds is behind a lock of the standard library's, which nobody waits for: a model's threads go on only
//! where shuttle's primitives or `step` let another one, and none of these is within.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use crossbeam::channel::{RecvError, SendError, TryRecvError, TrySendError};
use shuttle::future::block_on;

use super::step;
use super::time::{self, Alarm, Instant};

struct Channel<T> {
    room: usize,
    state: Mutex<State<T>>,
}

struct State<T> {
    queue: VecDeque<T>,
    senders: usize,
    receivers: usize,
    /// Who is to look again when any of it changes.
    waiting: Vec<Waker>,
}

pub struct Sender<T>(Arc<Channel<T>>);

pub struct Receiver<T> {
    channel: Arc<Channel<T>>,
    /// Sends what it waits for when it is time.
    alarm: Option<Alarm>,
}

pub fn bounded<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    let channel = Channel::new(room);
    (Sender(Arc::clone(&channel)), Receiver { channel, alarm: None })
}

pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    bounded(usize::MAX)
}

/// Nothing ever comes, not even the end.
pub fn never<T>() -> Receiver<T> {
    Receiver { channel: Channel::new(0), alarm: None }
}

/// The time comes, once so much of it has passed.
pub fn after(wait: Duration) -> Receiver<Instant> {
    let (channel, at) = (Channel::new(1), Instant::now() + wait);
    let sender = Sender(Arc::clone(&channel));
    let alarm = time::alarm(at, move || {
        // There is room for the one time that it comes.
        let _ = sender.try_send(at);
    });
    Receiver { channel, alarm: Some(alarm) }
}

impl<T> Channel<T> {
    /// A channel that one sender and one receiver will use.
    fn new(room: usize) -> Arc<Self> {
        let state = State { queue: VecDeque::new(), senders: 1, receivers: 1, waiting: Vec::new() };
        Arc::new(Self { room, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("no thread panics while it holds this")
    }

    /// Changes the state, and has all look again who wait.
    fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.state();
        let result = change(&mut state);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        if !std::thread::panicking() {
            waiting.into_iter().for_each(Waker::wake);
        }
        result
    }

    /// Has somebody woken at the next change.
    fn register(&self, waker: &Waker) {
        let mut state = self.state();
        if !state.waiting.iter().any(|other| other.will_wake(waker)) {
            state.waiting.push(waker.clone());
        }
    }

    /// Sends if that is possible without waiting.
    fn offer(&self, value: T) -> Result<(), TrySendError<T>> {
        step();
        let state = self.state();
        if state.receivers == 0 {
            return Err(TrySendError::Disconnected(value));
        }
        if state.queue.len() >= self.room {
            return Err(TrySendError::Full(value));
        }
        drop(state);
        self.change(|state| state.queue.push_back(value));
        Ok(())
    }
}

impl<T> Sender<T> {
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        // A task that sends into room waits for nothing, and so takes no wake that is for its future.
        let mut value = match self.0.offer(value) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(unsent)) => return Err(SendError(unsent)),
            Err(TrySendError::Full(unsent)) => Some(unsent),
        };
        block_on(poll_fn(|context| {
            self.0.register(context.waker());
            match self.0.offer(value.take().expect("it is kept as long as it is not sent")) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(TrySendError::Disconnected(unsent)) => Poll::Ready(Err(SendError(unsent))),
                Err(TrySendError::Full(unsent)) => {
                    value = Some(unsent);
                    Poll::Pending
                }
            }
        }))
    }

    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.0.offer(value)
    }
}

impl<T> Receiver<T> {
    /// What is there now, be it the end; none as long as it is worth waiting.
    pub fn poll(&self) -> Option<Result<T, RecvError>> {
        step();
        let state = self.channel.state();
        if state.queue.is_empty() {
            return (state.senders == 0).then_some(Err(RecvError));
        }
        drop(state);
        self.channel.change(|state| state.queue.pop_front()).map(Ok)
    }

    /// Has somebody woken at the next change.
    pub fn register(&self, waker: &Waker) {
        self.channel.register(waker);
    }

    pub fn recv(&self) -> Result<T, RecvError> {
        block_on(poll_fn(|context| {
            self.register(context.waker());
            self.poll().map_or(Poll::Pending, Poll::Ready)
        }))
    }

    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.poll() {
            Some(Ok(value)) => Ok(value),
            Some(Err(RecvError)) => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.recv().ok())
    }

    pub fn try_iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.try_recv().ok())
    }
}

impl<T> Iterator for Receiver<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.recv().ok()
    }
}

impl<'channel, T> IntoIterator for &'channel Receiver<T> {
    type Item = T;
    type IntoIter = Box<dyn Iterator<Item = T> + 'channel>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sender")
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Receiver")
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.state().senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        assert!(self.alarm.is_none(), "only one waits for a time");
        self.channel.state().receivers += 1;
        Self { channel: Arc::clone(&self.channel), alarm: None }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        step();
        self.0.change(|state| state.senders -= 1);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        step();
        // What nobody will take is dropped with the last receiver, and tells so whoever waits for an answer.
        let untaken = self.channel.change(|state| {
            state.receivers -= 1;
            if state.receivers == 0 { std::mem::take(&mut state.queue) } else { VecDeque::new() }
        });
        drop(untaken);
    }
}
