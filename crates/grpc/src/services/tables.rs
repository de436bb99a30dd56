//! `TableService`.

use std::sync::Arc;

use annals_engine::Engine;
use annals_service::{ListTables, Service};
use annals_wire::opaque::table_service_server::TableService;
use annals_wire::v1;
use tonic::{Request, Response, Status};

use super::{answered, caller, refused};
use crate::translate;

/// Makes and describes tables.
#[derive(Debug)]
pub(crate) struct TableApi<E>(pub(crate) Arc<Service<E>>);

#[tonic::async_trait]
impl<E: Engine> TableService for TableApi<E> {
    async fn create_table(
        &self,
        request: Request<v1::CreateTableRequest>,
    ) -> Result<Response<v1::CreateTableResponse>, Status> {
        let caller = caller(&request);
        let create = translate::create_table(request.into_inner()).map_err(refused)?;
        let described = self.0.create_table(&caller, create).await;
        answered(described.map(|table| v1::CreateTableResponse { table: Some(translate::table(&table)) }))
    }

    async fn get_table(&self, request: Request<v1::GetTableRequest>) -> Result<Response<v1::GetTableResponse>, Status> {
        let described = self.0.describe_table(&caller(&request), &request.get_ref().name).await;
        answered(described.map(|table| v1::GetTableResponse { table: Some(translate::table(&table)) }))
    }

    async fn list_tables(
        &self,
        request: Request<v1::ListTablesRequest>,
    ) -> Result<Response<v1::ListTablesResponse>, Status> {
        let caller = caller(&request);
        let v1::ListTablesRequest { keyspace, page_size, page_token } = request.into_inner();
        let page = self.0.list_tables(&caller, ListTables { keyspace, page_size, page_token }).await;
        answered(page.map(|page| translate::table_page(&page)))
    }

    async fn update_table(
        &self,
        request: Request<v1::UpdateTableRequest>,
    ) -> Result<Response<v1::UpdateTableResponse>, Status> {
        let caller = caller(&request);
        let update = translate::update_table(request.into_inner()).map_err(refused)?;
        let updated = self.0.update_table(&caller, update).await;
        answered(updated.map(|updated| v1::UpdateTableResponse {
            table: Some(translate::table(&updated.described)),
            removed_events: updated.removed.events,
            removed_bytes: updated.removed.bytes,
        }))
    }

    async fn drop_table(
        &self,
        request: Request<v1::DropTableRequest>,
    ) -> Result<Response<v1::DropTableResponse>, Status> {
        let dropped = self.0.drop_table(&caller(&request), &request.get_ref().name).await;
        answered(dropped.map(|()| v1::DropTableResponse {}))
    }

    async fn get_partition(
        &self,
        request: Request<v1::GetPartitionRequest>,
    ) -> Result<Response<v1::GetPartitionResponse>, Status> {
        let caller = caller(&request);
        let v1::GetPartitionRequest { table, partition_key } = request.into_inner();
        let stats = self.0.describe_partition(&caller, &table, partition_key).await;
        answered(stats.map(|stats| v1::GetPartitionResponse { partition: Some(translate::partition(&stats)) }))
    }

    async fn list_partitions(
        &self,
        request: Request<v1::ListPartitionsRequest>,
    ) -> Result<Response<v1::ListPartitionsResponse>, Status> {
        let caller = caller(&request);
        let page = self.0.list_partitions(&caller, translate::list_partitions(request.into_inner())).await;
        answered(page.map(translate::partition_page))
    }
}
