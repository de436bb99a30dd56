//! A session that sends ahead of a slow disk waits, and is not refused for what it sent itself.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use annals_embedded::{EmbeddedEngine, Options};
use annals_server::{Config, Limits, Server};
use annals_testkit::disk::MemoryDisk;
use annals_wire::opaque::AppendSessionRequest;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::v1::append_session_response::Result as Outcome;
use annals_wire::v1::table_service_client::TableServiceClient;
use annals_wire::v1::{CreateTableRequest, GetTableRequest, Table};
use futures_util::stream;

use crate::harness::*;

/// Requests that are 50 KiB as they come. Their events, which have a key alone, get a time and an id and are held as
/// fourteen times that.
const REQUESTS: usize = 100;
const EVENTS: usize = 100;

/// Calls that are answered while nothing is synced: more than an append takes to be refused that may not wait.
const CALLS: usize = 50;

#[tokio::test]
async fn tiny_events_sent_ahead_of_a_disk_that_stands_still_wait() {
    let disk = MemoryDisk::new();
    let mut options = Options::on_disk(Arc::new(disk.clone()));
    options.admission_table_bytes_max = 256 * 1024;
    options.admission_wait_max = Duration::ZERO;
    let engine = Arc::new(EmbeddedEngine::open(options).expect("a store"));
    let mut config =
        Config { limits: Limits { session_bytes_max: 64 * 1024, ..Limits::default() }, ..Config::default() };
    config.server.listen = ([127, 0, 0, 1], 0).into();
    let server = Server::bind(config, engine).expect("a free port");
    let channel = connect(server.local_addr()).await;
    tokio::spawn(server.run(pending()));
    let mut tables = TableServiceClient::new(channel.clone());
    let table = Table { name: "k.t".into(), ..Table::default() };
    tables.create_table(CreateTableRequest { table: Some(table), if_not_exists: false }).await.expect("a table");

    let held = disk.hold_syncs();
    let append = raw_request(vec![b"\x0a\x01k".to_vec(); EVENTS]);
    let requests = vec![AppendSessionRequest { append: Some(append) }; REQUESTS];
    let session = EventServiceClient::new(channel).append_session(stream::iter(requests)).await;
    let answers = session.expect("a session").into_inner();
    for _ in 0..CALLS {
        tables.get_table(GetTableRequest { name: "k.t".into() }).await.expect("the table");
    }
    drop(held);
    let answers = collect(answers).await;
    assert_eq!(answers.len(), REQUESTS);
    for (index, answer) in answers.into_iter().enumerate() {
        assert!(matches!(answer.result, Some(Outcome::Appended(_))), "request {index}: {:?}", answer.result);
    }
}
