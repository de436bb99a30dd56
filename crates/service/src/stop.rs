//! The end of a server, as those who must end with it learn of it.

use tokio::sync::watch;

/// Tells that the server is stopping.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Has everybody who holds the [`Stop`] stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stop {
    /// Until the stopper says so, nobody stops.
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(false);
        (Stopper(sender), Self(receiver))
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the server stops. Cancel-safe.
    pub async fn stopping(&mut self) {
        // A stopper that is gone without a word is a server that is gone.
        let _ = self.0.wait_for(|is_stopping| *is_stopping).await;
    }
}

impl Stopper {
    /// Tells it.
    pub fn stop(self) {
        // Nobody to tell is nobody to stop.
        let _ = self.0.send(true);
    }
}
