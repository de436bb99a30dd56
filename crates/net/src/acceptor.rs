//! Accepts connections and deals them out to the workers in turns.
//!
//! What one connection does wrong, or too many of them, does not end it and is not logged again and again.

use std::io;
use std::iter::Cycle;
use std::slice::Iter;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::serve::Serve;
use crate::worker::{Accepted, Worker};

/// How long to wait after an accept that failed for want of descriptors or memory: others must end first.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections, as many as may be open at once.
#[derive(Debug)]
pub struct Acceptor<'a, S> {
    listener: &'a TcpListener,
    turns: Cycle<Iter<'a, Worker<S>>>,
    connections_max: usize,
    places: Arc<Semaphore>,
    /// Whether the last attempt failed; that was logged then.
    is_failing: bool,
    /// Connections that were closed as they came since there was a place; the first was logged.
    turned_away: u64,
}

impl<'a, S: Serve> Acceptor<'a, S> {
    /// Accepts at `listener` for these workers, at least one, in turns. At most `connections_max` connections are open at
    /// once; one more is closed as it comes.
    pub fn new(listener: &'a TcpListener, workers: &'a [Worker<S>], connections_max: usize) -> Self {
        let places = Arc::new(Semaphore::new(connections_max));
        let turns = workers.iter().cycle();
        Self { listener, turns, connections_max, places, is_failing: false, turned_away: 0 }
    }

    /// Accepts for ever; dropping the future ends it, and what was accepted is served on.
    pub async fn accept(mut self) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    self.note_success();
                    self.deal(stream, peer).await;
                }
                // The client has taken its connection back; the next one is another's.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {}
                Err(error) => {
                    self.note_failure(&error);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn deal(&mut self, stream: tokio::net::TcpStream, peer: std::net::SocketAddr) {
        let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else {
            if self.turned_away == 0 {
                let connections_max = self.connections_max;
                tracing::warn!(%peer, "closed at once, as further ones are: {connections_max} connections are open");
            }
            self.turned_away += 1;
            return;
        };
        if self.turned_away > 0 {
            tracing::info!("there is a place again; {} connections were closed at once", self.turned_away);
            self.turned_away = 0;
        }
        match stream.into_std() {
            Ok(stream) => {
                let worker = self.turns.next().expect("there is at least one worker");
                worker.deal(Accepted { stream, peer, permit }).await;
            }
            Err(error) => tracing::warn!(%peer, "the connection can't be handed on: {error}"),
        }
    }

    fn note_failure(&mut self, error: &io::Error) {
        if !self.is_failing {
            tracing::warn!("no connection can be accepted, which is tried again every {PAUSE:?}: {error}");
        }
        self.is_failing = true;
    }

    fn note_success(&mut self) {
        if self.is_failing {
            tracing::info!("connections are accepted again");
        }
        self.is_failing = false;
    }
}
