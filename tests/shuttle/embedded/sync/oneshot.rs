//! One answer to one question, as tokio's; only that a thread of a model waits for it as a model's threads do.

use std::pin::Pin;
use std::task::{Context, Poll};

use shuttle::future::block_on;
use tokio::sync::oneshot;

use super::step;

#[derive(Debug)]
pub struct Sender<T>(oneshot::Sender<T>);

#[derive(Debug)]
pub struct Receiver<T>(oneshot::Receiver<T>);

pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = oneshot::channel();
    (Sender(sender), Receiver(receiver))
}

impl<T> Sender<T> {
    pub fn send(self, value: T) -> Result<(), T> {
        step();
        self.0.send(value)
    }

    pub fn is_closed(&self) -> bool {
        step();
        self.0.is_closed()
    }
}

impl<T> Receiver<T> {
    pub fn blocking_recv(self) -> Result<T, oneshot::error::RecvError> {
        block_on(self.0)
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, oneshot::error::RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}
