//! `ConsumerService`: durable readers and their members. Not built in this version: each call is refused by its name.

use annals_wire::opaque::consumer_service_server::ConsumerService;
use annals_wire::v1;
use tonic::{Request, Response, Status};

use super::not_built;

/// Refuses each call by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConsumerApi;

#[tonic::async_trait]
impl ConsumerService for ConsumerApi {
    async fn create_consumer(
        &self,
        _: Request<v1::CreateConsumerRequest>,
    ) -> Result<Response<v1::CreateConsumerResponse>, Status> {
        not_built("ConsumerService.CreateConsumer")
    }

    async fn get_consumer(
        &self,
        _: Request<v1::GetConsumerRequest>,
    ) -> Result<Response<v1::GetConsumerResponse>, Status> {
        not_built("ConsumerService.GetConsumer")
    }

    async fn list_consumers(
        &self,
        _: Request<v1::ListConsumersRequest>,
    ) -> Result<Response<v1::ListConsumersResponse>, Status> {
        not_built("ConsumerService.ListConsumers")
    }

    async fn update_consumer(
        &self,
        _: Request<v1::UpdateConsumerRequest>,
    ) -> Result<Response<v1::UpdateConsumerResponse>, Status> {
        not_built("ConsumerService.UpdateConsumer")
    }

    async fn delete_consumer(
        &self,
        _: Request<v1::DeleteConsumerRequest>,
    ) -> Result<Response<v1::DeleteConsumerResponse>, Status> {
        not_built("ConsumerService.DeleteConsumer")
    }

    async fn sync_member(&self, _: Request<v1::SyncMemberRequest>) -> Result<Response<v1::SyncMemberResponse>, Status> {
        not_built("ConsumerService.SyncMember")
    }

    async fn remove_member(
        &self,
        _: Request<v1::RemoveMemberRequest>,
    ) -> Result<Response<v1::RemoveMemberResponse>, Status> {
        not_built("ConsumerService.RemoveMember")
    }

    async fn commit_checkpoint(
        &self,
        _: Request<v1::CommitCheckpointRequest>,
    ) -> Result<Response<v1::CommitCheckpointResponse>, Status> {
        not_built("ConsumerService.CommitCheckpoint")
    }

    async fn seek_consumer(
        &self,
        _: Request<v1::SeekConsumerRequest>,
    ) -> Result<Response<v1::SeekConsumerResponse>, Status> {
        not_built("ConsumerService.SeekConsumer")
    }

    async fn skip_event(&self, _: Request<v1::SkipEventRequest>) -> Result<Response<v1::SkipEventResponse>, Status> {
        not_built("ConsumerService.SkipEvent")
    }
}
