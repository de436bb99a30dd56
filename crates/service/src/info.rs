//! What a server is, as its clients must know it.

use annals_engine::Engine;
use annals_model::EventTime;

use crate::{Caller, Service, clock};

/// What a client must know of a server beside the limits of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// The engine's name.
    pub engine: &'static str,
    /// Bytes of one request.
    pub request_bytes_max: usize,
    /// The wall clock.
    pub server_time: EventTime,
}

impl<E: Engine> Service<E> {
    /// What this server is. Everybody may know.
    pub fn info(&self, _caller: &Caller) -> ServerInfo {
        ServerInfo {
            engine: self.engine.name(),
            request_bytes_max: self.limits.request_bytes_max,
            server_time: clock::now(),
        }
    }
}
