//! The rounds: each goes through all peers, and through all works of each.
//!
//! Appends get a fresh store in every round, which is thrown away. What is read is stored once, in the first round, and
//! kept; scans and tails always find a server that was just started on it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::args::Args;
use crate::figure::Figure;
use crate::install::Installed;
use crate::peer::{Peer, Subject};
use crate::report;
use crate::results::Results;
use crate::server::Server;
use crate::work::Work;

/// What a work may take beyond its time before it is given up, so that one peer that hangs does not cost the others
/// their figures. Reading all of a slow store takes the longest.
const OVERTIME_MAX: Duration = Duration::from_mins(1);
/// What storing the events that are read may take.
const LOAD_TIME_MAX: Duration = Duration::from_mins(5);

/// One peer's turn in one round.
struct Turn<'a> {
    args: &'a Args,
    peer: &'static Peer,
    installed: &'a Path,
    round: u32,
}

/// Runs all rounds. A failure of a peer is noted in the results, and the others go on.
///
/// # Errors
/// When there is no folder for the data.
pub(crate) async fn run(args: &Args, peers: &[Installed], results: &mut Results) -> anyhow::Result<()> {
    let folder = data_folder(&args.data)?;
    for round in 1..=args.rounds {
        for (peer, installed) in peers {
            if results.misses(peer) {
                continue;
            }
            let turn = Turn { args, peer, installed, round };
            let works: Vec<_> = results.works.iter().copied().filter(|work| peer.cannot(*work).is_none()).collect();
            let (appends, reads): (Vec<_>, Vec<_>) = works.into_iter().partition(|work| work.appends().is_some());
            let appended = turn.append(folder.path(), &appends, results).await;
            let read = turn.read(folder.path(), &reads, results).await;
            if let Err(error) = appended.and(read) {
                results.miss(peer, format!("in round {round}: {error:#}"));
            }
        }
        if let Some(path) = &args.json {
            // The whole is written again at the end, and an error told then.
            let _ = std::fs::write(path, report::json(args, results));
        }
    }
    folder.close().context("removing the peers' data")
}

impl Turn<'_> {
    /// Appends to a fresh store.
    async fn append(&self, folder: &Path, works: &[Work], results: &mut Results) -> anyhow::Result<()> {
        if works.is_empty() {
            return Ok(());
        }
        let data = folder.join(format!("{}-appends", self.peer.name));
        let (mut server, subject) = Server::start(self.peer, self.installed, &data).await?;
        self.work(subject.as_ref(), works, results).await;
        drop(subject);
        server.kill().await?;
        std::fs::remove_dir_all(&data).with_context(|| format!("removing {}", data.display()))
    }

    /// Scans and tails what was stored in the first round.
    async fn read(&self, folder: &Path, works: &[Work], results: &mut Results) -> anyhow::Result<()> {
        if works.is_empty() {
            return Ok(());
        }
        let data = folder.join(format!("{}-reads", self.peer.name));
        if self.round == 1 {
            let (server, subject) = Server::start(self.peer, self.installed, &data).await?;
            self.say("storing what is to be read");
            let loaded = tokio::time::timeout(LOAD_TIME_MAX, subject.load(self.args)).await;
            loaded.with_context(|| format!("storing what is to be read took over {LOAD_TIME_MAX:?}"))??;
            drop(subject);
            server.stop().await?;
        }
        let (server, subject) = Server::start(self.peer, self.installed, &data).await?;
        self.work(subject.as_ref(), works, results).await;
        drop(subject);
        server.stop().await
    }

    /// Warms the server up with the first of the works, and then does all of them.
    async fn work(&self, subject: &dyn Subject, works: &[Work], results: &mut Results) {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(self.peer.warm_up_seconds) {
            // What is wrong will be wrong again when it counts, and be told then.
            if self.timed(subject, works[0]).await.is_err() {
                break;
            }
        }
        for work in works {
            self.measure(subject, *work, results).await;
        }
    }

    async fn timed(&self, subject: &dyn Subject, work: Work) -> anyhow::Result<Figure> {
        let limit = self.args.time() + OVERTIME_MAX;
        let measured = tokio::time::timeout(limit, subject.measure(work, self.args)).await;
        measured.unwrap_or_else(|_| Err(anyhow::anyhow!("it was not over after {limit:?}")))
    }

    async fn measure(&self, subject: &dyn Subject, work: Work, results: &mut Results) {
        let measured = self.timed(subject, work).await;
        let cell = results.cell(self.peer, work);
        match measured {
            Ok(figure) => {
                self.say(&format!("{}: {}", work.name(), report::value(work, figure.value(work))));
                cell.figures.push(figure);
            }
            Err(error) => {
                self.say(&format!("{}: failed: {error:#}", work.name()));
                cell.failures.push(format!("{error:#}"));
            }
        }
    }

    fn say(&self, what: &str) {
        eprintln!("[{}/{}] {}: {what}", self.round, self.args.rounds, self.peer.name);
    }
}

/// A folder for the data of all peers, on a disk; `parent` is made if need be.
fn data_folder(parent: &Path) -> anyhow::Result<TempDir> {
    std::fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    let system = Command::new("stat").args(["--file-system", "--format=%T"]).arg(parent).output()?;
    let system = String::from_utf8_lossy(&system.stdout).trim().to_owned();
    ensure!(system != "tmpfs", "{} lies in memory, where a sync costs nothing; name another --data", parent.display());
    let folder = tempfile::Builder::new().prefix("annals-compare-").tempdir_in(parent);
    let folder = folder.with_context(|| format!("making a folder for the peers' data in {}", parent.display()))?;
    Ok(folder)
}
