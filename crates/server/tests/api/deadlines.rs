//! `grpc-timeout`: the server ends a call by itself, and an append is told what is known of it.
//!
//! The client here keeps no deadline of its own, so that what comes at its end is the server's.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use annals_embedded::{EmbeddedEngine, Options};
use annals_model::Reason;
use annals_server::{Config, Server};
use annals_testkit::disk::MemoryDisk;
use annals_testkit::event::{Cell, TestEvent};
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::tail_response::Body::Events;
use annals_wire::opaque::{AppendRequest, AppendSessionRequest};
use annals_wire::v1::table_service_client::TableServiceClient;
use annals_wire::v1::{CountRequest, CreateTableRequest, DropTableRequest, Table};
use futures_util::{StreamExt, stream};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::body::Body;
use tonic::codegen::http::{Request, Response, Uri};

use crate::harness::*;

/// A client that tells the server a timeout with each call, and keeps none itself.
#[derive(Clone)]
struct Impatient {
    connection: SendRequest<Body>,
    timeout: &'static str,
}

impl tower::Service<Request<Body>> for Impatient {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        request.headers_mut().insert("grpc-timeout", self.timeout.parse().expect("a header"));
        let mut connection = self.connection.clone();
        Box::pin(async move { connection.send_request(request).await })
    }
}

/// A server over a store in memory, with room for so many appends at once, and its table `k.t`.
struct Slow {
    disk: MemoryDisk,
    address: SocketAddr,
    patient: tonic::transport::Channel,
}

async fn start_slow(appends_at_once: u64) -> Slow {
    let disk = MemoryDisk::new();
    let mut options = Options::on_disk(Arc::new(disk.clone()));
    options.admission_table_bytes_max = appends_at_once * 2 * 1024;
    options.admission_wait_max = PATIENCE;
    let engine = Arc::new(EmbeddedEngine::open(options).expect("a store"));
    let mut config = Config::default();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    let server = Server::bind(config, engine).expect("a free port");
    let address = server.local_addr();
    tokio::spawn(server.run(std::future::pending()));
    let patient = connect(address).await;
    let table = Table { name: "k.t".into(), ..Table::default() };
    let made = CreateTableRequest { table: Some(table), if_not_exists: false };
    TableServiceClient::new(patient.clone()).create_table(made).await.expect("a table");
    Slow { disk, address, patient }
}

impl Slow {
    async fn connection(&self, timeout: &'static str) -> (Impatient, Uri) {
        let stream = tokio::net::TcpStream::connect(self.address).await.expect("a connection");
        let (connection, driver) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(driver);
        let origin = format!("http://{}", self.address).parse().expect("a URI");
        (Impatient { connection, timeout }, origin)
    }

    async fn impatient(&self, timeout: &'static str) -> EventServiceClient<Impatient> {
        let (impatient, origin) = self.connection(timeout).await;
        EventServiceClient::with_origin(impatient, origin)
    }

    fn events(&self) -> EventServiceClient<tonic::transport::Channel> {
        EventServiceClient::new(self.patient.clone())
    }

    async fn count(&self) -> u64 {
        let request = CountRequest { scan: Some(scan_all()) };
        self.events().count(request).await.expect("a count").into_inner().events
    }
}

fn one(time: i64) -> AppendRequest {
    request(&[TestEvent::new("k", time)])
}

/// Looks again and again until the table holds so many events.
async fn until_stored(server: &Slow, count: u64) {
    let stored = async {
        while server.count().await < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, stored).await.expect("stored in time");
}

#[tokio::test]
async fn an_append_whose_deadline_passes_while_it_is_written_is_told_that_its_outcome_is_unknown() {
    let server = start_slow(10).await;
    let held = server.disk.hold_syncs();
    let refused = fault(server.impatient("1S").await.append(one(1)).await.expect_err("too late"));
    assert_eq!(refused.reason, Reason::DeadlineExceeded);
    assert!(refused.message.contains("not known"), "{}", refused.message);
    drop(held);
    // It had its place, so it is stored all the same.
    until_stored(&server, 1).await;
}

