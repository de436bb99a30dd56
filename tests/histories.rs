//! The history of each tail is exactly the arrival order of what it asked for: no gap, no repeat, nothing moved.
//!
//! Tails of a table, of shards, of hash slices and of partitions read fast, slowly, and over many connections, while
//! events are appended, flushed and compacted. The hand-over from stored to live is tried at each place of a small log,
//! and a scan joined with a tail at each of its moments.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use annals_engine::{Engine, TrimMode};
use annals_model::{HashSlices, Retention, ShardCount, Token};
use annals_testkit::calls;
use annals_testkit::embedded::EmbeddedSubject;
use annals_testkit::event::TestEvent;
use annals_testkit::generator::{Generator, Shape, key_of};
use annals_testkit::seed::{announce, seeds};
use annals_testkit::server::TestServer;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::{RecordedEvent, TailResponse, tail_response::Body};
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{self, ScanRequest, ShardPosition, ShardPositions, StartPosition, TailRequest};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

const TABLE: &str = "histories.events";
const SHARDS: u32 = 3;
const APPENDS: usize = 120;
/// Events of the small log.
const LOG: i64 = 24;
/// An event that has not come by then is lost; a tail takes milliseconds.
const LOST_AFTER: Duration = Duration::from_mins(1);

async fn server() -> TestServer<EmbeddedSubject> {
    TestServer::start(EmbeddedSubject::with_options(|options| options.run_bytes_max = 8_000)).await
}

fn client(channel: &Channel) -> EventServiceClient<Channel> {
    EventServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX)
}

fn earliest() -> Start {
    Start::Position(StartPosition::Earliest.into())
}

/// Sequences and bytes by shard.
type History = BTreeMap<u32, Vec<(u64, Bytes)>>;

fn add(history: &mut History, events: Vec<RecordedEvent>) {
    for event in events {
        history.entry(event.shard).or_default().push((event.sequence, event.event));
    }
}

fn events_of(response: TailResponse) -> Vec<RecordedEvent> {
    match response.body {
        Some(Body::Events(events)) => events.events,
        _ => Vec::new(),
    }
}

/// What a tail asks for.
#[derive(Clone, Debug)]
enum Scope {
    Table,
    Shard(u32),
    Slice(u32),
    Keys(Vec<Vec<u8>>),
}

impl Scope {
    fn request(&self, start: Start) -> TailRequest {
        let request = TailRequest { table: TABLE.to_owned(), start: Some(start), ..TailRequest::default() };
        match self {
            Self::Table => request,
            Self::Shard(shard) => TailRequest { shards: vec![*shard], ..request },
            Self::Slice(index) => {
                TailRequest { hash_slices: Some(v1::HashSlices { count: 4, indexes: vec![*index] }), ..request }
            }
            Self::Keys(keys) => {
                TailRequest { partition_keys: keys.iter().map(|key| key.clone().into()).collect(), ..request }
            }
        }
    }

    fn wants(&self, shard: u32, event: &TestEvent) -> bool {
        match self {
            Self::Table => true,
            Self::Shard(of) => *of == shard,
            Self::Slice(index) => HashSlices::new(4, vec![*index]).expect("a slice").contains(Token::of(&event.key)),
            Self::Keys(keys) => keys.contains(&event.key),
        }
    }
}

/// How a reader reads.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Fast,
    /// Only after some more appends.
    Slow,
    /// Some messages on each connection, then on from the token.
    Reconnecting,
}

/// How far the writer has come: appends, and once it has ended all that was appended.
#[derive(Clone, Debug, Default)]
struct Progress {
    appends: usize,
    all: Option<std::sync::Arc<Vec<(u32, u64, TestEvent)>>>,
}

struct Reader {
    uri: String,
    scope: Scope,
    manner: Manner,
    progress: watch::Receiver<Progress>,
    random: StdRng,
    found: History,
    token: Option<Bytes>,
}

impl Reader {
    fn expected(&self) -> Option<History> {
        let all = self.progress.borrow().all.clone()?;
        let mut expected = History::new();
        for (shard, sequence, event) in all.iter().filter(|(shard, _, event)| self.scope.wants(*shard, event)) {
            expected.entry(*shard).or_default().push((*sequence, event.encode().into()));
        }
        for events in expected.values_mut() {
            events.sort_unstable_by_key(|(sequence, _)| *sequence);
        }
        Some(expected)
    }

    /// Reads until it has come to the last event for it of each shard, then compares all of them.
    async fn read(mut self) {
        let all = async { while self.read_one_connection().await.is_continue() {} };
        timeout(LOST_AFTER, all).await.expect("the last events do not come");
        let expected = self.expected().expect("the writer has ended");
        let places = |history: &History| -> Vec<(u32, u64)> {
            history.iter().flat_map(|(&shard, events)| events.iter().map(move |event| (shard, event.0))).collect()
        };
        assert_eq!(places(&self.found), places(&expected), "{:?}, {:?}", self.scope, self.manner);
        assert!(self.found == expected, "events came changed: {:?}, {:?}", self.scope, self.manner);
    }

