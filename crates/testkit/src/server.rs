//! A server in this process, on a free port, over any engine.

use std::net::SocketAddr;
use std::sync::Arc;

use annals_server::{Config, Server};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::subject::Subject;

/// A server over an engine on a store of its own.
#[derive(Debug)]
pub struct TestServer<S: Subject> {
    subject: S,
    config: Config,
    running: Option<Running<S::Engine>>,
}

#[derive(Debug)]
struct Running<E> {
    engine: Arc<E>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl<S: Subject> TestServer<S> {
    /// Opens an engine and serves it on a free port of this machine.
    ///
    /// # Panics
    /// When it can't.
    pub async fn start(subject: S) -> Self {
        Self::with_config(subject, Config::default()).await
    }

    /// As `start`, with a configuration; its address is replaced by a free one.
    ///
    /// # Panics
    /// When it can't.
    pub async fn with_config(subject: S, mut config: Config) -> Self {
        config.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let running = Some(run(&subject, &config).await);
        Self { subject, config, running }
    }

    fn running(&self) -> &Running<S::Engine> {
        self.running.as_ref().expect("the server runs but for the inside of restart")
    }

    /// The URI of its gRPC services.
    pub fn uri(&self) -> String {
        format!("http://{}", self.running().address)
    }

    /// The engine behind it.
    pub fn engine(&self) -> &Arc<S::Engine> {
        &self.running().engine
    }

    /// Has the engine move what it took in to where it keeps it.
    pub async fn settle(&self) {
        self.subject.settle(self.engine()).await;
    }

    /// Stops in order, closes the engine, opens it again and serves it on another port.
    ///
    /// # Panics
    /// When it can't.
    pub async fn restart(&mut self) {
        self.halt().await;
        self.running = Some(run(&self.subject, &self.config).await);
    }

    /// Stops in order and closes the engine.
    ///
    /// # Panics
    /// When the server ended with an error.
    pub async fn stop(mut self) {
        self.halt().await;
    }

    async fn halt(&mut self) {
        if let Some(Running { engine, stop, served, .. }) = self.running.take() {
            // A server that has ended by itself is found out by the next line.
            let _ = stop.send(());
            served.await.expect("the server ends in order");
            self.subject.close(engine).await;
        }
    }
}

async fn run<S: Subject>(subject: &S, config: &Config) -> Running<S::Engine> {
    let engine = subject.open().await;
    let bound = Server::bind(config.clone(), Arc::clone(&engine)).expect("a free port of this machine");
    let address = bound.local_addr();
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(async move {
        let shutdown = async {
            // Dropped without a word: the test is over.
            let _ = stopped.await;
        };
        bound.run(shutdown).await.expect("the server serves");
    });
    Running { engine, address, stop, served }
}
