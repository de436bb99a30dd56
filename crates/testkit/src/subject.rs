//! An engine under test: something that opens an engine on a store of its own, again and again.

use std::future::Future;
use std::sync::Arc;

use annals_engine::Engine;

/// A store that engines are opened on, one after another. Each subject has a store of its own, empty at first.
pub trait Subject: Send + Sync + 'static {
    /// The engine.
    type Engine: Engine;

    /// Opens the store. What was acknowledged before must be there.
    fn open(&self) -> impl Future<Output = Arc<Self::Engine>> + Send;

    /// Closes an engine as an operator would; nobody else holds it any more.
    fn close(&self, engine: Arc<Self::Engine>) -> impl Future<Output = ()> + Send;

    /// Has the engine move what it took in to where it keeps it in the long run, as time would.
    fn settle(&self, engine: &Self::Engine) -> impl Future<Output = ()> + Send;

    /// Ends an engine as a crash would, as far as that can be had within a process: without closing it.
    fn crash(&self, engine: Arc<Self::Engine>) -> impl Future<Output = ()> + Send {
        self.close(engine)
    }
}
