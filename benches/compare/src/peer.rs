//! A store that is measured, in one of its settings.

use std::fmt;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::args::Args;
use crate::figure::Figure;
use crate::server::Address;
use crate::work::Work;

/// What is known of a peer before it runs. `peers/FOLDER` has its scripts and its configuration.
pub(crate) struct Peer {
    /// Its name on the command line and in JSON: the folder, and the setting if there are several.
    pub(crate) name: &'static str,
    pub(crate) folder: &'static str,
    /// What `start.sh` is told beside folders and ports.
    pub(crate) setting: &'static str,
    /// Its name in the table.
    pub(crate) title: &'static str,
    /// Why this build has no client of it; none if it has.
    pub(crate) left_out: Option<&'static str>,
    /// What has happened to an event on the disk when its append is answered.
    pub(crate) durability: &'static str,
    /// Its settings and its client, in words.
    pub(crate) settings: &'static str,
    /// Ports that it listens on.
    pub(crate) ports: usize,
    /// How long it works uncounted after each start: a virtual machine compiles what it runs.
    pub(crate) warm_up_seconds: u64,
    /// Works that it cannot do, or does under another setting, with the reason.
    pub(crate) cannot: &'static [(Work, &'static str)],
    /// Connects to it and makes what it keeps events in. Called again until it succeeds: a server that just started
    /// takes its time.
    pub(crate) connect: fn(Address) -> Connecting,
}

/// Connecting to a peer that was started.
pub(crate) type Connecting = BoxFuture<'static, anyhow::Result<Box<dyn Subject>>>;

/// A peer that runs and is connected to.
#[async_trait]
pub(crate) trait Subject: Send + Sync {
    /// Stores the events that scans and tails are to read: those of all partitions in turn.
    ///
    /// # Errors
    /// When not all of them are stored.
    async fn load(&self, args: &Args) -> anyhow::Result<()>;

    /// Does a work once. Scans and tails read what was loaded, and must find all of it.
    ///
    /// # Errors
    /// When the peer refuses or breaks, or a read finds another number of events than is stored: a figure with
    /// failures in it says nothing.
    async fn measure(&self, work: Work, args: &Args) -> anyhow::Result<Figure>;
}

impl Peer {
    /// Why it does not do this work; none if it does.
    pub(crate) fn cannot(&self, work: Work) -> Option<&'static str> {
        self.cannot.iter().find(|(other, _)| *other == work).map(|(_, reason)| *reason)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}
