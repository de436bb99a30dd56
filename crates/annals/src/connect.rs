//! The server that a command talks to, and the runtime that it waits on.

use std::future::Future;

use annals_client::Client;
use annals_model::DEFAULT_PORT;
use anyhow::Context;

/// Which server.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ServerArgs {
    /// The server, as host:port.
    #[arg(long, short = 's', env = "ANNALS_SERVER", value_name = "ADDR", default_value_t = format!("127.0.0.1:{DEFAULT_PORT}"))]
    pub(crate) server: String,
}

impl ServerArgs {
    /// Connects to it.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        Ok(Client::connect(&self.server).await?)
    }
}

/// Waits for `future` on a runtime of this thread's own: what a command that only asks needs.
pub(crate) fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")?.block_on(future)
}
