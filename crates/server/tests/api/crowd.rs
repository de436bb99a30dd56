//! Sessions that share a connection and send single events as far ahead of a slow disk as HTTP/2 lets them: they wait, and
//! none loses the connection.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use annals_embedded::{EmbeddedEngine, Options};
use annals_server::{Config, Limits, Server};
use annals_testkit::ahead::{AheadClient, session_message};
use annals_testkit::disk::MemoryDisk;
use annals_wire::v1::table_service_client::TableServiceClient;
use annals_wire::v1::{CreateTableRequest, Table};
use futures_util::future::join_all;

use crate::harness::*;

const CALL_WINDOW_BYTES: u32 = 65_536;
/// As many as eight calls' windows.
const CONNECTION_WINDOW_BYTES: u32 = 524_288;
/// Requests of one session that the server has under way; the others wait in the windows.
const SESSION_REQUESTS: usize = 64;
/// Bytes of answers that the client takes ahead in one session: all of them.
const ANSWER_BYTES: u32 = 1 << 24;

/// A server over a disk that stands still when it is told to, with the table `k.t`.
async fn start_slow() -> (MemoryDisk, SocketAddr) {
    let disk = MemoryDisk::new();
    let mut options = Options::on_disk(Arc::new(disk.clone()));
    options.admission_wait_max = PATIENCE;
    // The disk copies a file whenever it is synced.
    options.journal.file_bytes = 1024 * 1024;
    let engine = Arc::new(EmbeddedEngine::open(options).expect("a store"));
    let limits = Limits {
        call_window_bytes: CALL_WINDOW_BYTES,
        connection_window_bytes: CONNECTION_WINDOW_BYTES,
        session_requests_max: SESSION_REQUESTS,
        ..Limits::default()
    };
    let mut config = Config { limits, ..Config::default() };
    config.server.listen = ([127, 0, 0, 1], 0).into();
    let server = Server::bind(config, engine).expect("a free port");
    let address = server.local_addr();
    tokio::spawn(server.run(pending()));
    let table = Table { name: "k.t".into(), ..Table::default() };
    let request = CreateTableRequest { table: Some(table), if_not_exists: false };
    TableServiceClient::new(connect(address).await).create_table(request).await.expect("a table");
    (disk, address)
}

/// Sends twice as many events as the windows and the sessions take in while the disk stands still.
async fn send_ahead(sessions: usize) {
    let message = session_message(raw_request([b"\x0a\x01k".to_vec()]));
    let window = (CONNECTION_WINDOW_BYTES as usize).min(sessions * CALL_WINDOW_BYTES as usize);
    let taken_in = window / message.len() + sessions * SESSION_REQUESTS;
    let requests = 2 * taken_in / sessions;
    let (disk, address) = start_slow().await;
    let mut client = AheadClient::connect(address, ANSWER_BYTES).await;
    let held = disk.hold_syncs();
    let mut calls = Vec::new();
    for _ in 0..sessions {
        calls.push(client.open().await);
    }
    let all = join_all(calls.into_iter().map(async |(sender, answers)| {
        let ((), answers) = tokio::join!(sender.send(message.clone(), requests), answers.receive());
        answers.into_iter().map(|answer| answer.shards[0].first_sequence).collect::<Vec<_>>()
    }));
    let settling = async {
        let ahead = client.settle().await;
        drop(held);
        ahead
    };
    let (all, ahead) = tokio::join!(all, settling);
    let total = sessions * requests;
    assert!(ahead < total && ahead > taken_in / 2, "{ahead} of {total} were sent ahead, some {taken_in} expected");
    for sequences in &all {
        assert_eq!(sequences.len(), requests);
        assert!(sequences.is_sorted_by(|one, next| one < next), "answers come in the order of their requests");
    }
    let mut sequences: Vec<_> = all.into_iter().flatten().collect();
    sequences.sort_unstable();
    assert!(sequences.into_iter().eq(1..=total as u64), "each event is stored once");
}

#[tokio::test]
async fn one_session_sends_single_events_as_far_ahead_as_its_window_lets_it() {
    send_ahead(1).await;
}

#[tokio::test]
async fn eight_sessions_fill_the_window_of_their_connection_with_single_events() {
    send_ahead(8).await;
}

#[tokio::test]
async fn sixty_four_sessions_share_the_window_of_their_connection() {
    send_ahead(64).await;
}
