//! The seams between a scan and a tail, between one tail and the next, and between stored and live: what a reader gets
//! over them is every event once, in order.

use annals_testkit::calls;
use annals_testkit::embedded::EmbeddedSubject;
use annals_testkit::generator::{Generator, Shape};
use annals_testkit::server::TestServer;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::{RecordedEvent, TailResponse, tail_response::Body};
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{ScanRequest, StartPosition, TailRequest};
use bytes::Bytes;
use tonic::Streaming;
use tonic::transport::Channel;

const TABLE: &str = "seams.events";
const SHARDS: u32 = 2;

struct Bench {
    server: TestServer<EmbeddedSubject>,
    channel: Channel,
    generator: Generator,
}

impl Bench {
    async fn start() -> Self {
        let server = TestServer::start(EmbeddedSubject::default()).await;
        let channel = calls::connect(&server.uri()).await;
        calls::create_table(&channel, TABLE, SHARDS).await;
        Self { server, channel, generator: Generator::new(5, Shape::default()) }
    }

    async fn append(&mut self, requests: usize) {
        for _ in 0..requests {
            let events = self.generator.events(7);
            let request = calls::append_request(TABLE, &events);
            self.events().append(request).await.expect("an append");
        }
    }

    fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel.clone()).max_decoding_message_size(usize::MAX)
    }

    async fn tail(&self, start: Start, stop_at_head: bool) -> Streaming<TailResponse> {
        let request = TailRequest { table: TABLE.to_owned(), start: Some(start), stop_at_head, ..Default::default() };
        self.events().tail(request).await.expect("a tail").into_inner()
    }

    /// All that a tail from `start` to the head delivers, with the last token.
    async fn rest(&self, start: Start) -> (Vec<RecordedEvent>, Bytes) {
        let mut stream = self.tail(start, true).await;
        let (mut found, mut token) = (Vec::new(), Bytes::new());
        while let Some(response) = stream.message().await.expect("a tail's message") {
            found.extend(events_of(&response));
            token = response.resume_token;
        }
        (found, token)
    }

    async fn restart(&mut self) {
        self.server.restart().await;
        self.channel = calls::connect(&self.server.uri()).await;
    }
}

fn events_of(response: &TailResponse) -> Vec<RecordedEvent> {
    match &response.body {
        Some(Body::Events(events)) => events.events.clone(),
        _ => Vec::new(),
    }
}

fn earliest() -> Start {
    Start::Position(StartPosition::Earliest.into())
}

/// Places, by shard and sequence, in order.
fn places(events: &[RecordedEvent]) -> Vec<(u32, u64)> {
    let mut places: Vec<_> = events.iter().map(|event| (event.shard, event.sequence)).collect();
    places.sort_unstable();
    places
}

/// Checks that events of a tail are 1, 2, 3, … in each shard, in the order in which they came.
fn assert_whole(events: &[RecordedEvent]) {
    for shard in 0..SHARDS {
        let sequences: Vec<_> = events.iter().filter(|event| event.shard == shard).map(|one| one.sequence).collect();
        assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>(), "shard {shard}, in order, without gap");
    }
}

#[tokio::test]
async fn a_tail_from_a_scans_token_delivers_exactly_what_the_scan_did_not_hold() {
    let mut bench = Bench::start().await;
    bench.append(20).await;
    let scan = ScanRequest { table: TABLE.to_owned(), ..ScanRequest::default() };
    let mut stream = bench.events().scan(scan).await.expect("a scan").into_inner();
    let first = stream.message().await.expect("a message").expect("at least one response");
    // These come while the scan is under way: they belong to the tail.
    bench.append(5).await;
    let (mut held, token) = (first.events, first.resume_token);
    let mut last_token = token.clone();
    while let Some(response) = stream.message().await.expect("a scan's message") {
        held.extend(response.events);
        if !response.resume_token.is_empty() {
            last_token = response.resume_token;
        }
    }
    assert_eq!(token, last_token, "first and last message carry the same moment");
    bench.append(5).await;
    let (rest, _) = bench.rest(Start::ResumeToken(token)).await;
    assert_eq!((held.len(), rest.len()), (140, 70));
    held.extend(rest);
    let (all, _) = bench.rest(earliest()).await;
    assert_eq!(places(&held), places(&all), "together they are everything, each event once");
    bench.server.stop().await;
}