#[tokio::test]
async fn an_append_whose_deadline_passes_while_it_waits_for_its_turn_takes_none() {
    let server = start_slow(1).await;
    let held = server.disk.hold_syncs();
    let mut events = server.events();
    let first = tokio::spawn(async move { events.append(one(1)).await });
    // Whichever came first waits for the disk, and the other for its turn.
    let refused = fault(server.impatient("500m").await.append(one(2)).await.expect_err("too late"));
    let is_unknown = refused.message.contains("not known");
    assert!(is_unknown || refused.message.contains("nothing of them is stored"), "{}", refused.message);
    let refused = fault(server.impatient("500m").await.append(one(3)).await.expect_err("too late"));
    assert!(refused.message.contains("nothing of them is stored"), "{}", refused.message);
    drop(held);
    first.await.expect("it ends").expect("stored");
    assert_eq!(server.count().await, if is_unknown { 2 } else { 1 });
}

#[tokio::test]
async fn an_append_that_comes_after_its_deadline_is_not_stored() {
    let server = start_slow(10).await;
    let refused = fault(server.impatient("0n").await.append(one(1)).await.expect_err("too late"));
    assert_eq!(refused.reason, Reason::DeadlineExceeded);
    assert!(refused.message.contains("nothing of them is stored"), "{}", refused.message);
    assert_eq!(server.count().await, 0);
}

#[tokio::test]
async fn a_session_whose_deadline_passes_tells_of_which_requests_the_outcome_is_unknown() {
    let server = start_slow(2).await;
    // Each brings a column, so that it is an append of its own.
    let requests = (0..3).map(|time| {
        let event = TestEvent::new("k", time).with(&format!("c{time}"), Cell::Bool(true));
        AppendSessionRequest { append: Some(request(&[event])) }
    });
    let held = server.disk.hold_syncs();
    let requests = stream::iter(requests).chain(stream::pending());
    let mut answers = server.impatient("2S").await.append_session(requests).await.expect("a session").into_inner();
    let ended = fault(next(&mut answers).await.expect_err("too late"));
    assert_eq!(ended.reason, Reason::DeadlineExceeded);
    assert!(ended.message.contains("before 3 requests") && ended.message.contains("first 2"), "{}", ended.message);
    drop(held);
    until_stored(&server, 2).await;
}

#[tokio::test]
async fn a_tail_ends_at_its_deadline_after_what_it_has_brought() {
    let server = start_slow(10).await;
    server.events().append(one(1)).await.expect("stored");
    let mut tail = server.impatient("1S").await.tail(tail_from(earliest())).await.expect("a tail").into_inner();
    let mut brought = 0;
    let ended = loop {
        match next(&mut tail).await {
            Ok(response) => {
                if let Some(Events(events)) = response.expect("it does not end in silence").body {
                    brought += events.events.len();
                }
            }
            Err(status) => break fault(status),
        }
    };
    assert_eq!((ended.reason, brought), (Reason::DeadlineExceeded, 1));
}

#[tokio::test]
async fn a_change_of_a_table_is_not_waited_for_past_the_deadline() {
    let server = start_slow(10).await;
    let held = server.disk.hold_syncs();
    let (impatient, origin) = server.connection("50m").await;
    let dropped = DropTableRequest { name: "k.t".into() };
    let refused = TableServiceClient::with_origin(impatient, origin).drop_table(dropped).await.expect_err("too late");
    let refused = fault(refused);
    assert_eq!(refused.reason, Reason::DeadlineExceeded);
    assert!(refused.message.contains("may or may not"), "{}", refused.message);
    drop(held);
}

#[tokio::test]
async fn a_deadline_in_time_changes_nothing_and_one_that_is_none_is_refused() {
    let server = start_slow(10).await;
    for timeout in ["30S", "99999999H"] {
        server.impatient(timeout).await.append(one(1)).await.expect("in time");
    }
    let refused = fault(server.impatient("soon").await.append(one(1)).await.expect_err("no timeout"));
    assert_field(&refused, Reason::InvalidRequest, "grpc-timeout");
    assert_eq!(server.count().await, 2);
}
