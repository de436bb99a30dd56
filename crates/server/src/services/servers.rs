//! `ServerService`.

use std::sync::Arc;

use annals_engine::Engine;
use annals_wire::opaque::server_service_server::ServerService;
use annals_wire::v1;
use tonic::{Request, Response, Status};

use super::answered;
use crate::shared::Shared;
use crate::{info, tail};

/// Tells what this server is and what it is doing.
#[derive(Debug)]
pub(crate) struct ServerApi<E>(pub(crate) Arc<Shared<E>>);

#[tonic::async_trait]
impl<E: Engine> ServerService for ServerApi<E> {
    async fn get_server_info(
        &self,
        _: Request<v1::GetServerInfoRequest>,
    ) -> Result<Response<v1::GetServerInfoResponse>, Status> {
        Ok(Response::new(info::info(&self.0)))
    }

    async fn list_tails(
        &self,
        request: Request<v1::ListTailsRequest>,
    ) -> Result<Response<v1::ListTailsResponse>, Status> {
        answered(tail::list(&self.0, request.into_inner()).await)
    }
}