#[tokio::test]
async fn a_tail_resumed_from_any_of_its_tokens_goes_on_right_there_over_restarts() {
    let mut bench = Bench::start().await;
    bench.append(15).await;
    let mut stream = bench.tail(earliest(), true).await;
    let (mut seen, mut cuts) = (Vec::new(), Vec::new());
    while let Some(response) = stream.message().await.expect("a tail's message") {
        seen.extend(events_of(&response));
        cuts.push((seen.len(), response.resume_token));
    }
    assert_whole(&seen);
    for round in 0..2 {
        for (count, token) in &cuts {
            let (rest, _) = bench.rest(Start::ResumeToken(token.clone())).await;
            let mut all = seen[..*count].to_vec();
            all.extend(rest);
            assert_whole(&all);
            assert_eq!(all.len(), 105 + 35 * round, "from the token after {count} events");
        }
        bench.append(5).await;
        bench.restart().await;
    }
    bench.server.stop().await;
}

#[tokio::test]
async fn a_tail_goes_from_stored_to_live_without_gap_or_repeat() {
    let mut bench = Bench::start().await;
    bench.append(10).await;
    let mut stream = bench.tail(earliest(), false).await;
    let mut seen = Vec::new();
    let mut is_live = false;
    let mut appended = 10;
    while seen.len() < 7 * 20 {
        let response = stream.message().await.expect("a tail's message").expect("a tail does not end by itself");
        is_live |= matches!(response.body, Some(Body::CaughtUp(_)));
        seen.extend(events_of(&response));
        if is_live && appended < 20 && seen.len() == 7 * appended {
            bench.append(1).await;
            appended += 1;
        }
    }
    assert_whole(&seen);
    drop(stream);
    bench.server.stop().await;
}

#[tokio::test]
async fn an_appends_token_starts_a_tail_right_after_its_events() {
    let mut bench = Bench::start().await;
    bench.append(3).await;
    let events = bench.generator.events(7);
    let answer = bench.events().append(calls::append_request(TABLE, &events)).await.expect("an append").into_inner();
    bench.append(2).await;
    let (rest, _) = bench.rest(Start::ResumeToken(answer.resume_token)).await;
    for row in &answer.shards {
        let last = row.first_sequence + row.event_count - 1;
        let next = rest.iter().find(|event| event.shard == row.shard).map(|event| event.sequence);
        assert!(next.is_none_or(|next| next == last + 1), "shard {}: {next:?} follows {last}", row.shard);
    }
    bench.server.stop().await;
}

#[tokio::test]
async fn a_latest_tail_delivers_only_what_comes_later_and_an_end_token_ends_it() {
    let mut bench = Bench::start().await;
    bench.append(4).await;
    let latest = Start::Position(StartPosition::Latest.into());
    let mut stream = bench.tail(latest, false).await;
    let first = stream.message().await.expect("a message").expect("the first response comes at once");
    assert!(!first.resume_token.is_empty() && events_of(&first).is_empty(), "a token, and nothing that was stored");
    bench.append(3).await;
    let (_, end_token) = bench.rest(earliest()).await;
    bench.append(3).await;
    let start = Some(Start::ResumeToken(first.resume_token));
    let request = TailRequest { table: TABLE.to_owned(), start, end_token, ..TailRequest::default() };
    let mut until = bench.events().tail(request).await.expect("a tail").into_inner();
    let mut found = Vec::new();
    while let Some(response) = until.message().await.expect("a tail's message") {
        found.extend(events_of(&response));
    }
    assert_eq!(found.len(), 21, "three appends of seven, and then the stream ends");
    drop(stream);
    bench.server.stop().await;
}
