//! A server on a folder of its own, and commands that talk to it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use annals_testkit::process::ServerProcess;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value as Json;
use tempfile::TempDir;

/// The binary under test.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_annals"))
}

/// Small files: a test's store is made, read and checked in a moment.
const SMALL_FILES: [&str; 4] =
    ["--set", "engine.journal_file_bytes=1048576", "--set", "engine.manifest_file_bytes=262144"];

/// A server that runs on a folder of its own.
pub(crate) struct Served {
    folder: TempDir,
    address: String,
    server: Option<ServerProcess>,
}

impl Served {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with these settings too, each as `name=value`.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let settings = settings.iter().flat_map(|setting| ["--set", setting]);
        let arguments: Vec<&str> = SMALL_FILES.into_iter().chain(settings).collect();
        let server = ServerProcess::start(binary(), &folder.path().join("data"), &arguments);
        Self { folder, address: server.address().to_string(), server: Some(server) }
    }

    /// Starts a server with a table `k.t` of one shard.
    pub(crate) fn with_table() -> Self {
        let served = Self::start();
        served.annals(&["table", "create", "k.t"]).succeeded();
        served
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Kills the server as a crash would, and starts it again on the same folder and port.
    pub(crate) fn crash_and_restart(&mut self) {
        self.kill();
        let listen = format!("server.listen={}", self.address);
        let arguments = [&SMALL_FILES[..], &["--set", &listen]].concat();
        self.server = Some(ServerProcess::start(binary(), &self.data(), &arguments));
    }

    /// Kills the server as a crash would.
    pub(crate) fn kill(&mut self) {
        self.server.take().expect("it runs").kill().expect("killed");
    }

    /// Asks the server to stop, and waits until it has.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let server = self.server.take().expect("it runs");
        server.terminate();
        server.ended(Duration::from_secs(30)).code()
    }

    /// Runs a command to its end.
    pub(crate) fn annals(&self, arguments: &[&str]) -> Done {
        self.annals_with_input(arguments, "")
    }

    /// Runs a command that reads `input`.
    pub(crate) fn annals_with_input(&self, arguments: &[&str], input: &str) -> Done {
        run(command(arguments).env("ANNALS_SERVER", &self.address), input)
    }

    /// Runs a command on a terminal so many characters wide; all that is shown on it.
    pub(crate) fn annals_on_terminal(&self, arguments: &[&str], width: u16) -> String {
        shown_on_terminal(command(arguments).env("ANNALS_SERVER", &self.address).env("NO_COLOR", "1"), width)
    }

    /// Starts a command and hands out its lines as they come.
    pub(crate) fn annals_running(&self, arguments: &[&str]) -> Running {
        Running::start(command(arguments).env("ANNALS_SERVER", &self.address))
    }

    /// Waits until the table holds so many events.
    pub(crate) fn wait_for_events(&self, table: &str, events: u64) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let counted = self.annals(&["count", table]);
            let found = if counted.code == Some(0) { counted.json()["events"].as_u64() } else { None };
            if found.is_some_and(|found| found >= events) {
                return;
            }
            assert!(Instant::now() < deadline, "{table} has {found:?} events after a minute, and not {events}");
        }
    }

    /// Appends events, each a JSON object.
    pub(crate) fn append(&self, events: &[Json]) {
        let lines: Vec<_> = events.iter().map(Json::to_string).collect();
        self.annals_with_input(&["append", "k.t", "--file", "-"], &lines.join("\n")).succeeded();
    }
}

/// A command that talks to no server.
pub(crate) fn annals(arguments: &[&str]) -> Done {
    run(&mut command(arguments), "")
}

/// What a command shows on a terminal of its own, to which nobody types.
fn shown_on_terminal(command: &mut Command, width: u16) -> String {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&screen).and_then(|()| unlockpt(&screen)).expect("a terminal of ours");
    tcsetwinsize(&screen, Winsize { ws_col: width, ws_row: width, ws_xpixel: 0, ws_ypixel: 0 }).expect("sized");
    let path = ptsname(&screen, Vec::new()).expect("its name").into_string().expect("UTF-8");
    let side = File::options().read(true).write(true).open(path).expect("its other side");
    let copy = || side.try_clone().expect("a copy");
    let mut child = command.stdin(Stdio::null()).stdout(copy()).stderr(copy()).spawn().expect("the binary starts");
    // The command holds copies of its own for as long as this value lives.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    drop(side);
    let mut shown = Vec::new();
    // Once nobody holds the other side, reading fails: that is its end.
    let ended = File::from(screen).read_to_end(&mut shown);
    drop(ended);
    child.wait().expect("the binary ends");
    String::from_utf8(shown).expect("output is UTF-8").replace("\r\n", "\n")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env_remove("ANNALS_SERVER").env_remove("NO_COLOR");
    command
}

fn run(command: &mut Command, input: &str) -> Done {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_owned();
    // A command that does not want its input ends without reading it.
    let writer = thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().expect("the binary ends");
    writer.join().expect("the input's thread does not panic");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    let done = Done { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!done.stdout.contains('\u{1b}') && !done.stderr.contains('\u{1b}'), "no terminal, no colours: {done:?}");
    done
}

/// How a command ended and what it wrote.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// The same, if the command ended well.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// What it wrote to stderr, if it ended with this exit code.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        self.stderr
    }

    /// Its output as one JSON value.
    #[track_caller]
    pub(crate) fn json(self) -> Json {
        let done = self.succeeded();
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {}", done.stdout))
    }

    /// Its output as a JSON value for each line.
    #[track_caller]
    pub(crate) fn objects(self) -> Vec<Json> {
        let done = self.succeeded();
        done.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
    }
}

/// A command under way. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Its standard input, if it was started with one.
    pub(crate) fn input(&mut self) -> &mut std::process::ChildStdin {
        self.child.stdin.as_mut().expect("it has an input")
    }

    /// Sends it a signal by its name, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success(), "the command has ended already");
    }

    /// How it ends while its input stays open, and what it wrote besides.
    pub(crate) fn ended(mut self) -> Done {
        let stdin = self.child.stdin.take();
        let code = self.child.wait().expect("the binary ends").code();
        drop(stdin);
        let mut stderr = String::new();
        self.child.stderr.take().expect("stderr is piped").read_to_string(&mut stderr).expect("text");
        let stdout = self.lines.iter().collect::<Vec<_>>().join("\n");
        Done { code, stdout, stderr }
    }

    /// Its next line, as soon as it is there.
    pub(crate) fn next_line(&self) -> String {
        self.lines.recv_timeout(Duration::from_mins(1)).expect("a line within a minute")
    }

    /// Its next line as a JSON object.
    pub(crate) fn next_object(&self) -> Json {
        serde_json::from_str(&self.next_line()).expect("a JSON object")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about either failure here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
