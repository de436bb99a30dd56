//! Who a call is made for, as far as its door could establish.

use std::net::SocketAddr;
use std::sync::Arc;

/// Who a call is made for. Cheap to make for each call, and to clone.
///
/// Nobody proves who they are, so what stands here is for operators to read, not to rest a decision on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    peer: Option<SocketAddr>,
    client_name: Option<Arc<str>>,
}

impl Caller {
    /// One that lives in this process.
    pub fn local() -> Self {
        Self::default()
    }

    /// One at the other end of a connection.
    pub fn at(peer: SocketAddr) -> Self {
        Self { peer: Some(peer), client_name: None }
    }

    /// The same, with the name that it gives itself.
    #[must_use]
    pub fn with_client_name(self, name: &str) -> Self {
        Self { client_name: Some(name.into()), ..self }
    }

    /// Where it is; none in this process.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// What it calls itself, if its door learns that for whole connections.
    pub fn client_name(&self) -> Option<&str> {
        self.client_name.as_deref()
    }
}
