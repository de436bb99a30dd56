//! A server with a table, the calls that the tests make, and what a refusal must hold.

use annals_testkit::calls;
use annals_testkit::embedded::EmbeddedSubject;
use annals_testkit::event::{Cell, TestEvent};
use annals_testkit::server::TestServer;
use annals_wire::opaque;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::v1::table_service_client::TableServiceClient;
use annals_wire::v1::{self, ScanRequest, TailRequest};
use bytes::Bytes;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

pub(crate) const TABLE: &str = "errors.flights";

/// A server with one table of one event, whose column `speed` is a double.
pub(crate) struct Bench {
    pub(crate) server: TestServer<EmbeddedSubject>,
    pub(crate) channel: Channel,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let server = TestServer::start(EmbeddedSubject::default()).await;
        let channel = calls::connect(&server.uri()).await;
        let bench = Self { server, channel };
        calls::create_table(&bench.channel, TABLE, 1).await;
        bench.append(&[good()]).await.expect("a good event");
        bench
    }

    pub(crate) fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel.clone()).max_decoding_message_size(usize::MAX)
    }

    pub(crate) fn tables(&self) -> TableServiceClient<Channel> {
        TableServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn append(&self, events: &[TestEvent]) -> Result<v1::AppendResponse, Status> {
        self.append_bytes(events.iter().map(|event| event.encode().into()).collect()).await
    }

    pub(crate) async fn append_bytes(&self, events: Vec<Bytes>) -> Result<v1::AppendResponse, Status> {
        self.append_request(opaque::AppendRequest { table: TABLE.to_owned(), events, ..Default::default() }).await
    }

    pub(crate) async fn append_request(&self, request: opaque::AppendRequest) -> Result<v1::AppendResponse, Status> {
        self.events().append(request).await.map(tonic::Response::into_inner)
    }

    /// All responses of a scan, or how it failed, at once or under way.
    pub(crate) async fn scan(&self, request: ScanRequest) -> Result<Vec<opaque::ScanResponse>, Status> {
        let mut stream = self.events().scan(request).await?.into_inner();
        let mut responses = Vec::new();
        while let Some(response) = stream.message().await? {
            responses.push(response);
        }
        Ok(responses)
    }

    /// The first response of a tail, or how it failed.
    pub(crate) async fn tail(&self, request: TailRequest) -> Result<opaque::TailResponse, Status> {
        let mut stream = self.events().tail(request).await?.into_inner();
        Ok(stream.message().await?.expect("a tail answers at once"))
    }

    /// Checks that the table is as `start` left it: one event, one column.
    pub(crate) async fn assert_untouched(&self) {
        let stored = calls::tail_all(&self.channel, TABLE).await;
        assert_eq!(stored.values().map(Vec::len).sum::<usize>(), 1, "nothing of a refused request is stored");
        let teaching = good().with("never_stored", Cell::Bool(true));
        let appended = self.append(&[teaching]).await.expect("a refused request teaches no column its type");
        assert_eq!(appended.shards[0].first_sequence, 2, "a refused request takes no sequence");
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }
}

/// An event that is taken.
pub(crate) fn good() -> TestEvent {
    TestEvent::new("N14228", 1_360_281_600_000_000_000).with("speed", Cell::Double(1.5))
}

pub(crate) fn scan_request() -> ScanRequest {
    ScanRequest { table: TABLE.to_owned(), ..ScanRequest::default() }
}

pub(crate) fn tail_request() -> TailRequest {
    let start = v1::tail_request::Start::Position(v1::StartPosition::Earliest.into());
    TailRequest { table: TABLE.to_owned(), start: Some(start), ..TailRequest::default() }
}

/// Checks code, domain and reason of a refusal; returns the fields that it names.
pub(crate) fn assert_refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, reason: &str) -> Vec<String> {
    let status = answer.expect_err(reason);
    assert_eq!(status.code(), code, "{status:?}");
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("ErrorInfo in {status:?}"));
    assert_eq!((info.domain.as_str(), info.reason.as_str()), ("annals", reason), "{status:?}");
    assert!(!status.message().is_empty(), "a message says what happened");
    let named = details.bad_request().map(|bad| bad.field_violations.iter().map(|one| one.field.clone()).collect());
    named.unwrap_or_default()
}

/// As `assert_refused`, for a refusal that names the event at `index`.
pub(crate) fn assert_event_refused<T: std::fmt::Debug>(
    answer: Result<T, Status>,
    code: Code,
    reason: &str,
    index: usize,
) {
    let fields = assert_refused(answer, code, reason);
    let event = format!("events[{index}]");
    assert!(fields.iter().any(|field| field.starts_with(&event)), "{event} is named in {fields:?}");
}