    async fn read_one_connection(&mut self) -> ControlFlow<()> {
        let channel = calls::connect(&self.uri).await;
        let start = self.token.clone().map_or_else(earliest, Start::ResumeToken);
        let mut stream = client(&channel).tail(self.scope.request(start)).await.expect("a tail").into_inner();
        let mut messages = match self.manner {
            Manner::Reconnecting => self.random.random_range(1..5),
            Manner::Fast | Manner::Slow => usize::MAX,
        };
        while messages > 0 {
            let last =
                |history: &History, shard: &u32| history.get(shard).and_then(|events| events.last()).map(|last| last.0);
            let has_come =
                |expected: History| expected.keys().all(|shard| last(&self.found, shard) >= last(&expected, shard));
            if self.expected().is_some_and(has_come) {
                return ControlFlow::Break(());
            }
            if matches!(self.manner, Manner::Slow) {
                let from = self.progress.borrow().appends;
                let is_later = |now: &Progress| now.all.is_some() || now.appends >= from + 5;
                self.progress.wait_for(is_later).await.expect("the writer lives until all have read");
            }
            tokio::select! {
                response = stream.message() => {
                    let response = response.expect("a tail's message").expect("a tail does not end by itself");
                    self.token = Some(response.resume_token.clone());
                    add(&mut self.found, events_of(response));
                    messages -= 1;
                }
                changed = self.progress.wait_for(|now| now.all.is_some()), if self.expected().is_none() => {
                    drop(changed.expect("the writer lives until all have read"));
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn scopes() -> Vec<Scope> {
    let keys = vec![key_of(0), key_of(1), key_of(5)];
    let mut scopes = vec![Scope::Table, Scope::Keys(keys.clone()), Scope::Keys(keys[..1].to_vec())];
    scopes.extend((0..SHARDS).map(Scope::Shard));
    scopes.extend([Scope::Slice(0), Scope::Slice(3)]);
    scopes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tail_gets_its_part_of_the_arrival_order_while_events_are_flushed_and_compacted() {
    for seed in seeds(3) {
        let _announced = announce(seed);
        let server = server().await;
        let channel = calls::connect(&server.uri()).await;
        calls::create_table(&channel, TABLE, SHARDS).await;
        let (write, progress) = watch::channel(Progress::default());
        let mut readers = Vec::new();
        for scope in scopes() {
            for (index, manner) in (0..).zip([Manner::Fast, Manner::Slow, Manner::Reconnecting]) {
                let random = StdRng::seed_from_u64(seed * 10 + index);
                let (uri, scope, progress) = (server.uri(), scope.clone(), progress.clone());
                let reader = Reader { uri, scope, manner, progress, random, found: History::new(), token: None };
                readers.push(tokio::spawn(reader.read()));
            }
        }
        let mut generator = Generator::new(seed, Shape { partitions: 12, ..Shape::default() });
        let count = ShardCount::new(SHARDS).expect("a count of shards");
        let mut all = Vec::new();
        for append in 1..=APPENDS {
            let events = generator.events([1, 7, 20][append % 3]);
            let answer = client(&channel).append(calls::append_request(TABLE, &events)).await.expect("an append");
            let mut next: BTreeMap<u32, u64> =
                answer.into_inner().shards.iter().map(|row| (row.shard, row.first_sequence)).collect();
            for event in events {
                let shard = count.shard_of(Token::of(&event.key)).get();
                let sequence = next.get_mut(&shard).expect("the answer names the event's shard");
                all.push((shard, *sequence, event));
                *sequence += 1;
            }
            write.send_modify(|progress| progress.appends = append);
            if append % 30 == 0 {
                server.settle().await;
            }
        }
        write.send_modify(|progress| progress.all = Some(all.into()));
        for reader in readers {
            reader.await.expect("the reader got exactly its part");
        }
        server.stop().await;
    }
}

async fn append_one(channel: &Channel, time: i64) {
    let event = TestEvent::new("key", time);
    client(channel).append(calls::append_request(TABLE, &[event])).await.expect("an append");
}

/// Reads a tail up to a sequence of the one shard.
async fn sequences(mut stream: Streaming<TailResponse>, last: u64) -> Vec<u64> {
    let mut found: Vec<u64> = Vec::new();
    while found.last().is_none_or(|&found| found < last) {
        let message = timeout(LOST_AFTER, stream.message()).await.expect("the last events do not come");
        let response = message.expect("a tail's message").expect("a tail does not end by itself");
        found.extend(events_of(response).iter().map(|event| event.sequence));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tails_begun_at_each_place_of_a_log_of_each_length_go_from_stored_to_live() {
    let server = server().await;
    let writer = calls::connect(&server.uri()).await;
    calls::create_table(&writer, TABLE, 1).await;
    let mut tails = Vec::new();
    for length in 0..LOG {
        let channel = calls::connect(&server.uri()).await;
        for next_sequence in 1..=length.unsigned_abs() + 1 {
            let positions = vec![ShardPosition { shard: 0, next_sequence }];
            let start = Start::ShardPositions(ShardPositions { positions });
            let mut client = client(&channel);
            // The next event is appended while the tail begins.
            tails.push((
                next_sequence,
                tokio::spawn(async move {
                    let stream = client.tail(Scope::Table.request(start)).await.expect("a tail").into_inner();
                    sequences(stream, LOG.unsigned_abs()).await
                }),
            ));
        }
        append_one(&writer, length).await;
        if length % 5 == 4 {
            server.settle().await;
        }
    }
    assert_eq!(tails.len(), 300);
    for (from, tail) in tails {
        let expected: Vec<_> = (from..=LOG.unsigned_abs()).collect();
        assert_eq!(tail.await.expect("a tail"), expected, "from {from}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_of_each_moment_and_a_tail_from_its_token_are_together_everything_once() {
    let server = server().await;
    let channel = calls::connect(&server.uri()).await;
    calls::create_table(&channel, TABLE, 1).await;
    let mut scans = Vec::new();
    for length in 0..LOG {
        let (reader, writer) = (channel.clone(), channel.clone());
        // The scan's moment is before or after the append that runs beside it.
        let scan = tokio::spawn(async move {
            let request = ScanRequest { table: TABLE.to_owned(), ..ScanRequest::default() };
            let mut stream = client(&reader).scan(request).await.expect("a scan").into_inner();
            let (mut held, mut token) = (Vec::new(), Bytes::new());
            while let Some(response) = stream.message().await.expect("a scan's message") {
                held.extend(response.events.iter().map(|event| event.sequence));
                if !response.resume_token.is_empty() {
                    token = response.resume_token;
                }
            }
            (held, token)
        });
        append_one(&writer, length).await;
        scans.push(scan.await.expect("a scan"));
        if length % 5 == 4 {
            server.settle().await;
        }
    }
    for (moment, (mut held, token)) in scans.into_iter().enumerate() {
        let scanned = held.len();
        assert!(scanned == moment || scanned == moment + 1, "a scan beside append {} holds {scanned}", moment + 1);
        if (scanned as u64) < LOG.unsigned_abs() {
            let request = Scope::Table.request(Start::ResumeToken(token));
            let stream = client(&channel).tail(request).await.expect("a tail").into_inner();
            held.extend(sequences(stream, LOG.unsigned_abs()).await);
        }
        // Events come in time order, which is here that of their arrival.
        assert_eq!(held, (1..=LOG.unsigned_abs()).collect::<Vec<_>>(), "moment {moment}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_retention_has_passed_is_told_and_never_skips() {
    let server = server().await;
    let (channel, slow) = (calls::connect(&server.uri()).await, calls::connect(&server.uri()).await);
    calls::create_table(&channel, TABLE, 1).await;
    let mut generator = Generator::new(1, Shape { payload_bytes_max: 60_000, ..Shape::default() });
    let stream = client(&slow).tail(Scope::Table.request(earliest())).await.expect("a tail");
    let mut stream = stream.into_inner();
    let mut appended = 0;
    // Far more than the connection's windows hold while nobody reads.
    for _ in 0..40 {
        let events = generator.events(40);
        appended += events.len();
        client(&channel).append(calls::append_request(TABLE, &events)).await.expect("an append");
    }
    server.settle().await;
    let table = server.engine().table(&TABLE.parse().expect("a name")).expect("the table");
    let nothing = Retention { age_max: None, bytes_max: Some(0) };
    let trimmed = server.engine().trim(table.id, nothing, TrimMode::Apply).await.expect("a trim");
    assert_eq!(trimmed.events, appended as u64, "retention removes everything");
    let mut next = 1;
    let told = loop {
        match stream.message().await {
            Ok(Some(response)) => {
                for event in events_of(response) {
                    assert_eq!(event.sequence, next, "no gap before the reader is told");
                    next += 1;
                }
            }
            Ok(None) => panic!("a tail does not end by itself"),
            Err(status) => break status,
        }
    };
    assert!(next <= appended as u64, "the reader was too slow for all {appended}");
    assert_eq!(told.code(), Code::OutOfRange, "{told:?}");
    server.stop().await;
}
