//! The end of a server, as those who must end with it learn of it.

use tokio::sync::watch;

/// Tells that the server is stopping.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// The sender says `true` once; until then nobody stops.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the server stops. Cancel-safe.
    pub(crate) async fn stopping(&mut self) {
        // A sender that is gone without a word is a server that is gone.
        let _ = self.0.wait_for(|is_stopping| *is_stopping).await;
    }
}
