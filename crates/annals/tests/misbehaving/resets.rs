//! Clients that take their calls back at once, or flood their connection with what costs them nothing.

use std::net::SocketAddr;

use annals_testkit::seed;
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{StartPosition, TailRequest};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::*;
use crate::raw::{self, Kind};

/// What calls that were taken back may leave: what the allocator keeps. Were each kept, a thousand would cost 13 MiB.
const GROWTH_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Calls that are taken back for each case, and cases.
const CALLS_A_CASE: u64 = 64;
const CASES: u64 = 300;
/// Calls of one write: more than may be under way, so that the server sees them and their end at once.
const CALLS_A_WRITE: usize = 32;
/// What a connection may make the server hold: twice its window of 16 MiB, for what small frames cost beside their bytes,
/// and as much that the allocator keeps. Were the whole flood kept, as frames, it would cost some 400 MiB.
const FLOOD_GROWTH_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of a flood of one kind.
const FLOOD_BYTES: usize = 16 * 1024 * 1024;

/// Writes until all is written or the server closes the connection, whichever is first; what comes back is read, so that
/// the server may answer.
async fn write_while_open(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    let (mut from, mut to) = stream.split();
    let reading =
        async { while !matches!(tokio::io::copy(&mut from, &mut tokio::io::sink()).await, Ok(0) | Err(_)) {} };
    tokio::select! {
        written = to.write_all(bytes) => written.is_ok(),
        () = reading => false,
    }
}

/// Begins calls and takes them back, over as many connections as it takes, until there were `count`.
async fn take_back(address: SocketAddr, count: u64) -> u64 {
    let start = Some(Start::Position(StartPosition::Earliest.into()));
    let request = TailRequest { table: TABLE.to_owned(), start, ..TailRequest::default() };
    let (mut taken_back, mut connections) = (0, 0);
    while taken_back < count {
        connections += 1;
        let mut stream = raw::greet(address).await;
        let mut streams = raw::streams();
        loop {
            let mut calls = Vec::new();
            for stream in streams.by_ref().take(CALLS_A_WRITE) {
                calls.extend(raw::tail_call(stream, &request));
                calls.extend(raw::reset(stream));
            }
            if taken_back >= count || !write_while_open(&mut stream, &calls).await {
                break;
            }
            taken_back += CALLS_A_WRITE as u64;
        }
    }
    connections
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_taken_back_at_once_leave_nothing_and_hold_up_nobody() {
    let served = Served::start(&[]).await;
    append(&served.connect().await, &small_events(1_000)).await;
    served.serves_a_good_client().await;
    let before = served.process.memory_bytes();
    let count = seed::start_and_cases(CASES).1 * CALLS_A_CASE;
    let attack = tokio::spawn(take_back(served.process.address(), count));
    let mut good = 0;
    while !attack.is_finished() {
        served.serves_a_good_client().await;
        good += 1;
    }
    let connections = attack.await.expect("the calls are taken back");
    let growth = served.process.memory_bytes().saturating_sub(before);
    eprintln!("{count} calls taken back over {connections} connections, {good} good clients, {} KiB", growth / 1024);
    assert!(growth <= GROWTH_BYTES_MAX, "the server grew by {growth} bytes");
    let channel = served.connect().await;
    until("no tail is left", async || served.tails(&channel).await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames_that_carry_nothing_cost_no_memory_and_hold_up_nobody() {
    let served = Served::start(&[]).await;
    served.serves_a_good_client().await;
    let before = served.process.memory_bytes();
    let floods = [
        ("pings", Vec::new(), raw::frame(Kind::Ping, 0, 0, &[7; 8])),
        ("settings", Vec::new(), raw::frame(Kind::Settings, 0, 0, &[])),
        ("empty data", raw::begun_call(1), raw::frame(Kind::Data, 0, 1, &[])),
        ("small data", raw::begun_call(1), raw::frame(Kind::Data, 0, 1, &[0])),
        ("continuations", raw::half_headers(1), raw::frame(Kind::Continuation, 0, 1, b"\0\x01a\x01b")),
        ("window updates", Vec::new(), raw::frame(Kind::WindowUpdate, 0, 0, &1_u32.to_be_bytes())),
    ];
    for (what, first, frame) in floods {
        let mut stream = raw::greet(served.process.address()).await;
        stream.write_all(&first).await.expect("the server reads");
        let flood = frame.repeat(FLOOD_BYTES / frame.len());
        let flooding = tokio::spawn(async move { write_while_open(&mut stream, &flood).await });
        served.serves_a_good_client().await;
        let was_read = tokio::time::timeout(PATIENCE, flooding).await.expect("the flood ends").expect("the flood");
        let growth = served.process.memory_bytes().saturating_sub(before);
        eprintln!("{what}: {}, {} KiB", if was_read { "read" } else { "closed" }, growth / 1024);
        assert!(growth <= FLOOD_GROWTH_BYTES_MAX, "{what}: the server grew by {growth} bytes");
    }
}
