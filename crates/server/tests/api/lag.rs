//! What tails tell of themselves while they live: heartbeats, how far they lag, and `ListTails`.

use annals_model::Reason;
use annals_server::Limits;
use annals_testkit::event::TestEvent;
use annals_wire::opaque::tail_response::Body;
use annals_wire::v1::{ListTailsRequest, TailRequest};
use bytes::Bytes;

use crate::harness::*;
use crate::tails::until_caught_up;

#[tokio::test]
async fn heartbeats_tell_the_time_and_the_lag() {
    let server = start().await;
    server.plain_table(1).await;
    let heartbeat_interval = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let mut tail = server.tail(TailRequest { heartbeat_interval, ..tail_from(latest()) }).await;
    assert_eq!(until_caught_up(&mut tail).await, 0);
    let beat = next(&mut tail).await.expect("no error").expect("a response");
    assert!(!beat.resume_token.is_empty());
    let Some(Body::Heartbeat(beat)) = beat.body else { panic!("{beat:?}") };
    assert_eq!(beat.lag.expect("known").events, 0);
    assert!(beat.server_time_unix_nanos > 0);
}

#[tokio::test]
async fn a_lag_counts_all_events_of_the_shards_that_are_followed_also_those_of_other_keys() {
    let server = start().await;
    server.plain_table(2).await;
    let all: Vec<_> = (0..40).map(|time| TestEvent::new(format!("key-{time}"), time)).collect();
    let appended = server.append(&all).await;
    let of_shard = appended.shards.iter().find(|one| one.shard == 1).expect("events of both shards").event_count;
    // The first response of a tail with a scope comes before anything was looked for.
    let lag = async |shards: Vec<u32>| {
        let scoped = TailRequest { partition_keys: vec!["no such key".into()], shards, ..tail_from(earliest()) };
        let first = next(&mut server.tail(scoped).await).await.expect("no error").expect("a response");
        let Some(Body::Heartbeat(beat)) = first.body else { panic!("{first:?}") };
        beat.lag.expect("known").events
    };
    // The key lies in this shard, so that the other is not followed.
    assert_eq!((lag(vec![]).await, lag(vec![1]).await), (of_shard, of_shard));
    let scoped = TailRequest { partition_keys: vec!["no such key".into()], ..tail_from(earliest()) };
    let mut tail = server.tail(scoped).await;
    assert_eq!(until_caught_up(&mut tail).await, 0);
    let tails = server.servers().list_tails(ListTailsRequest::default()).await.expect("a list").into_inner().tails;
    assert!(tails.iter().any(|tail| tail.live && tail.lag.as_ref().is_some_and(|lag| lag.events == 0)), "{tails:?}");
}

#[tokio::test]
async fn live_tails_are_listed_with_their_lag() {
    let server = start().await;
    server.plain_table(1).await;
    let named = TailRequest { client_name: "reader".into(), ..tail_from(latest()) };
    let mut tails = Vec::new();
    for request in [named, tail_from(latest()), tail_from(latest())] {
        let mut tail = server.tail(request).await;
        until_caught_up(&mut tail).await;
        tails.push(tail);
    }
    let list = async |page_token: Bytes| {
        let request = ListTailsRequest { table: "k.t".into(), page_size: 2, page_token };
        server.servers().list_tails(request).await.expect("a list").into_inner()
    };
    let first = list(Bytes::new()).await;
    let rest = list(first.next_page_token.clone()).await;
    assert_eq!((first.tails.len(), rest.tails.len(), rest.next_page_token.len()), (2, 1, 0));
    assert_eq!((first.tails[0].client_name.as_str(), first.tails[0].live), ("reader", true));
    assert_eq!(first.tails[1].client_name, first.tails[1].peer);
    assert!(first.tails[1].peer.starts_with("127.0.0.1:"));
    assert_eq!(first.tails[0].lag.expect("known").events, 0);
    let garbled = ListTailsRequest { page_token: "x".into(), ..ListTailsRequest::default() };
    let refused = server.servers().list_tails(garbled).await.expect_err("garbled");
    assert_field(&fault(refused), Reason::MalformedToken, "page_token");
}

#[tokio::test]
async fn a_tail_that_its_client_gave_up_is_no_longer_listed() {
    let server = start_with(Limits { tails_max: 1, ..Limits::default() }).await;
    server.plain_table(1).await;
    let tail = server.tail(tail_from(latest())).await;
    assert_eq!(server.tail_refused(tail_from(latest())).await.reason, Reason::TooManyTails);
    drop(tail);
    let given_up = async {
        while server.events().tail(tail_from(latest())).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, given_up).await.expect("the place is free again");
}
