//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::peer::Peer;
use crate::peers;
use crate::work::Work;

/// Measures Annals beside other stores, and prints a table in Markdown.
#[derive(clap::Parser, Debug)]
pub(crate) struct Args {
    /// The peers, by name ("kafka-synced") or by folder ("kafka": all its settings); all if left out.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    peers: Vec<String>,
    /// The works; all if left out.
    #[arg(long = "work", value_name = "WORKS", value_delimiter = ',')]
    works: Vec<Work>,
    /// Each work is done in each round; the table has the medians.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// How long each work is measured, after a quarter of that to warm up; a tail ends with its last event instead.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = parse_seconds)]
    seconds: f64,
    /// Partitions that the events are spread over.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) partitions: u64,
    /// Events of each partition that are stored before they are read.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) events_each: u64,
    /// Makes the events and the order of scans; the same seed makes the same.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where the peers' data lies, below a folder that is removed afterwards; on a real disk.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) data: PathBuf,
    /// Where the peers are installed, once; `~/.cache/annals-compare` if left out.
    #[arg(long, value_name = "DIR", env = "ANNALS_COMPARE_CACHE")]
    cache: Option<PathBuf>,
    /// Writes everything that was measured, round by round.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Installs the peers, and ends.
    #[arg(long)]
    pub(crate) install_only: bool,
}

impl Args {
    /// The works to be done, in the order of the table.
    pub(crate) fn works(&self) -> Vec<Work> {
        Work::ALL.into_iter().filter(|work| self.works.is_empty() || self.works.contains(work)).collect()
    }

    /// The peers to be measured.
    ///
    /// # Errors
    /// When a name is no peer's.
    pub(crate) fn peers(&self) -> anyhow::Result<Vec<&'static Peer>> {
        let chosen = |peer: &Peer| self.peers.iter().any(|name| name == peer.name || name == peer.folder);
        for name in &self.peers {
            anyhow::ensure!(
                peers::all().any(|peer| name == peer.name || name == peer.folder),
                "{name} is no peer; these are: {}",
                peers::all().map(|peer| peer.name).collect::<Vec<_>>().join(", ")
            );
        }
        Ok(peers::all().filter(|peer| self.peers.is_empty() || chosen(peer)).collect())
    }

    /// The folder that peers are installed in.
    ///
    /// # Errors
    /// When none is named and the environment has no home.
    pub(crate) fn cache(&self) -> anyhow::Result<PathBuf> {
        if let Some(cache) = &self.cache {
            return Ok(cache.clone());
        }
        let of = |name: &str| std::env::var_os(name).map(PathBuf::from);
        of("XDG_CACHE_HOME")
            .or_else(|| Some(of("HOME")?.join(".cache")))
            .map(|caches| caches.join("annals-compare"))
            .ok_or_else(|| anyhow::anyhow!("there is no home folder; name a --cache"))
    }

    /// How long each work is measured.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// How long it runs before that.
    pub(crate) fn warm_up(&self) -> Duration {
        self.time() / 4
    }

    /// Events that are stored before they are read.
    pub(crate) fn stored(&self) -> u64 {
        self.partitions * self.events_each
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("write seconds from 0.1 to 600".to_owned()),
    }
}
