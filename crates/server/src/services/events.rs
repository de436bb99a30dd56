//! `EventService`.

use std::pin::Pin;
use std::sync::Arc;

use annals_engine::Engine;
use annals_wire::answer::{ScanAnswer, TailAnswer};
use annals_wire::fault::to_status;
use annals_wire::opaque::{AppendRequest, AppendSessionRequest};
use annals_wire::serving::event_service_server::EventService;
use annals_wire::v1;
use futures_util::{Stream, StreamExt, TryStreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::{answered, not_built};
use crate::deadline::Deadline;
use crate::scan::Scan;
use crate::shared::Shared;
use crate::tail::Tail;
use crate::{append, scan, tail};

/// Writes and reads events.
#[derive(Debug)]
pub(crate) struct EventApi<E>(pub(crate) Arc<Shared<E>>);

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl<E: Engine> EventService for EventApi<E> {
    type AppendSessionStream = Responses<v1::AppendSessionResponse>;
    type ScanStream = Responses<ScanAnswer>;
    type TailStream = Responses<TailAnswer>;

    async fn append(&self, request: Request<AppendRequest>) -> Result<Response<v1::AppendResponse>, Status> {
        let deadline = Deadline::take_over(request.extensions());
        answered(append::append(&self.0, request.into_inner(), deadline).await)
    }

    async fn append_session(
        &self,
        request: Request<Streaming<AppendSessionRequest>>,
    ) -> Result<Response<Self::AppendSessionStream>, Status> {
        let deadline = Deadline::take_over(request.extensions());
        answered(append::session(Arc::clone(&self.0), request.into_inner(), deadline).map(StreamExt::boxed))
    }

    async fn open_producer(
        &self,
        _: Request<v1::OpenProducerRequest>,
    ) -> Result<Response<v1::OpenProducerResponse>, Status> {
        not_built("OpenProducer")
    }

    async fn scan(&self, request: Request<v1::ScanRequest>) -> Result<Response<Self::ScanStream>, Status> {
        let scan = Scan::new(&self.0, request.into_inner()).map_err(|fault| to_status(&fault))?;
        let pages = scan::pages(Arc::clone(&self.0), scan);
        Ok(Response::new(pages.map_err(|fault| to_status(&fault)).boxed()))
    }

    async fn plan_scan(&self, request: Request<v1::PlanScanRequest>) -> Result<Response<v1::PlanScanResponse>, Status> {
        answered(scan::plan(&self.0, request.into_inner()).await)
    }

    async fn count(&self, request: Request<v1::CountRequest>) -> Result<Response<v1::CountResponse>, Status> {
        let request = request.into_inner().scan.unwrap_or_default();
        let scan = Scan::new(&self.0, request).map_err(|fault| to_status(&fault))?;
        let counted = scan::count(&self.0, &scan).await;
        answered(counted.map(|counted| v1::CountResponse { events: counted.events, partitions: counted.partitions }))
    }

    async fn tail(&self, request: Request<v1::TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        let peer = request.remote_addr().map_or_else(String::new, |address| address.to_string());
        let tail = Tail::new(&self.0, request.into_inner(), &peer).await.map_err(|fault| to_status(&fault))?;
        let responses = tail::responses(Arc::clone(&self.0), tail, peer).map_err(|fault| to_status(&fault))?;
        Ok(Response::new(responses.map_err(|fault| to_status(&fault)).boxed()))
    }
}
