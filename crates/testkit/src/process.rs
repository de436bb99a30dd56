//! The real binary as a server: started on a folder, stopped as an operator would, or killed.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What the server prints once it takes requests.
const READY: &str = "listening on ";

/// Longer than any start takes; recovery of a test's store is a matter of milliseconds.
const START_PATIENCE: Duration = Duration::from_mins(1);

/// A running server. Killed when dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

/// The command that serves the store in `data` on a free port of this machine.
pub fn serve(binary: &Path, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.arg("serve").arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]).args(arguments);
    command.stdin(Stdio::null());
    command
}

impl ServerProcess {
    /// Starts the server and waits until it listens.
    ///
    /// # Panics
    /// When it ends instead, or says nothing for a minute; with what it wrote to stderr.
    pub fn start(binary: &Path, data: &Path, arguments: &[&str]) -> Self {
        let log = data.with_extension("log");
        let stderr = File::options().create(true).append(true).open(&log).expect("a file for the server's log");
        let mut child = serve(binary, data, arguments)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| panic!("{} can't be started: {error}", binary.display()));
        let stdout = child.stdout.take().expect("stdout is piped");
        let (said, heard) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            lines.filter_map(|line| line.split(READY).nth(1)?.trim().parse().ok()).for_each(|address| {
                // Nobody listens any more once the first address was taken.
                let _ = said.send(address);
            });
        });
        let Ok(address) = heard.recv_timeout(START_PATIENCE) else {
            let ended = child.kill().and_then(|()| child.wait());
            let log = fs::read_to_string(&log).unwrap_or_default();
            panic!("the server did not come to listen ({ended:?}); it wrote:\n{log}");
        };
        Self { child, address, log }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URI of its gRPC services.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has written to stderr, with earlier servers on the same folder.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// Whatever the operating system reports.
    pub fn kill(mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, with SIGTERM.
    ///
    /// # Panics
    /// When the signal can't be sent.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal by its name, such as `STOP`.
    ///
    /// # Panics
    /// When the signal can't be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} is sent");
    }

    /// Waits until it has ended by itself and tells how.
    ///
    /// # Panics
    /// When it has not ended after `patience`; with what it wrote to stderr.
    pub fn ended(mut self, patience: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the server's state") {
                return status;
            }
            assert!(start.elapsed() < patience, "the server still runs after {patience:?}; it wrote:\n{}", self.log());
            thread::park_timeout(Duration::from_millis(5));
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about either failure here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
