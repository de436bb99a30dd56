//! Ctrl-C and SIGTERM while a command does what must not end without a word: it stops in order and tells how far it came.
//!
//! The first signal asks; the second ends the process at once, also where it waits for a reader of its output or for a
//! server that does not answer. For that the signals have a thread of their own.

use std::fmt;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// A signal that asks a command to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// SIGINT, as Ctrl-C sends it.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Interruption {
    /// The exit code of what the signal ended, as shells have it: 128 and the signal's number.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "interrupted by Ctrl-C",
            Self::Terminate => "ended by SIGTERM",
        })
    }
}

impl std::error::Error for Interruption {}

/// Listens for the signals. From then on they no longer end the process by themselves, but the second does.
pub(crate) struct Interruptions {
    first: watch::Receiver<Option<Interruption>>,
}

impl Interruptions {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the operating system gives no thread or no signals.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("starting the runtime that waits for signals")?;
        let signals = {
            let _inside = runtime.enter();
            let listen = |kind| signal(kind).context("listening for signals");
            (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?)
        };
        let (sender, first) = watch::channel(None);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(wait(signals, &sender)))
            .context("starting the thread that waits for signals")?;
        Ok(Self { first })
    }

    /// Waits for the first signal; returns at once when it has come.
    pub(crate) async fn received(&mut self) -> Interruption {
        match self.first.wait_for(Option::is_some).await.map(|found| *found) {
            Ok(Some(interruption)) => interruption,
            // The thread never lets its end go.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

async fn wait((mut interrupt, mut terminate): (Signal, Signal), sender: &watch::Sender<Option<Interruption>>) {
    loop {
        let received = tokio::select! {
            _ = interrupt.recv() => Interruption::Interrupt,
            _ = terminate.recv() => Interruption::Terminate,
        };
        if sender.borrow().is_some() {
            std::process::exit(received.exit_code().into());
        }
        sender.send_replace(Some(received));
    }
}
