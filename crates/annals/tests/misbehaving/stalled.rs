//! Tails that are not read: they cost the server a bounded sum, and nobody else anything.

use std::time::Instant;

use annals_testkit::event::TestEvent;
use annals_testkit::{calls, seed};
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::{AppendSessionRequest, TailResponse};
use annals_wire::v1::StartPosition;
use annals_wire::v1::append_session_response::Result as Answer;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::harness::*;

const MIB: u64 = 1024 * 1024;
/// What is appended behind the stalled tail in an ordinary run, and as much before it, so that what the server holds of
/// its own accord is known.
const APPENDED_MIB: u64 = 48;
/// Events that the stalled tail is read for once it is read again.
const READ_ON: usize = 20_000;
const GROWTH_BYTES_MAX: u64 = 16 * MIB;
const EVENTS_A_REQUEST: i64 = 1_000;
/// Requests of the session that are under way.
const UNDER_WAY: usize = 4;
/// Tails beside the stalled one on its connection.
const OTHERS: usize = 63;
/// After so many requests of the session each other tail gets an event.
const REQUESTS_A_ROUND: u64 = 10;

/// Appends at least so many bytes of small events through a session; calls `round` now and then.
async fn append_bytes(channel: &Channel, bytes: u64, mut round: impl AsyncFnMut()) {
    let (sender, mut receiver) = mpsc::channel(UNDER_WAY);
    let requests = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut answers =
        EventServiceClient::new(channel.clone()).append_session(requests).await.expect("a session").into_inner();
    let append = calls::append_request(TABLE, &small_events(EVENTS_A_REQUEST));
    let bytes_each = append.events.iter().map(|event| event.len() as u64).sum::<u64>();
    let count = bytes.div_ceil(bytes_each);
    let mut sent = 0;
    for number in 0..count {
        while sent < count && sent < number + UNDER_WAY as u64 {
            let request = AppendSessionRequest { append: Some(append.clone()) };
            sender.send(request).await.expect("the session goes on");
            sent += 1;
        }
        let answer = answers.message().await.expect("an answer").expect("one for each request");
        assert!(matches!(answer.result, Some(Answer::Appended(_))), "{answer:?}");
        if number % REQUESTS_A_ROUND == 0 {
            round().await;
        }
    }
}

/// The tails beside the stalled one, each of a partition of its own.
struct Others {
    keys: Vec<String>,
    tails: Vec<Streaming<TailResponse>>,
    rounds: i64,
}

impl Others {
    async fn start(channel: &Channel) -> Self {
        let keys: Vec<String> = (0..OTHERS).map(|other| format!("other-{other}")).collect();
        let mut tails = Vec::new();
        for key in &keys {
            tails.push(tail(channel, TABLE, StartPosition::Latest, &[key.as_bytes()]).await);
        }
        Self { keys, tails, rounds: 0 }
    }

    /// Appends an event for each and waits until all have it.
    async fn round(&mut self, writer: &Channel) {
        self.rounds += 1;
        let events: Vec<_> = self.keys.iter().map(|key| TestEvent::new(key.as_str(), self.rounds)).collect();
        append(writer, &events).await;
        for tail in &mut self.tails {
            while next_events(tail).await.is_empty() {}
        }
    }
}

/// The server's memory while something was appended.
#[derive(Debug)]
struct Memory {
    /// Printed.
    #[expect(dead_code, reason = "only shown")]
    most: u64,
    /// The least in the second half: what it does not let go. What it takes for a flush or a compaction comes and goes, and
    /// more of it in one stretch than in another.
    kept: u64,
}

/// Appends so much while the others live, and tells what memory the server held meanwhile.
async fn memory(served: &Served, writer: &Channel, others: &mut Others, bytes: u64) -> Memory {
    let mut looks = Vec::new();
    append_bytes(writer, bytes, async || {
        others.round(writer).await;
        looks.push(served.process.memory_bytes());
    })
    .await;
    let second_half = looks[looks.len() / 2..].iter().copied();
    Memory { most: looks.iter().copied().max().expect("a round"), kept: second_half.min().expect("a round") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_tail_costs_nothing_of_what_is_appended_and_63_others_on_its_connection_live() {
    let mib = seed::start_and_cases(APPENDED_MIB).1;
    let served = Served::start(&[]).await;
    let writer = served.connect().await;
    let readers = served.connect_with_window(65_535).await;
    let mut others = Others::start(&readers).await;
    let without = memory(&served, &writer, &mut others, mib * MIB).await;
    let mut stalled = tail(&readers, TABLE, StartPosition::Latest, &[]).await;
    let start = Instant::now();
    let with = memory(&served, &writer, &mut others, mib * MIB).await;
    eprintln!("{mib} MiB behind a stalled tail in {:?}: without it {without:?}, with it {with:?}", start.elapsed());
    // A merge that is under way may hold as much; what is held for a tail would be held for as long as it stalls.
    until("the server has grown by no more than that", async || {
        others.round(&writer).await;
        served.process.memory_bytes() <= without.kept + GROWTH_BYTES_MAX
    })
    .await;

    // It goes on where it stopped, and has missed nothing.
    let (mut next, mut read) = (None, 0);
    while read < READ_ON {
        for sequence in next_events(&mut stalled).await {
            assert_eq!(sequence, next.unwrap_or(sequence), "in order, without gap");
            next = Some(sequence + 1);
            read += 1;
        }
    }
}

const STALLED: usize = 1_000;
const STALLED_CONNECTIONS: usize = 16;
/// What each of them could be sent.
const STORED_MIB: u64 = 8;
/// What one may make the server hold: its share of what all answers may take together, 8 KiB here; the 13 KiB that an
/// idle tail costs, its share of the connection with it; and its last answer of 8 KiB of events, in buffers that were
/// doubled until it had room.
const STALLED_BYTES_MAX: u64 = 64 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_stalled_tails_cost_at_most_64_kib_each_and_hold_up_nobody() {
    let served = Served::start(&["limits.sending_bytes_max=8388608"]).await;
    let writer = served.connect().await;
    append_bytes(&writer, STORED_MIB * MIB, async || {}).await;
    calls::tail_all(&writer, TABLE).await;
    let before = served.process.memory_bytes();
    let mut opening = JoinSet::new();
    for connection in 0..STALLED_CONNECTIONS {
        let channel = served.connect_with_window(65_535).await;
        opening.spawn(async move {
            let mut tails = Vec::new();
            for _ in (connection..STALLED).step_by(STALLED_CONNECTIONS) {
                tails.push(tail(&channel, TABLE, StartPosition::Earliest, &[]).await);
            }
            tails
        });
    }
    let tails = opening.join_all().await;
    // Each has been given what it is given without reading, and comes no further.
    let progress = async || {
        let infos = served.tails(&writer).await;
        infos.iter().map(|info| info.lag.map_or(0, |lag| lag.events)).sum::<u64>()
    };
    let (mut last, mut unchanged) = (progress().await, 0);
    until("the tails have stalled", async || {
        let now = progress().await;
        unchanged = if now == last { unchanged + 1 } else { 0 };
        last = now;
        unchanged >= 5
    })
    .await;
    let each = served.process.memory_bytes().saturating_sub(before) / STALLED as u64;
    eprintln!("a stalled tail costs {each} bytes");
    served.serves_a_good_client().await;
    assert!(each <= STALLED_BYTES_MAX, "{each} bytes each");
    drop(tails);
}
