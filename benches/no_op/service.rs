//! A server that takes and gives the same messages as Annals and does nothing with them.
//!
//! Requests are decoded and answered, scans and tails bring events that were made beforehand. What it reaches is what
//! gRPC, the client and the machine allow; no store behind the same contract can be faster.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use annals_server::Limits;
use annals_wire::opaque::event_service_server::{EventService, EventServiceServer};
use annals_wire::opaque::table_service_server::{TableService, TableServiceServer};
use annals_wire::opaque::{
    AppendRequest, AppendSessionRequest, RecordedEvent, ScanResponse, TailEvents, TailResponse, tail_response,
};
use annals_wire::v1::append_session_response::Result as Answer;
use annals_wire::v1::{
    AppendResponse, AppendSessionResponse, CountRequest, CountResponse, CreateTableRequest, CreateTableResponse,
    DropTableRequest, DropTableResponse, GetPartitionRequest, GetPartitionResponse, GetTableRequest, GetTableResponse,
    ListPartitionsRequest, ListPartitionsResponse, ListTablesRequest, ListTablesResponse, OpenProducerRequest,
    OpenProducerResponse, PlanScanRequest, PlanScanResponse, ScanRequest, ShardAppend, TailCaughtUp, TailRequest,
    UpdateTableRequest, UpdateTableResponse,
};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, Streaming};

/// A request may be as large as Annals takes it.
const REQUEST_BYTES_MAX: usize = 17 * 1024 * 1024;

/// Bytes of one DATA frame, as Annals takes them: see its `handshake`.
const FRAME_BYTES_MAX: u32 = 256 * 1024;

/// Events of one message of a tail: 256 KiB of the usual events.
const TAIL_BATCH: usize = 2_048;

/// What the server pretends to hold.
#[derive(Clone, Debug)]
pub(crate) struct Pretence {
    /// Events of each scan.
    pub(crate) scanned: usize,
    /// Bytes of an event.
    pub(crate) event_bytes: usize,
}

#[derive(Debug)]
struct NoOp {
    /// Events that were sent, so that a bench that fills a table finds them counted.
    appended: Arc<AtomicU64>,
    scanned: Vec<RecordedEvent>,
    tailed: Vec<RecordedEvent>,
}

