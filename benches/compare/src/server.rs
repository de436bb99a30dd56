//! A peer's server: started by its script, and stopped by its process id.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::process::{Child, Command};

use crate::install::scripts;
use crate::peer::{Peer, Subject};

/// Longer than a Java server takes on a busy machine.
const START_PATIENCE: Duration = Duration::from_mins(3);
/// Between two tries to connect.
const RETRY: Duration = Duration::from_millis(100);
/// A server that was asked to stop and has not by then is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// Lines of a server's log that are told when it fails.
const LOG_LINES: usize = 5;

/// Where a server listens, and where its own tools are.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) ports: Vec<u16>,
    pub(crate) installed: PathBuf,
}

/// A server that runs. Killed when dropped.
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Runs `peers/FOLDER/start.sh INSTALLED DATA SETTING PORT...`, which becomes the server, and waits until it can
    /// be connected to. What it writes goes to a file beside its data.
    ///
    /// # Errors
    /// When it ends instead, or takes too long; with the end of its log.
    pub(crate) async fn start(peer: &Peer, installed: &Path, data: &Path) -> anyhow::Result<(Self, Box<dyn Subject>)> {
        fs::create_dir_all(data).with_context(|| format!("making {}", data.display()))?;
        let address = Address { ports: free_ports(peer.ports)?, installed: installed.to_owned() };
        let log = data.with_extension("log");
        let output = File::options().create(true).append(true).open(&log)?;
        let script = scripts().join(peer.folder).join("start.sh");
        let child = Command::new(&script)
            .args([installed, data])
            .arg(peer.setting)
            .args(address.ports.iter().map(ToString::to_string))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("running {}", script.display()))?;
        let mut server = Self { child };
        let began = Instant::now();
        loop {
            let refused = match (peer.connect)(address.clone()).await {
                Ok(subject) => return Ok((server, subject)),
                Err(refused) => refused,
            };
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended with {status}: {}", end_of(&log));
            }
            if began.elapsed() > START_PATIENCE {
                server.kill().await?;
                bail!("no connection in {START_PATIENCE:?} ({refused:#}); the server wrote: {}", end_of(&log));
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Errors
    /// When it has to be killed: what it leaves may not be whole.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let Some(id) = self.child.id() else { return Ok(()) };
        let asked = Command::new("kill").arg(id.to_string()).status().await?;
        if asked.success() && tokio::time::timeout(STOP_PATIENCE, self.child.wait()).await.is_ok() {
            return Ok(());
        }
        self.kill().await?;
        bail!("the server did not stop within {STOP_PATIENCE:?}, and was killed")
    }

    /// Ends it at once; for data that nobody wants any more.
    ///
    /// # Errors
    /// Whatever the operating system reports.
    pub(crate) async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }
}

/// Ports that were free a moment ago.
fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<_>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

/// The last lines of a log, in one.
fn end_of(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join(" / ")
}
