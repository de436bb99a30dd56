//! SIGTERM under load: the server ends by itself within 5 s, and nothing that it acknowledged is lost.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use annals_model::ShardCount;
use annals_testkit::calls;
use annals_testkit::ledger::Ledger;
use annals_testkit::process::ServerProcess;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::v1::{StartPosition, TailRequest, tail_request};
use tokio::sync::Notify;

const BINARY: &str = env!("CARGO_BIN_EXE_annals");
const TABLE: &str = "terminate.events";
const SHARDS: u32 = 2;
const APPENDERS: u64 = 4;
const ANSWERS_BEFORE: u64 = 200;
/// What a graceful stop may take.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Follows the table for as long as the server lets it; how it ended does not matter.
async fn follow(uri: String) -> u64 {
    let start = tail_request::Start::Position(StartPosition::Earliest.into());
    let request = TailRequest { table: TABLE.to_owned(), start: Some(start), ..TailRequest::default() };
    let mut client = EventServiceClient::new(calls::connect(&uri).await);
    let mut stream = client.tail(request).await.expect("a tail").into_inner();
    let mut messages = 0;
    while let Ok(Some(_)) = stream.message().await {
        messages += 1;
    }
    messages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_ends_the_server_in_five_seconds_with_nothing_acknowledged_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("store");
    let mut ledger = Ledger::new(ShardCount::new(SHARDS).expect("a count of shards"));
    let server = ServerProcess::start(Path::new(BINARY), &data, &[]);
    let idle = calls::connect(&server.uri()).await;
    calls::create_table(&idle, TABLE, SHARDS).await;
    let follower = tokio::spawn(follow(server.uri()));
    let (answered, enough) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let mut appenders = Vec::new();
    for seed in 0..APPENDERS {
        let channel = calls::connect(&server.uri()).await;
        let (answered, enough) = (Arc::clone(&answered), Arc::clone(&enough));
        let count = move || {
            if answered.fetch_add(1, Ordering::SeqCst) + 1 == ANSWERS_BEFORE {
                enough.notify_one();
            }
        };
        appenders.push(tokio::spawn(async move {
            calls::append_until_gone(&channel, TABLE, seed, usize::MAX, count).await
        }));
    }
    enough.notified().await;
    let asked = Instant::now();
    server.terminate();
    let status = tokio::task::spawn_blocking(move || server.ended(STOP_MAX)).await.expect("the server ends");
    eprintln!("ended in {:?}", asked.elapsed());
    assert!(asked.elapsed() <= STOP_MAX, "{:?}", asked.elapsed());
    assert!(status.success(), "a graceful end is a success: {status}");
    for appender in appenders {
        ledger.extend(appender.await.expect("an appender"));
    }
    assert!(follower.await.expect("the follower") > 0, "the tail was followed");
    drop(idle);

    let server = ServerProcess::start(Path::new(BINARY), &data, &[]);
    let channel = calls::connect(&server.uri()).await;
    ledger.check(&calls::tail_all(&channel, TABLE).await);
    assert!(!server.log().contains("torn"), "a clean end leaves nothing to cut:\n{}", server.log());
}
