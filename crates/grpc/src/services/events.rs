//! `EventService`.

use std::pin::Pin;
use std::sync::Arc;

use annals_engine::Engine;
use annals_service::{LivePages, PlanRequest, Service, SessionError};
use annals_wire::answer::{ScanAnswer, TailAnswer};
use annals_wire::opaque::{AppendRequest, AppendSessionRequest};
use annals_wire::serving::event_service_server::EventService;
use annals_wire::v1;
use futures_util::{Stream, StreamExt, TryStreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::{answered, caller, not_built, refused};
use crate::connection::detailed;
use crate::deadline::CallDeadline;
use crate::translate::{self, Encoded};

/// Writes and reads events.
#[derive(Debug)]
pub(crate) struct EventApi<E> {
    service: Arc<Service<E>>,
    /// What live tails share.
    live_pages: Arc<LivePages<Encoded>>,
}

impl<E: Engine> EventApi<E> {
    pub(crate) fn new(service: &Arc<Service<E>>) -> Self {
        Self { service: Arc::clone(service), live_pages: service.live_pages() }
    }
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl<E: Engine> EventService for EventApi<E> {
    type AppendSessionStream = Responses<v1::AppendSessionResponse>;
    type ScanStream = Responses<ScanAnswer>;
    type TailStream = Responses<TailAnswer>;

    async fn append(&self, request: Request<AppendRequest>) -> Result<Response<v1::AppendResponse>, Status> {
        let deadline = CallDeadline::take_over(request.extensions());
        let caller = caller(&request);
        let append = translate::append_request(request.into_inner());
        let receipt = self.service.append(&caller, append, deadline).await;
        answered(receipt.map(translate::append_response))
    }

    async fn append_session(
        &self,
        request: Request<Streaming<AppendSessionRequest>>,
    ) -> Result<Response<Self::AppendSessionStream>, Status> {
        let deadline = CallDeadline::take_over(request.extensions());
        let caller = caller(&request);
        let requests = request.into_inner().map_ok(|one| translate::append_request(one.append.unwrap_or_default()));
        let answers = self.service.append_session(&caller, requests, deadline).map_err(refused)?;
        let responses = answers.map_ok(translate::append_session_response).map_err(|error| match error {
            SessionError::Fault(fault) => refused(fault),
            SessionError::Broken(status) => detailed(status),
        });
        Ok(Response::new(responses.boxed()))
    }

    async fn open_producer(
        &self,
        _: Request<v1::OpenProducerRequest>,
    ) -> Result<Response<v1::OpenProducerResponse>, Status> {
        not_built("OpenProducer")
    }

    async fn scan(&self, request: Request<v1::ScanRequest>) -> Result<Response<Self::ScanStream>, Status> {
        let caller = caller(&request);
        let scan = translate::scan_request(request.into_inner()).map_err(refused)?;
        let pages = self.service.scan(&caller, scan).map_err(refused)?;
        Ok(Response::new(pages.map_ok(translate::scan_answer).map_err(refused).boxed()))
    }

    async fn plan_scan(&self, request: Request<v1::PlanScanRequest>) -> Result<Response<v1::PlanScanResponse>, Status> {
        let caller = caller(&request);
        let v1::PlanScanRequest { scan, max_splits } = request.into_inner();
        let asked = scan.unwrap_or_default();
        let scan = translate::scan_request(asked.clone()).map_err(refused)?;
        let plan = self.service.plan_scan(&caller, PlanRequest { scan, max_splits }).await;
        answered(plan.and_then(|plan| translate::scan_plan(plan, asked)))
    }

    async fn count(&self, request: Request<v1::CountRequest>) -> Result<Response<v1::CountResponse>, Status> {
        let caller = caller(&request);
        let asked = request.into_inner().scan.unwrap_or_default();
        let scan = translate::scan_request(asked).map_err(refused)?;
        let counted = self.service.count(&caller, scan).await;
        answered(counted.map(|counted| v1::CountResponse { events: counted.events, partitions: counted.partitions }))
    }

    async fn tail(&self, request: Request<v1::TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        let caller = caller(&request);
        let tail = translate::tail_request(request.into_inner()).map_err(refused)?;
        let steps = self.service.tail(&caller, tail, &self.live_pages).await.map_err(refused)?;
        Ok(Response::new(steps.map_ok(translate::tail_answer).map_err(refused).boxed()))
    }
}
