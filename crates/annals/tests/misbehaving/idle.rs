//! Tails that wait for something to come: ten thousand of them cost little, and all hear of it.

use annals_testkit::event::TestEvent;
use annals_wire::v1::StartPosition;
use tokio::task::JoinSet;

use crate::harness::*;

const CONNECTIONS: usize = 40;
const TAILS_EACH: usize = 250;
/// What one may cost the server, its share of the connection with it.
const BYTES_EACH_MAX: u64 = 20 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_tails_cost_at_most_20_kib_each_and_all_hear_of_an_event() {
    let served = Served::start(&[]).await;
    served.serves_a_good_client().await;
    let before = served.process.memory_bytes();
    let mut opening = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let channel = served.connect().await;
        opening.spawn(async move {
            let mut tails = Vec::new();
            for _ in 0..TAILS_EACH {
                tails.push(tail(&channel, TABLE, StartPosition::Latest, &[]).await);
            }
            tails
        });
    }
    let tails = opening.join_all().await;
    let each = |bytes: u64| bytes.saturating_sub(before) / (CONNECTIONS * TAILS_EACH) as u64;
    let idle = each(served.process.memory_bytes());

    append(&served.connect().await, &[TestEvent::new("k", 1)]).await;
    let mut hearing = JoinSet::new();
    for mut of_connection in tails {
        hearing.spawn(async move {
            for tail in &mut of_connection {
                while next_events(tail).await.is_empty() {}
            }
            of_connection
        });
    }
    let tails = hearing.join_all().await;
    let woken = each(served.process.memory_bytes());
    eprintln!("an idle tail costs {idle} bytes, and {woken} once it has heard of an event");
    assert!(idle <= BYTES_EACH_MAX && woken <= BYTES_EACH_MAX, "{idle} and {woken} bytes each");
    served.serves_a_good_client().await;
    drop(tails);
}
