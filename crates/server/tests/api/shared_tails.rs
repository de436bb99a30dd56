//! Live tails of one table, which share their answers: each gets what it would get alone.

use annals_model::Reason;
use annals_server::Limits;
use annals_testkit::event::{Cell, TestEvent};
use annals_testkit::plain::PlainSubject;
use annals_testkit::subject::Subject;
use annals_wire::opaque::RecordedEvent;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::tail_response::Body;
use annals_wire::v1::{ListTailsRequest, Retention, UpdateTableRequest};
use bytes::Bytes;
use tokio::time::timeout;

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
        tokio::spawn(timeout(PATIENCE, async move {
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
        }))
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
    let begun = timeout(PATIENCE, async { tokio::join!(append, begin) });
    let ((), tails) = begun.await.expect("all is appended in time");
    let mut servers = server.servers();
    let all_listed = async {
        while servers.list_tails(ListTailsRequest::default()).await.expect("a list").into_inner().tails.len() < TAILS {}
    };
    timeout(PATIENCE, all_listed).await.expect("all tails are listed in time");
    server.append(&last).await;
    let all = delivered(&to_head(&server, tail_from(earliest())).await);
    let of_shard = |events: &[RecordedEvent], shard: u32| -> Vec<RecordedEvent> {
        events.iter().filter(|event| event.shard == shard).cloned().collect()
    };
    for tail in tails {
        let delivered = tail.await.expect("follows").expect("the last events come in time");
        for shard in 0..3 {
            let (got, stored) = (of_shard(&delivered, shard), of_shard(&all, shard));
            let from = usize::try_from(got.first().expect("one of the last").sequence).expect("few") - 1;
            assert_eq!(got, stored[from..], "shard {shard}");
        }
    }
}

#[tokio::test]
async fn what_retention_removed_is_not_delivered_from_a_shared_answer_either() {
    // Far more than is made for a client that does not take it.
    const EVENTS: u64 = 1_000;
    const EVENT_BYTES: usize = 8_000;
    let server = start().await;
    server.plain_table(1).await;
    let mut fast = server.tail(tail_from(latest())).await;
    let mut slow = EventServiceClient::new(connect(server.address).await);
    let mut slow = slow.tail(tail_from(latest())).await.expect("a tail").into_inner();
    for tail in [&mut fast, &mut slow] {
        assert!(matches!(next_body(tail).await, Body::CaughtUp(_)));
    }
    let large = events(0..100).into_iter().map(|event| event.with("note", Cell::Bytes(vec![7; EVENT_BYTES])));
    let large: Vec<_> = large.collect();
    let mut last = 0;
    while last < EVENTS {
        server.append(&large).await;
        let appended = last + 100;
        while last < appended {
            let response = next(&mut fast).await.expect("no error").expect("a response");
            last = delivered(&[response]).last().map_or(last, |event| event.sequence);
        }
    }
    PlainSubject::default().settle(&server.engine).await;
    server.append(&events(0..1)).await;
    PlainSubject::default().settle(&server.engine).await;
    let retention = Some(Retention { max_bytes: 1, ..Retention::default() });
    let update = UpdateTableRequest { name: "k.t".into(), retention, ..UpdateTableRequest::default() };
    assert_eq!(server.tables().update_table(update).await.expect("an update").into_inner().removed_events, EVENTS);
    let mut last = 0;
    let ended = loop {
        match next(&mut slow).await {
            Ok(response) => {
                for event in delivered(&[response.expect("it does not just end")]) {
                    assert_eq!(event.sequence, last + 1);
                    last = event.sequence;
                }
                assert!(last < EVENTS, "all that was removed is delivered");
            }
            Err(status) => break fault(status),
        }
    };
    assert_eq!(ended.reason, Reason::EventsRemoved, "after {last} events");
}
