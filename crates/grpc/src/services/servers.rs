//! `ServerService`.

use std::sync::Arc;

use annals_engine::Engine;
use annals_service::{ListTails, Service};
use annals_wire::opaque::server_service_server::ServerService;
use annals_wire::v1;
use tonic::{Request, Response, Status};

use super::{answered, caller};
use crate::translate;

/// Tells what this server is and what it is doing.
#[derive(Debug)]
pub(crate) struct ServerApi<E>(pub(crate) Arc<Service<E>>);

#[tonic::async_trait]
impl<E: Engine> ServerService for ServerApi<E> {
    async fn get_server_info(
        &self,
        request: Request<v1::GetServerInfoRequest>,
    ) -> Result<Response<v1::GetServerInfoResponse>, Status> {
        Ok(Response::new(translate::server_info(self.0.info(&caller(&request)))))
    }

    async fn list_tails(
        &self,
        request: Request<v1::ListTailsRequest>,
    ) -> Result<Response<v1::ListTailsResponse>, Status> {
        let caller = caller(&request);
        let v1::ListTailsRequest { table, page_size, page_token } = request.into_inner();
        let page = self.0.list_tails(&caller, ListTails { table, page_size, page_token }).await;
        answered(page.map(translate::tail_info_page))
    }
}
