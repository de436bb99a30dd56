//! Clients that say nothing: before they speak HTTP/2, in the middle of what they say, or for good.

use annals_testkit::calls;
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{StartPosition, TailRequest};
use tokio::io::AsyncWriteExt;

use crate::harness::*;
use crate::raw;

/// Few enough for the usual 1,024 descriptors, of the server and of this process, whose other tests need some too.
const SILENT: usize = 400;
const SHORT: [&str; 3] =
    ["limits.handshake_time_max=1s", "limits.keep_alive_interval=1s", "limits.keep_alive_time_max=1s"];
/// What a client of these may make the server hold: some 30 KiB, and its share of the mebibytes that the allocator takes
/// ahead.
const SILENT_BYTES_MAX: u64 = 128 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_handshakes_are_cut_off_and_hold_up_nobody() {
    let served = Served::start(&["limits.handshake_time_max=3s"]).await;
    served.serves_a_good_client().await;
    let before = served.process.memory_bytes();
    let mut silent = Vec::new();
    for index in 0..SILENT {
        let mut stream = raw::connect(served.process.address()).await;
        // Some say nothing, others a part of what they should.
        stream.write_all(&b"PRI * HTTP/2.0\r\n\r\nSM"[..index % 20]).await.expect("sent");
        silent.push(stream);
    }
    served.serves_a_good_client().await;
    let each = served.process.memory_bytes().saturating_sub(before) / SILENT as u64;
    eprintln!("a silent connection costs {each} bytes");
    assert!(each <= SILENT_BYTES_MAX, "{each} bytes each");
    for stream in &mut silent {
        raw::closed(stream, PATIENCE).await;
    }
    served.serves_a_good_client().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connections_are_found_whatever_they_were_doing() {
    let served = Served::start(&SHORT).await;
    let start = Some(Start::Position(StartPosition::Latest.into()));
    let tail = TailRequest { table: TABLE.to_owned(), start, ..TailRequest::default() };
    let doing = [Vec::new(), raw::tail_call(1, &tail), raw::begun_call(1), raw::half_headers(1)];
    for said in doing {
        let mut stream = raw::greet(served.process.address()).await;
        stream.write_all(&said).await.expect("sent");
        // From here on it answers nothing, as if its machine were gone.
        raw::closed(&mut stream, PATIENCE).await;
    }
    let channel = served.connect().await;
    until("no tail is left", async || served.tails(&channel).await.is_empty()).await;
    served.serves_a_good_client().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_takes_nothing_in_any_more_is_given_up() {
    let served = Served::start(&SHORT).await;
    let channel = served.connect().await;
    for _ in 0..100 {
        append(&channel, &small_events(1_000)).await;
    }
    calls::tail_all(&channel, TABLE).await;
    let sockets = served.process.open_sockets();
    let start = Some(Start::Position(StartPosition::Earliest.into()));
    let request = TailRequest { table: TABLE.to_owned(), start, ..TailRequest::default() };
    let mut stream = raw::greet(served.process.address()).await;
    for call in raw::streams().take(8) {
        stream.write_all(&raw::tail_call(call, &request)).await.expect("sent");
    }
    until("the tails are there", async || served.tails(&channel).await.len() == 8).await;
    // The socket is full: the server can't even say that it goes.
    until("the tails are given up", async || served.tails(&channel).await.is_empty()).await;
    until("the connection is closed", async || served.process.open_sockets() <= sockets).await;
    served.serves_a_good_client().await;
    drop(stream);
}