/// Serves on a free port of this machine until the process ends.
///
/// # Errors
/// When it can't listen.
pub(crate) async fn serve(pretence: &Pretence) -> std::io::Result<SocketAddr> {
    let events = |count| (0..count).map(|sequence| event(sequence as u64 + 1, pretence.event_bytes)).collect();
    let service =
        Arc::new(NoOp { appended: Arc::default(), scanned: events(pretence.scanned), tailed: events(TAIL_BATCH) });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // The windows that a server of Annals has by default, from where it has them. With smaller ones requests wait for
    // room, and the floor would lie below what stands on it.
    let limits = Limits::default();
    let routes = tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .initial_stream_window_size(limits.call_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .max_concurrent_streams(limits.connection_calls_max)
        .max_frame_size(FRAME_BYTES_MAX)
        .add_service(EventServiceServer::from_arc(Arc::clone(&service)).max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(TableServiceServer::from_arc(service));
    tokio::spawn(routes.serve_with_incoming(TcpListenerStream::new(listener)));
    Ok(address)
}

fn event(sequence: u64, bytes: usize) -> RecordedEvent {
    // A key is all that a reader looks for; the rest is an id as long as it need be.
    let key = format!("p{sequence:09}");
    let mut event = vec![0x0a, u8::try_from(key.len()).expect("ten bytes")];
    event.extend_from_slice(key.as_bytes());
    let filler = bytes.saturating_sub(event.len() + 3);
    let [low, high] = [filler % 128, filler / 128].map(|part| u8::try_from(part).expect("events are below 16 KiB"));
    event.extend_from_slice(&[0x1a, low | 0x80, high]);
    event.resize(bytes.max(event.len()), 7);
    RecordedEvent {
        event: Bytes::from(event),
        shard: 0,
        sequence,
        commit_time_unix_nanos: 1_360_332_000_000_000_000,
        late: false,
    }
}

fn appended(request: &AppendRequest, count: &AtomicU64) -> AppendResponse {
    let event_count = request.events.len() as u64;
    count.fetch_add(event_count, Ordering::Relaxed);
    AppendResponse {
        shards: vec![ShardAppend { shard: 0, first_sequence: 1, event_count, commit_time_unix_nanos: 1 }],
        deduplicated: false,
        resume_token: Bytes::from_static(b"no-op"),
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl EventService for NoOp {
    type AppendSessionStream = Answers<AppendSessionResponse>;
    type ScanStream = Answers<ScanResponse>;
    type TailStream = Answers<TailResponse>;

    async fn append(&self, request: Request<AppendRequest>) -> Result<Response<AppendResponse>, Status> {
        Ok(Response::new(appended(request.get_ref(), &self.appended)))
    }

    async fn append_session(
        &self,
        requests: Request<Streaming<AppendSessionRequest>>,
    ) -> Result<Response<Self::AppendSessionStream>, Status> {
        let count = Arc::clone(&self.appended);
        let answers = requests.into_inner().map(move |request| {
            let answer = appended(&request?.append.unwrap_or_default(), &count);
            Ok(AppendSessionResponse { result: Some(Answer::Appended(answer)) })
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn scan(&self, _: Request<ScanRequest>) -> Result<Response<Self::ScanStream>, Status> {
        let message = ScanResponse {
            events: self.scanned.clone(),
            next_page_token: Bytes::new(),
            resume_token: Bytes::from_static(b"no-op"),
        };
        Ok(Response::new(stream::iter([Ok(message)]).boxed()))
    }

    async fn tail(&self, _: Request<TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        let total = usize::try_from(self.appended.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let message = |body| Ok(TailResponse { resume_token: Bytes::from_static(b"no-op"), body });
        let batch = self.tailed.clone();
        let events = (0..total).step_by(TAIL_BATCH).map(move |start| {
            let mut events = batch[..TAIL_BATCH.min(total - start)].to_vec();
            for (index, event) in events.iter_mut().enumerate() {
                event.sequence = (start + index) as u64 + 1;
            }
            message(Some(tail_response::Body::Events(TailEvents { events, watermark: None })))
        });
        let caught_up = message(Some(tail_response::Body::CaughtUp(TailCaughtUp { watermark: None })));
        Ok(Response::new(
            stream::iter([message(None)]).chain(stream::iter(events)).chain(stream::iter([caught_up])).boxed(),
        ))
    }

    async fn count(&self, _: Request<CountRequest>) -> Result<Response<CountResponse>, Status> {
        Ok(Response::new(CountResponse { events: self.appended.load(Ordering::Relaxed), partitions: 0 }))
    }

    async fn open_producer(&self, _: Request<OpenProducerRequest>) -> Result<Response<OpenProducerResponse>, Status> {
        Err(nothing_here())
    }

    async fn plan_scan(&self, _: Request<PlanScanRequest>) -> Result<Response<PlanScanResponse>, Status> {
        Err(nothing_here())
    }
}

#[tonic::async_trait]
impl TableService for NoOp {
    async fn create_table(
        &self,
        request: Request<CreateTableRequest>,
    ) -> Result<Response<CreateTableResponse>, Status> {
        self.appended.store(0, Ordering::Relaxed);
        Ok(Response::new(CreateTableResponse { table: request.into_inner().table }))
    }

    async fn get_table(&self, _: Request<GetTableRequest>) -> Result<Response<GetTableResponse>, Status> {
        Err(nothing_here())
    }

    async fn list_tables(&self, _: Request<ListTablesRequest>) -> Result<Response<ListTablesResponse>, Status> {
        Err(nothing_here())
    }

    async fn update_table(&self, _: Request<UpdateTableRequest>) -> Result<Response<UpdateTableResponse>, Status> {
        Err(nothing_here())
    }

    async fn drop_table(&self, _: Request<DropTableRequest>) -> Result<Response<DropTableResponse>, Status> {
        Err(nothing_here())
    }

    async fn get_partition(&self, _: Request<GetPartitionRequest>) -> Result<Response<GetPartitionResponse>, Status> {
        Err(nothing_here())
    }

    async fn list_partitions(
        &self,
        _: Request<ListPartitionsRequest>,
    ) -> Result<Response<ListPartitionsResponse>, Status> {
        Err(nothing_here())
    }
}

fn nothing_here() -> Status {
    Status::unimplemented("this server only takes what a bench sends")
}
