//! Live tails of one table, which share their answers: each gets what it would get alone.

use annals_server::Limits;
use annals_testkit::event::TestEvent;
use annals_wire::opaque::RecordedEvent;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::tail_response::Body;
use annals_wire::v1::ListTailsRequest;
use bytes::Bytes;

use crate::harness::*;
use crate::tails::{delivered, events, next_body, to_head};

#[tokio::test]
async fn live_tails_that_share_their_answers_get_each_event_once_and_in_order() {
    const EVENTS: i64 = 1_500;
    const TAILS: usize = 12;
    // Answers of a few events, and room for few answers: tails find those of others, come amid them, and come too late.
    let limits = Limits { response_events_max: 7, live_pages_bytes_max: 4_000, ..Limits::default() };
    let server = start_with(limits).await;
    server.plain_table(3).await;
    let (channel, mut client) = (connect(server.address).await, server.events());
    let append = async {
        for time in 0..EVENTS / 5 {
            client.append(request(&events(time * 5..time * 5 + 5))).await.expect("an append");
        }
    };
    // Each follows what comes after it has begun, up to the last events of all shards; they begin while events come, on
    // two connections.
    let last: Vec<_> = (0..40).map(|number| TestEvent::new(format!("last-{number}"), EVENTS)).collect();
    let last_encoded: Vec<_> = last.iter().map(|event| Bytes::from(event.encode())).collect();
    let follow = |number: usize| {
        let channel = if number.is_multiple_of(2) { channel.clone() } else { server.channel.clone() };
        let last = last_encoded.clone();
        tokio::spawn(async move {
            let mut tail =
                EventServiceClient::new(channel).tail(tail_from(latest())).await.expect("a tail").into_inner();
            let (mut delivered, mut left) = (Vec::new(), last.len());
            while left > 0 {
                match next_body(&mut tail).await {
                    Body::Events(events) => {
                        left -= events.events.iter().filter(|event| last.contains(&event.event)).count();
                        delivered.extend(events.events);
                    }
                    Body::CaughtUp(_) => {}
                    other => panic!("not live: {other:?}"),
                }
            }
            delivered
        })
    };
    let begin = async {
        let mut tails = Vec::new();
        for number in 0..TAILS {
            tails.push(follow(number));
            for _ in 0..number {
                server.count().await;
            }
        }
        tails
    };
    let ((), tails) = tokio::join!(append, begin);
    let mut servers = server.servers();
    while servers.list_tails(ListTailsRequest::default()).await.expect("a list").into_inner().tails.len() < TAILS {}
    server.append(&last).await;
    let all = delivered(&to_head(&server, tail_from(earliest())).await);
    let of_shard = |events: &[RecordedEvent], shard: u32| -> Vec<RecordedEvent> {
        events.iter().filter(|event| event.shard == shard).cloned().collect()
    };
    for tail in tails {
        let delivered = tail.await.expect("follows");
        for shard in 0..3 {
            let (got, stored) = (of_shard(&delivered, shard), of_shard(&all, shard));
            let from = usize::try_from(got.first().expect("one of the last").sequence).expect("few") - 1;
            assert_eq!(got, stored[from..], "shard {shard}");
        }
    }
}
