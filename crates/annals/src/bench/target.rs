//! The server that is measured.

use annals_client::Client;
use anyhow::Context;

use super::args::Common;
use crate::in_process::InProcessServer;

/// Connections to the server, among which callers are dealt out.
#[derive(Clone, Debug)]
pub(super) struct Clients(Vec<Client>);

/// A server, and connections to it.
pub(super) struct Target {
    clients: Clients,
    own: Option<Own>,
}

/// The server that was started for the bench, and its folder if that goes with it.
struct Own {
    server: InProcessServer,
    scratch: Option<tempfile::TempDir>,
}

impl Clients {
    async fn connect(address: &str, connections: u16) -> anyhow::Result<Self> {
        let mut clients = Vec::new();
        for _ in 0..connections.max(1) {
            clients.push(Client::connect(address).await?);
        }
        Ok(Self(clients))
    }

    /// The connection of one of many callers.
    pub(super) fn of(&self, caller: usize) -> &Client {
        &self.0[caller % self.0.len()]
    }
}

impl Target {
    /// Connects to the server that was named, or starts one.
    ///
    /// # Errors
    /// When it can't be reached or started.
    pub(super) async fn start(common: &Common) -> anyhow::Result<Self> {
        if let Some(address) = &common.server {
            return Ok(Self { clients: Clients::connect(address, common.connections).await?, own: None });
        }
        let own = Own::start(common)?;
        let address = own.server.address().to_string();
        Ok(Self { clients: Clients::connect(&address, common.connections).await?, own: Some(own) })
    }

    pub(super) fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Stops the server that was started, and removes its folder unless it was named.
    ///
    /// # Errors
    /// When the server did not end well.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        let Self { clients, own } = self;
        drop(clients);
        let Some(Own { server, scratch }) = own else { return Ok(()) };
        // Connections end by what this runtime does for them. If this thread waited for the server, the server would wait
        // for them until it cuts them off.
        tokio::task::spawn_blocking(|| server.stop()).await??;
        scratch.map_or(Ok(()), |folder| folder.close().context("removing the bench's folder"))
    }
}

impl Own {
    fn start(common: &Common) -> anyhow::Result<Self> {
        let Some(data) = &common.data else {
            // Not the system's folder for temporary files: that may lie in memory, where a sync costs nothing.
            let scratch = tempfile::Builder::new()
                .prefix("annals-bench-")
                .tempdir_in(".")
                .context("making a folder for the bench's store here; name one with --data")?;
            return Ok(Self { server: InProcessServer::start(scratch.path())?, scratch: Some(scratch) });
        };
        Ok(Self { server: InProcessServer::start(data)?, scratch: None })
    }
}
