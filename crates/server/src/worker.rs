//! A worker: one thread with a current-thread runtime, which serves the connections that it is dealt.
//!
//! Connections do not move between threads, so a call runs where its bytes arrive and nothing is stolen or woken
//! across cores.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::thread;

use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::connection::{self, Service};

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

/// A running worker.
#[derive(Debug)]
pub(crate) struct Worker {
    accepted: mpsc::Sender<Accepted>,
    ended: oneshot::Receiver<()>,
}

impl Worker {
    /// Starts a worker's thread.
    pub(crate) fn start(index: usize, service: Service) -> io::Result<Self> {
        let (sender, accepted) = mpsc::channel(WAITING_MAX);
        let (end, ended) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name(format!("annals-serve-{index}")).spawn(move || {
            runtime.block_on(work(accepted, service));
            // Tasks that did not end in time end with the runtime.
            drop(runtime);
            let _ = end.send(());
        })?;
        Ok(Self { accepted: sender, ended })
    }

    /// Hands a connection over; waits if the worker has many to take.
    pub(crate) async fn deal(&self, accepted: Accepted) {
        // A worker that is gone has panicked; its connections are closed and the others go on.
        if self.accepted.send(accepted).await.is_err() {
            tracing::error!("a connection was dropped because its thread has ended");
        }
    }

    /// Takes no more connections, and waits until those that are open have ended or ran out of time.
    pub(crate) async fn finish(self) {
        drop(self.accepted);
        // The sender is dropped without a word only by a panic, which the log has.
        let _ = self.ended.await;
    }
}

async fn work(mut accepted: mpsc::Receiver<Accepted>, service: Service) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            next = accepted.recv() => {
                let Some(Accepted { stream, peer, permit }) = next else { break };
                let service = service.clone();
                connections.spawn(async move {
                    match tokio::net::TcpStream::from_std(stream) {
                        Ok(stream) => connection::serve(stream, peer, service).await,
                        Err(error) => tracing::warn!(%peer, "the connection can't be served: {error}"),
                    }
                    drop(permit);
                });
            }
            Some(ended) = connections.join_next() => note(ended),
        }
    }
    let drained = timeout(service.limits.stop_time_max.get(), async {
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
