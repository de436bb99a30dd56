//! No file descriptors are left: the server goes on with those that it has, and with all once there are some.

use std::time::{Duration, Instant};

use tonic::Code;

use crate::harness::*;
use crate::raw;

/// Descriptors that the server has left for connections.
const LEFT: u64 = 4;
const CONNECTIONS: usize = 40;
/// What a server is given that must share them.
const FEW: usize = 200;
/// How long the server is watched while it can accept nobody.
const WATCHED: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_descriptor_left_the_server_serves_on_does_not_spin_and_accepts_again() {
    let served = Served::start(&[]).await;
    let channel = served.connect().await;
    append(&channel, &small_events(10)).await;
    let open = served.process.open_files();
    served.process.set_open_files_max(open + LEFT);
    let mut waiting = Vec::new();
    for _ in 0..CONNECTIONS {
        waiting.push(raw::connect(served.process.address()).await);
    }
    until("it says so", async || served.process.log().contains("no connection can be accepted")).await;

    let (start, busy, lines) = (Instant::now(), served.process.busy(), served.process.log().lines().count());
    let mut served_on = 0;
    let mut turns = tokio::time::interval(WATCHED / 20);
    while start.elapsed() < WATCHED {
        turns.tick().await;
        append(&channel, &small_events(10)).await;
        served_on += 1;
    }
    let (busy, lines) = (served.process.busy().saturating_sub(busy), served.process.log().lines().count() - lines);
    eprintln!("{served_on} appends, {busy:?} of processor time and {lines} lines in {:?}", start.elapsed());
    assert!(busy < WATCHED / 2, "it spins: {busy:?}");
    // The directory may come to be opened only now, and its failing lets another connection in.
    assert!(lines <= 6, "it logs the same over and over: {lines} lines");

    drop(waiting);
    served.process.set_open_files_max(open + 100);
    served.serves_a_good_client().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_leave_the_store_the_descriptors_that_it_needs() {
    let served = Served::start_with_open_files_max(FEW).await;
    let channel = served.connect().await;
    let mut crowd = Vec::new();
    for _ in 0..FEW {
        crowd.push(raw::connect(served.process.address()).await);
    }
    until("some are turned away", async || served.process.log().contains("closed at once")).await;
    // Enough for files to be begun, flushed, compacted and read.
    for _ in 0..100 {
        append(&channel, &small_events(1_000)).await;
    }
    let found = annals_testkit::calls::tail_all(&channel, TABLE).await;
    assert_eq!(found.values().map(Vec::len).sum::<usize>(), 100_000);
    drop(crowd);
    until("they are gone", async || served.process.open_sockets() < FEW / 4).await;
    served.serves_a_good_client().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_descriptor_left_appends_lose_nothing_and_go_on_once_there_are_some() {
    let served = Served::start(&[]).await;
    let channel = served.connect().await;
    append(&channel, &small_events(10)).await;
    let open = served.process.open_files();
    served.process.set_open_files_max(open);
    let (mut taken, mut refused) = (10, Vec::new());
    for _ in 0..100 {
        match try_append(&channel, &small_events(1_000)).await {
            Ok(()) => taken += 1_000,
            Err(status) => refused.push(status),
        }
    }
    eprintln!("{taken} events were taken, {} requests refused", refused.len());
    for status in refused {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert!(status.message().contains("no file descriptor is left"), "{status:?}");
    }
    served.process.set_open_files_max(open + 600);
    until("appends go on", async || {
        let is_taken = try_append(&channel, &small_events(1_000)).await.is_ok();
        taken += if is_taken { 1_000 } else { 0 };
        is_taken
    })
    .await;
    served.serves_a_good_client().await;
    let found = annals_testkit::calls::tail_all(&channel, TABLE).await;
    assert_eq!(found.values().map(Vec::len).sum::<usize>(), taken + 1, "all that was taken, and the good client's");
}
