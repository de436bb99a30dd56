//! A worker: one thread with a current-thread runtime, which serves the connections that it is dealt.
//!
//! Connections do not move between threads, so a call runs where its bytes arrive and nothing is stolen or woken
//! across cores.

use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::serve::Serve;

/// Connections that wait for a worker to take them; more wait in the acceptor.
const WAITING_MAX: usize = 256;

/// A connection that was accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    /// Its place among the connections that may be open.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// A running worker of one door.
#[derive(Debug)]
pub struct Worker<S> {
    accepted: mpsc::Sender<Accepted>,
    ended: oneshot::Receiver<()>,
    door: PhantomData<fn() -> S>,
}

impl<S: Serve> Worker<S> {
    /// Starts the thread of the worker of this number. After [`finish`](Self::finish) its connections have `stop_time_max`
    /// to end.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn start(index: usize, door: S, stop_time_max: Duration) -> io::Result<Self> {
        let (sender, accepted) = mpsc::channel(WAITING_MAX);
        let (end, ended) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name(format!("annals-serve-{index}")).spawn(move || {
            runtime.block_on(work(accepted, door, stop_time_max));
            // Tasks that did not end in time end with the runtime.
            drop(runtime);
            let _ = end.send(());
        })?;
        Ok(Self { accepted: sender, ended, door: PhantomData })
    }

    /// Hands a connection over; waits if the worker has many to take.
    pub(crate) async fn deal(&self, accepted: Accepted) {
        // A worker that is gone has panicked; its connections are closed and the others go on.
        if self.accepted.send(accepted).await.is_err() {
            tracing::error!("a connection was dropped because its thread has ended");
        }
    }

    /// Takes no more connections, and waits until those that are open have ended or ran out of time.
    pub async fn finish(self) {
        drop(self.accepted);
        // The sender is dropped without a word only by a panic, which the log has.
        let _ = self.ended.await;
    }
}

async fn work<S: Serve>(mut accepted: mpsc::Receiver<Accepted>, door: S, stop_time_max: Duration) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            next = accepted.recv() => {
                let Some(Accepted { stream, peer, permit }) = next else { break };
                let door = door.clone();
                connections.spawn(async move {
                    match tokio::net::TcpStream::from_std(stream) {
                        Ok(stream) => door.serve(stream, peer).await,
                        Err(error) => tracing::warn!(%peer, "the connection can't be served: {error}"),
                    }
                    drop(permit);
                });
            }
            Some(ended) = connections.join_next() => note(ended),
        }
    }
    let drained = timeout(stop_time_max, async {
        while let Some(ended) = connections.join_next().await {
            note(ended);
        }
    });
    if drained.await.is_err() {
        tracing::warn!("{} connections did not end in time and are cut", connections.len());
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!("a connection's task failed: {error}");
    }
}
