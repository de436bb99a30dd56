//! A service over an engine in memory.

use std::sync::Arc;
use std::time::Duration;

use annals_model::{Fault, Reason, StoredEvent};
use annals_service::{
    AppendReceipt, AppendRequest, Caller, CreateTable, EncodedPage, Limits, ScanPage, ScanRequest, Service, Stop,
    Stopper, TailStep,
};
use annals_testkit::event::TestEvent;
use annals_testkit::plain::{PlainEngine, PlainSubject};
use annals_testkit::subject::Subject;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};

/// Longer than anything here takes; a test that waits so long hangs.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const TABLE: &str = "k.t";

pub(crate) struct Bench {
    pub(crate) service: Arc<Service<PlainEngine>>,
    pub(crate) caller: Caller,
    pub(crate) stopper: Stopper,
}

/// Small limits, so that tests come to them.
pub(crate) fn limits() -> Limits {
    Limits {
        request_bytes_max: 1 << 20,
        receiving_bytes_max: 1 << 20,
        sessions_max: 2,
        send_buffer_bytes_max: 1 << 16,
        sending_bytes_max: 1 << 20,
        session_bytes_max: 1 << 20,
        session_requests_max: 16,
        response_bytes_target: 1 << 16,
        response_events_max: 4,
        keys_max: 3,
        tails_max: 3,
        tail_behind_events: 1_000,
        live_pages_bytes_max: 1 << 20,
        splits_max: 8,
        split_bytes: 1 << 20,
        page_entries_max: 2,
    }
}

impl Bench {
    /// With the table, of so many shards.
    pub(crate) async fn start(shard_count: u32) -> Self {
        let (stopper, stop) = Stop::new();
        let service = Service::new(PlainSubject::default().open().await, limits(), stop);
        let bench = Self { service, caller: Caller::local(), stopper };
        bench.table(TABLE, shard_count).await;
        bench
    }

    pub(crate) async fn table(&self, name: &str, shard_count: u32) {
        self.service.create_table(&self.caller, CreateTable::open(name, shard_count)).await.expect("a table");
    }

    pub(crate) async fn append(&self, events: &[TestEvent]) -> AppendReceipt {
        self.service.append(&self.caller, request(events), None).await.expect("an append")
    }

    pub(crate) async fn scan(&self, request: ScanRequest) -> Vec<ScanPage> {
        let pages = self.service.scan(&self.caller, request).expect("a scan");
        pages.try_collect().await.expect("all pages")
    }
}

pub(crate) fn request(events: &[TestEvent]) -> AppendRequest {
    let events: Vec<Bytes> = events.iter().map(|event| event.encode().into()).collect();
    let bytes = events.iter().map(Bytes::len).sum();
    AppendRequest { table: TABLE.to_owned(), events, bytes, ..AppendRequest::default() }
}

/// Events of one partition, at consecutive times.
pub(crate) fn events(key: &str, times: std::ops::Range<i64>) -> Vec<TestEvent> {
    times.map(|time| TestEvent::new(key, time)).collect()
}

pub(crate) fn times(events: &[StoredEvent]) -> Vec<i64> {
    events.iter().map(|event| event.time.unix_nanos()).collect()
}

/// A door's pages: the times of their events, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimesAsText(pub(crate) Arc<str>);

impl EncodedPage for TimesAsText {
    fn encode(events: &[StoredEvent]) -> Self {
        Self(times(events).iter().map(i64::to_string).collect::<Vec<_>>().join(" ").into())
    }

    fn byte_count(&self) -> usize {
        self.0.len()
    }
}

/// The next step of a tail, in time; none at its end.
pub(crate) async fn next<P>(
    steps: &mut (impl Stream<Item = Result<TailStep<P>, Fault>> + Unpin),
) -> Option<Result<TailStep<P>, Fault>> {
    tokio::time::timeout(PATIENCE, steps.next()).await.expect("a step in time")
}

#[track_caller]
pub(crate) fn assert_field(fault: &Fault, reason: Reason, field: &str) {
    let fields: Vec<_> = fault.violations.iter().map(|one| one.field.as_str()).collect();
    assert_eq!((fault.reason, fields), (reason, vec![field]), "{fault:?}");
}
