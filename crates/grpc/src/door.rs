//! The door: the contract's services, and what its connections are served with.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use annals_engine::Engine;
use annals_net::Serve;
use annals_service::{AnswerBudget, RequestBudget, Service, Stop};
use tokio::net::TcpStream;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::Limits;
use crate::connection::serve;
use crate::routes::{report, routes};

/// Serves gRPC. Clones are of the same door.
#[derive(Clone)]
pub struct Door {
    pub(crate) routes: Routes,
    health: HealthReporter,
    pub(crate) limits: Arc<Limits>,
    pub(crate) requests: Arc<RequestBudget>,
    pub(crate) answers: Arc<AnswerBudget>,
    pub(crate) stop: Stop,
}

impl fmt::Debug for Door {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Door").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Door {
    /// A door to the service. Those who ask for health are told that it serves.
    pub async fn open<E: Engine>(service: &Arc<Service<E>>, limits: Limits) -> Self {
        let (routes, health) = routes(service).await;
        Self {
            routes,
            health,
            limits: Arc::new(limits),
            requests: Arc::clone(service.requests()),
            answers: Arc::clone(service.answers()),
            stop: service.stop().clone(),
        }
    }

    /// Tells those who ask for health that it serves no longer. Connections end with the service's [`Stop`].
    pub async fn close(&self) {
        report(&self.health, ServingStatus::NotServing).await;
    }
}

impl Serve for Door {
    async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        serve(stream, peer, self).await;
    }
}
