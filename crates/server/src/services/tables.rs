//! `TableService`.

use std::sync::Arc;

use annals_engine::Engine;
use annals_wire::opaque::table_service_server::TableService;
use annals_wire::v1;
use tonic::{Request, Response, Status};

use super::answered;
use crate::shared::Shared;
use crate::tables;

/// Makes and describes tables.
#[derive(Debug)]
pub(crate) struct TableApi<E>(pub(crate) Arc<Shared<E>>);

#[tonic::async_trait]
impl<E: Engine> TableService for TableApi<E> {
    async fn create_table(
        &self,
        request: Request<v1::CreateTableRequest>,
    ) -> Result<Response<v1::CreateTableResponse>, Status> {
        answered(tables::create(&self.0, request.into_inner()).await)
    }

    async fn get_table(&self, request: Request<v1::GetTableRequest>) -> Result<Response<v1::GetTableResponse>, Status> {
        answered(tables::get(&self.0, request.into_inner()).await)
    }

    async fn list_tables(
        &self,
        request: Request<v1::ListTablesRequest>,
    ) -> Result<Response<v1::ListTablesResponse>, Status> {
        answered(tables::list(&self.0, request.into_inner()).await)
    }

    async fn update_table(
        &self,
        request: Request<v1::UpdateTableRequest>,
    ) -> Result<Response<v1::UpdateTableResponse>, Status> {
        answered(tables::update(&self.0, request.into_inner()).await)
    }

    async fn drop_table(
        &self,
        request: Request<v1::DropTableRequest>,
    ) -> Result<Response<v1::DropTableResponse>, Status> {
        answered(tables::drop(&self.0, request.into_inner()).await)
    }

    async fn get_partition(
        &self,
        request: Request<v1::GetPartitionRequest>,
    ) -> Result<Response<v1::GetPartitionResponse>, Status> {
        answered(tables::get_partition(&self.0, request.into_inner()).await)
    }

    async fn list_partitions(
        &self,
        request: Request<v1::ListPartitionsRequest>,
    ) -> Result<Response<v1::ListPartitionsResponse>, Status> {
        answered(tables::list_partitions(&self.0, request.into_inner()).await)
    }
}
