//! `annals serve`: a server on a store of its own, until it is told to stop.
//!
//! Prints `listening on ADDR` on stdout once it takes requests. SIGTERM and SIGINT stop it in order: appends under way
//! are answered, the store is closed. The whole stop takes at most five seconds; what is not closed by then is left as a
//! crash would leave it, with nothing lost that was acknowledged. A second signal ends it at once.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use annals_embedded::{EmbeddedEngine, OpenMode, Options};
use annals_model::DEFAULT_PORT;
use annals_server::{Config, ReservedAddress, ServeError, Server};
use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::connect::block_on;
use crate::memory_limit::memory_limit;
use crate::output::write_text;
use crate::terminal::Stream;

/// How long a stop may take before the process ends all the same.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);
/// The exit code of a process that a signal ended: 128 and SIGINT's number.
const INTERRUPTED: i32 = 130;

/// Variables that commands read and that are no settings.
const OWN_VARIABLES: [&str; 2] = ["ANNALS_SERVER", "ANNALS_LOG"];

/// Its arguments.
#[derive(clap::Args)]
#[command(after_help = format!("Examples:
  annals serve --data ./data                      # on 127.0.0.1:{DEFAULT_PORT}
  annals serve --config /etc/annals.toml
  annals serve --print-config > annals.toml       # every setting with its default and its reason

A flag goes before the environment (ANNALS_SERVER_DATA, ANNALS_LIMITS_TAILS_MAX, …), the environment before the file.
ANNALS_LOG sets what is logged on stderr: error, warn, info (the default), debug, or by module."))]
pub(crate) struct Args {
    /// The store's directory; made if it is not there.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to listen on; port 0 takes any that is free.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// A configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Allow listening on more than this machine, although nothing is encrypted and nobody is asked who they are.
    #[arg(long)]
    insecure: bool,
    /// Serve reads only, and write nothing to the store.
    #[arg(long)]
    read_only: bool,
    /// Set anything that the configuration file can; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Write a commented configuration file to stdout, and end.
    #[arg(long)]
    print_config: bool,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it like limits.tails_max=1000")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.print_config {
        return write_text(Config::commented().trim_end());
    }
    let config = configuration(args)?;
    start_log()?;
    warn_of_little_memory(&config);
    let data = config.server.data.clone();
    let mut options = Options::in_directory(&data);
    config.engine.apply(&mut options);
    if args.read_only {
        options.mode = OpenMode::ReadOnly;
    }
    let place = || format!("the store in {}", data.display());
    // A server that can't be reached makes no store.
    let address = Server::reserve(config).map_err(with_advice)?;
    let engine = Arc::new(EmbeddedEngine::open(options).with_context(place)?);
    let served = serve(address, &engine);
    let closed = engine.close().with_context(|| format!("closing {}", place()));
    served.and(closed)
}

fn configuration(args: &Args) -> anyhow::Result<Config> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    Config::check_variables(names.filter(|name| !OWN_VARIABLES.contains(&name.as_str())))?;
    let mut flags: Vec<(&str, String)> = Vec::new();
    if let Some(data) = &args.data {
        let path = data.to_str().with_context(|| format!("{} is not UTF-8; name another directory", data.display()))?;
        flags.push(("server.data", path.to_owned()));
    }
    flags.extend(args.listen.map(|address| ("server.listen", address.to_string())));
    flags.extend(args.insecure.then(|| ("server.insecure", "true".to_owned())));
    flags.extend(args.settings.iter().map(|(key, value)| (key.as_str(), value.clone())));
    Ok(Config::load(args.config.as_deref(), |name| std::env::var(name).ok(), &flags)?)
}

fn start_log() -> anyhow::Result<()> {
    let filter = match std::env::var_os("ANNALS_LOG").filter(|text| !text.is_empty()) {
        None => EnvFilter::new("info"),
        Some(_) => EnvFilter::try_from_env("ANNALS_LOG")
            .context("ANNALS_LOG says no log level; write error, warn, info or debug")?,
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(Stream::of_stderr().has_colors())
        .with_target(false)
        // A log on a full disk is lost; a panic about it would take the thread that logs with it.
        .log_internal_errors(false)
        .init();
    Ok(())
}

/// Says where the settings may ask for more memory than there is: a process that takes too much is ended without a word.
fn warn_of_little_memory(config: &Config) {
    let wanted = config.memory_bytes_max();
    if let Some(limit) = memory_limit().filter(|limit| *limit < wanted) {
        const MIB: u64 = 1024 * 1024;
        tracing::warn!(
            "the settings add up to {} MiB of memory, and this process may have {} MiB: past that the system ends it. \
             Lower engine.memtable_bytes_max, engine.cache_bytes_max, engine.cache_runs_bytes_max and \
             limits.receiving_bytes_max, as deploy/annals-small.toml does for 256 MiB",
            wanted.div_ceil(MIB),
            limit / MIB
        );
    }
}

fn serve(address: ReservedAddress, engine: &Arc<EmbeddedEngine>) -> anyhow::Result<()> {
    block_on(async {
        let stop = StopSignals::new()?;
        let server = address.listen(Arc::clone(engine)).map_err(with_advice)?;
        announce(server.local_addr());
        server.run(stop.received()).await?;
        tracing::info!("stopped; closing the store");
        Ok(())
    })
}

/// Tells, on stdout, that requests are taken. A server whose stdout nobody reads serves all the same.
fn announce(address: SocketAddr) {
    let mut out = std::io::stdout();
    if let Err(error) = writeln!(out, "listening on {address}").and_then(|()| out.flush()) {
        tracing::warn!("stdout can't be written: {error}");
    }
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
}

fn with_advice(error: ServeError) -> anyhow::Error {
    match error {
        ServeError::Bind { .. } => {
            anyhow::Error::new(error).context("no server was started; --listen 127.0.0.1:0 takes any port that is free")
        }
        other => other.into(),
    }
}

/// The signals that ask a server to stop.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for the first signal. From then on the process ends within five seconds, or at the second signal.
    async fn received(mut self) {
        self.next().await;
        tracing::info!("stopping");
        std::thread::spawn(|| {
            std::thread::sleep(STOP_TIME_MAX);
            tracing::warn!("the stop takes too long; ending as it is, nothing acknowledged is lost");
            std::process::exit(1);
        });
        tokio::spawn(async move {
            self.next().await;
            std::process::exit(INTERRUPTED);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
