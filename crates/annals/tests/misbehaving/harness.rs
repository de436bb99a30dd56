//! A server with little memory of its own, so that what clients make it hold is seen, and a client that behaves.

use std::path::Path;
use std::time::Duration;

use annals_testkit::calls;
use annals_testkit::event::{Cell, TestEvent};
use annals_testkit::process::ServerProcess;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::{TailResponse, tail_response::Body};
use annals_wire::v1::server_service_client::ServerServiceClient;
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{ListTailsRequest, StartPosition, TailInfo, TailRequest};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

pub(crate) const TABLE: &str = "misbehaving.events";
/// Longer than anything here takes; a test that waits so long hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// Of the engine: what it keeps of its own accord is small, and full soon.
const SMALL: [&str; 5] = [
    "engine.memtable_bytes_max=4194304",
    "engine.run_bytes_max=1048576",
    "engine.journal_file_bytes=4194304",
    "engine.cache_bytes_max=1048576",
    "engine.cache_runs_bytes_max=4194304",
];
/// How often what is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running server on a folder of its own.
pub(crate) struct Served {
    pub(crate) process: ServerProcess,
    _folder: TempDir,
}

impl Served {
    /// Starts the server with some limits besides the small engine, and makes the table.
    pub(crate) async fn start(limits: &[&str]) -> Self {
        Self::begin(limits, None).await
    }

    /// Starts the server with so many file descriptors.
    pub(crate) async fn start_with_open_files_max(count: usize) -> Self {
        Self::begin(&[], Some(count)).await
    }

    async fn begin(limits: &[&str], open_files_max: Option<usize>) -> Self {
        let binary = std::env::var_os("ANNALS_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_annals").into());
        let folder = tempfile::tempdir().expect("a folder");
        let arguments: Vec<&str> = SMALL.iter().chain(limits).flat_map(|setting| ["--set", setting]).collect();
        let data = folder.path().join("store");
        let process = match open_files_max {
            None => ServerProcess::start(Path::new(&binary), &data, &arguments),
            Some(count) => ServerProcess::start_with_open_files_max(Path::new(&binary), &data, &arguments, count),
        };
        let served = Self { process, _folder: folder };
        calls::create_table(&served.connect().await, TABLE, 1).await;
        served
    }

    pub(crate) async fn connect(&self) -> Channel {
        calls::connect(&self.process.uri()).await
    }

    /// Connects as a client that lets the server send so many bytes ahead in one call, and any number over all of them.
    pub(crate) async fn connect_with_window(&self, bytes: u32) -> Channel {
        let endpoint = Endpoint::from_shared(self.process.uri()).expect("a URI");
        let windows = endpoint.initial_stream_window_size(bytes).initial_connection_window_size(1 << 30);
        windows.connect().await.expect("the server listens")
    }

    /// The tails that the server knows of, up to a thousand.
    pub(crate) async fn tails(&self, channel: &Channel) -> Vec<TailInfo> {
        let request = ListTailsRequest::default();
        let answer = ServerServiceClient::new(channel.clone()).list_tails(request).await;
        answer.expect("the tails are listed").into_inner().tails
    }

    /// A new client connects, appends an event and gets it back by a tail, in time.
    pub(crate) async fn serves_a_good_client(&self) {
        let served = async {
            let channel = self.connect().await;
            let mut stream = tail(&channel, TABLE, StartPosition::Latest, &[b"good"]).await;
            append(&channel, &[TestEvent::new("good", 1)]).await;
            while next_events(&mut stream).await.is_empty() {}
        };
        tokio::time::timeout(PATIENCE, served).await.expect("a good client is served in time");
    }
}

/// Appends events, which must be taken.
pub(crate) async fn append(channel: &Channel, events: &[TestEvent]) {
    try_append(channel, events).await.expect("the events are taken");
}

/// Appends events.
pub(crate) async fn try_append(channel: &Channel, events: &[TestEvent]) -> Result<(), Status> {
    let request = calls::append_request(TABLE, events);
    EventServiceClient::new(channel.clone()).append(request).await.map(drop)
}

/// A tail of some keys, or of all if there is none, of which the first response has come.
pub(crate) async fn tail(
    channel: &Channel,
    table: &str,
    start: StartPosition,
    keys: &[&[u8]],
) -> Streaming<TailResponse> {
    let partition_keys = keys.iter().map(|key| key.to_vec().into()).collect();
    let heartbeat_interval = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    let start = Some(Start::Position(start.into()));
    let table = table.to_owned();
    let request = TailRequest { table, partition_keys, start, heartbeat_interval, ..TailRequest::default() };
    let mut client = EventServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let mut stream = client.tail(request).await.expect("a tail").into_inner();
    stream.message().await.expect("the first response").expect("it comes at once");
    stream
}

/// The sequences of the next response; none if it brings no events.
pub(crate) async fn next_events(stream: &mut Streaming<TailResponse>) -> Vec<u64> {
    let response = tokio::time::timeout(PATIENCE, stream.message()).await.expect("a response in time");
    match response.expect("a tail that goes on").expect("a tail does not end by itself").body {
        Some(Body::Events(events)) => events.events.iter().map(|event| event.sequence).collect(),
        _ => Vec::new(),
    }
}

/// So many events of about 128 bytes, of many partitions.
pub(crate) fn small_events(count: i64) -> Vec<TestEvent> {
    let event = |time| {
        let key = format!("bulk-{}", time % 50);
        TestEvent::new(key, time).with("payload", Cell::Bytes(vec![time.to_le_bytes()[0]; 74]))
    };
    (0..count).map(event).collect()
}

/// Waits until something is so, and says what it was if it never is.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let waited = async {
        while !is_so().await {
            looks.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waited).await.is_ok(), "waited in vain until {what}");
}
