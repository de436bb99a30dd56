//! A server in this process, on a port of its own, over a folder: what `demo` and `bench` show and measure is reached
//! through gRPC as from anywhere else.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use annals_embedded::{EmbeddedEngine, Options};
use annals_server::{Config, ServeError, Server};
use anyhow::Context;
use tokio::sync::oneshot;

/// A running server. Stop it: dropped, it goes with the process and its store closes as after a crash.
pub(crate) struct InProcessServer {
    address: SocketAddr,
    engine: Arc<EmbeddedEngine>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), ServeError>>,
}

impl InProcessServer {
    /// Opens the store in `data`, which is made if need be, and serves it on a free port of this machine.
    ///
    /// # Errors
    /// When the store can't be opened or the server does not start.
    pub(crate) fn start(data: &Path) -> anyhow::Result<Self> {
        let opened = EmbeddedEngine::open(Options::in_directory(data));
        let engine = Arc::new(opened.with_context(|| format!("cannot open a store in {}", data.display()))?);
        let mut config = Config::default();
        data.clone_into(&mut config.server.data);
        config.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(config, Arc::clone(&engine))?;
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || {
                runtime.block_on(server.run(async {
                    // A sender that is gone says the same as one that sends.
                    let _ = stopped.await;
                }))
            })
            .context("starting the server's thread")?;
        Ok(Self { address, engine, stop, thread })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops serving and closes the store.
    ///
    /// # Errors
    /// When the server failed or the store did not close well.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        // A server that has ended already needs no telling.
        let _ = self.stop.send(());
        self.thread.join().map_err(|_| anyhow::anyhow!("the server's thread panicked; please report it"))??;
        self.engine.close().context("closing the store")
    }
}
