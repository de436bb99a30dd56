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
        Self::run(serve(binary, data, arguments), data)
    }

    /// As `start`, with so many file descriptors at most.
    ///
    /// # Panics
    /// As `start`, and where there is no `prlimit`.
    pub fn start_with_open_files_max(binary: &Path, data: &Path, arguments: &[&str], count: usize) -> Self {
        let server = serve(binary, data, arguments);
        let mut command = Command::new("prlimit");
        command
            .arg(format!("--nofile={count}:"))
            .arg(server.get_program())
            .args(server.get_args())
            .stdin(Stdio::null());
        Self::run(command, data)
    }

    /// As `start`, with variables of the environment.
    ///
    /// # Panics
    /// As `start`.
    pub fn start_with_environment(binary: &Path, data: &Path, variables: &[(&str, &Path)]) -> Self {
        let mut command = serve(binary, data, &[]);
        command.envs(variables.iter().copied());
        Self::run(command, data)
    }

    fn run(mut command: Command, data: &Path) -> Self {
        let log = data.with_extension("log");
        let stderr = File::options().create(true).append(true).open(&log).expect("a file for the server's log");
        let spawned = command.stdout(Stdio::piped()).stderr(stderr).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?} can't be started: {error}"));
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

    /// Bytes of memory that it holds for itself: without what it shares, such as its program.
    ///
    /// # Panics
    /// Where there is no `/proc`.
    pub fn memory_bytes(&self) -> u64 {
        let status = self.about("status");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a process has memory");
        let kib = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kibibytes");
        kib * 1024
    }

    /// Processor time that it has taken up to now.
    ///
    /// # Panics
    /// Where there is no `/proc`.
    pub fn busy(&self) -> Duration {
        /// Of a second; so on all machines on which Linux runs today.
        const TICKS_A_SECOND: u64 = 100;
        /// Where user and system time stand, counted behind the program's name.
        const TIMES: std::ops::Range<usize> = 11..13;
        let stat = self.about("stat");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = fields[TIMES].iter().map(|ticks| ticks.parse::<u64>().expect("a number of ticks")).sum::<u64>();
        Duration::from_millis(ticks * 1000 / TICKS_A_SECOND)
    }

    /// How many file descriptors it has.
    ///
    /// # Panics
    /// Where there is no `/proc`.
    pub fn open_files(&self) -> u64 {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("the process is there");
        files.count() as u64
    }

    /// How many of them are sockets.
    ///
    /// # Panics
    /// Where there is no `/proc`.
    pub fn open_sockets(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("the process is there");
        // One that was closed meanwhile leads nowhere.
        let targets = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// Allows it so many file descriptors from here on; it keeps those that it has.
    ///
    /// # Panics
    /// When that can't be set.
    pub fn set_open_files_max(&self, count: u64) {
        let arguments = [format!("--pid={}", self.child.id()), format!("--nofile={count}:")];
        let set = Command::new("prlimit").args(arguments).status();
        assert!(set.is_ok_and(|status| status.success()), "{count} open files are allowed");
    }

    fn about(&self, what: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{what}", self.child.id())).expect("the process is there")
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
