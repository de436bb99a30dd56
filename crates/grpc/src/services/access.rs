//! `AccessService`: who may do what. Not built in this version: each call is refused by its name.

use annals_wire::opaque::access_service_server::AccessService;
use annals_wire::v1;
use tonic::{Request, Response, Status};

use super::not_built;

/// Refuses each call by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessApi;

#[tonic::async_trait]
impl AccessService for AccessApi {
    async fn get_caller(&self, _: Request<v1::GetCallerRequest>) -> Result<Response<v1::GetCallerResponse>, Status> {
        not_built("AccessService.GetCaller")
    }

    async fn reload_access(
        &self,
        _: Request<v1::ReloadAccessRequest>,
    ) -> Result<Response<v1::ReloadAccessResponse>, Status> {
        not_built("AccessService.ReloadAccess")
    }
}
