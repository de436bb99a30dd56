//! A server on a free port of this machine, in this process, and clients of it.

use std::sync::Arc;
use std::time::Duration;

use annals_model::{Fault, Reason};
use annals_server::{Config, Limits, Server};
use annals_testkit::event::TestEvent;
use annals_testkit::plain::{PlainEngine, PlainSubject};
use annals_testkit::subject::Subject;
use annals_wire::fault::{code_of, from_status};
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::{AppendRequest, RecordedEvent, ScanResponse, TailResponse};
use annals_wire::v1::server_service_client::ServerServiceClient;
use annals_wire::v1::table_service_client::TableServiceClient;
use annals_wire::v1::{self, AppendResponse, ScanRequest, TailRequest};
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

/// Longer than anything here takes; a test that waits so long hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Running {
    pub(crate) engine: Arc<PlainEngine>,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) channel: Channel,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) ended: JoinHandle<()>,
}

/// A server with default limits.
pub(crate) async fn start() -> Running {
    start_with(Limits::default()).await
}

pub(crate) async fn start_with(limits: Limits) -> Running {
    let engine = PlainSubject::default().open().await;
    let mut config = Config { limits, ..Config::default() };
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.server.threads = 2;
    let server = Server::bind(config, Arc::clone(&engine)).expect("a free port");
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(async move {
        let shutdown = async { drop(stopped.await) };
        server.run(shutdown).await.expect("the server runs");
    });
    let channel = connect(address).await;
    Running { engine, address, channel, stop: Some(stop), ended }
}

/// A client of a server over `engine`, which serves until the test ends.
pub(crate) async fn serve<E: annals_engine::Engine>(engine: Arc<E>) -> Channel {
    let mut config = Config::default();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    let server = Server::bind(config, engine).expect("a free port");
    let address = server.local_addr();
    tokio::spawn(server.run(std::future::pending()));
    connect(address).await
}

pub(crate) async fn connect(address: std::net::SocketAddr) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("a URI");
    endpoint.connect().await.expect("the server listens")
}

impl Running {
    pub(crate) fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel.clone()).max_encoding_message_size(64 * 1024 * 1024)
    }

    pub(crate) fn tables(&self) -> TableServiceClient<Channel> {
        TableServiceClient::new(self.channel.clone())
    }

    pub(crate) fn servers(&self) -> ServerServiceClient<Channel> {
        ServerServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn table(&self, table: v1::Table) -> v1::Table {
        let request = v1::CreateTableRequest { table: Some(table), if_not_exists: false };
        self.tables().create_table(request).await.expect("a table").into_inner().table.expect("described")
    }

    /// Makes the table `k.t` with so many shards.
    pub(crate) async fn plain_table(&self, shard_count: u32) -> v1::Table {
        self.table(v1::Table { name: "k.t".into(), shard_count, ..v1::Table::default() }).await
    }

    pub(crate) async fn append(&self, events: &[TestEvent]) -> AppendResponse {
        self.events().append(request(events)).await.expect("an append").into_inner()
    }

    pub(crate) async fn append_refused(&self, request: AppendRequest) -> Fault {
        fault(self.events().append(request).await.expect_err("refused"))
    }

    pub(crate) async fn scan(&self, request: ScanRequest) -> Vec<ScanResponse> {
        collect(self.events().scan(request).await.expect("a scan").into_inner()).await
    }

    pub(crate) async fn scan_refused(&self, request: ScanRequest) -> Fault {
        match self.events().scan(request).await {
            Err(status) => fault(status),
            Ok(stream) => fault(stream.into_inner().message().await.expect_err("refused")),
        }
    }

    pub(crate) async fn tail(&self, request: TailRequest) -> Streaming<TailResponse> {
        self.events().tail(request).await.expect("a tail").into_inner()
    }

    pub(crate) async fn tail_refused(&self, request: TailRequest) -> Fault {
        match self.events().tail(request).await {
            Err(status) => fault(status),
            Ok(stream) => fault(stream.into_inner().message().await.expect_err("refused")),
        }
    }

    /// How many events the table holds.
    pub(crate) async fn count(&self) -> u64 {
        let request = v1::CountRequest { scan: Some(scan_all()) };
        self.events().count(request).await.expect("a count").into_inner().events
    }
}

pub(crate) fn request(events: &[TestEvent]) -> AppendRequest {
    raw_request(events.iter().map(TestEvent::encode))
}

pub(crate) fn raw_request(events: impl IntoIterator<Item = Vec<u8>>) -> AppendRequest {
    let events = events.into_iter().map(Bytes::from).collect();
    AppendRequest { table: "k.t".into(), events, ..AppendRequest::default() }
}

pub(crate) fn scan_all() -> ScanRequest {
    ScanRequest { table: "k.t".into(), ..ScanRequest::default() }
}

pub(crate) fn tail_from(start: v1::tail_request::Start) -> TailRequest {
    TailRequest { table: "k.t".into(), start: Some(start), ..TailRequest::default() }
}

pub(crate) fn earliest() -> v1::tail_request::Start {
    v1::tail_request::Start::Position(v1::StartPosition::Earliest.into())
}

pub(crate) fn latest() -> v1::tail_request::Start {
    v1::tail_request::Start::Position(v1::StartPosition::Latest.into())
}

pub(crate) async fn collect<T>(mut stream: Streaming<T>) -> Vec<T> {
    let mut all = Vec::new();
    while let Some(one) = next(&mut stream).await.expect("no error") {
        all.push(one);
    }
    all
}

/// The next message, in time.
pub(crate) async fn next<T>(stream: &mut Streaming<T>) -> Result<Option<T>, Status> {
    tokio::time::timeout(PATIENCE, stream.message()).await.expect("a message in time")
}

/// The fault behind a status; every error of a server has one.
#[expect(clippy::needless_pass_by_value, reason = "it is called on what `expect_err` has just given")]
pub(crate) fn fault(status: Status) -> Fault {
    let fault = from_status(&status).unwrap_or_else(|| panic!("no reason in {status:?}"));
    assert_eq!(code_of(fault.reason.kind()), status.code());
    fault
}

pub(crate) fn events_of(pages: &[ScanResponse]) -> Vec<RecordedEvent> {
    pages.iter().flat_map(|page| page.events.iter().cloned()).collect()
}

pub(crate) fn bytes_of(events: &[RecordedEvent]) -> Vec<Bytes> {
    events.iter().map(|event| event.event.clone()).collect()
}

/// Whether a fault has this reason and names this field.
#[track_caller]
pub(crate) fn assert_field(fault: &Fault, reason: Reason, field: &str) {
    let fields: Vec<_> = fault.violations.iter().map(|one| one.field.as_str()).collect();
    assert_eq!((fault.reason, fields), (reason, vec![field]), "{fault:?}");
}
