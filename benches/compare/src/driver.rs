//! The same work for every store that has a Rust client: callers who append, scan or read all, and are timed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use annals_client::{Event, EventTime};
use anyhow::{Context, ensure};
use async_trait::async_trait;
use tokio::task::JoinSet;

use crate::args::Args;
use crate::events::{EventSource, SplitMix, key};
use crate::figure::{Figure, Latencies, Latency};
use crate::peer::Subject;
use crate::work::{Appends, EVENT_BYTES, LOADING, SCANS_IN_FLIGHT, Work};

/// What a store's client can do. Callers share it.
#[async_trait]
pub(crate) trait Store: Send + Sync + 'static {
    /// Appends events and returns once the store has answered for all of them.
    async fn append(&self, events: Vec<Event>) -> anyhow::Result<()>;

    /// Reads the events of one partition in time order and tells how many there were.
    async fn scan(&self, key: String) -> anyhow::Result<u64>;

    /// Reads all events in the order of their arrival and tells how many there were; a store that cannot tell where
    /// its end is ends after `expected`.
    async fn tail(&self, expected: u64) -> anyhow::Result<u64>;
}

/// A store that is driven by this program.
pub(crate) struct Driven<S>(Arc<S>);

/// When a work is over, and from when it counts.
#[derive(Clone, Copy, Debug)]
struct Span {
    began: Instant,
    counted: Instant,
    end: Instant,
}

/// What one caller counted.
#[derive(Debug, Default)]
struct Tally {
    /// Requests that were answered in the span.
    requests: u64,
    /// All requests, and when the last was answered: those of a span that was too short for the store.
    all_requests: u64,
    last: Option<Instant>,
    latencies: Latencies,
}

impl<S: Store> Driven<S> {
    pub(crate) fn subject(store: S) -> Box<dyn Subject> {
        Box::new(Self(Arc::new(store)))
    }

    async fn append(&self, how: Appends, args: &Args) -> anyhow::Result<Figure> {
        let span = Span::begin(args);
        let mut callers = JoinSet::new();
        for caller in 0..how.in_flight {
            let store = Arc::clone(&self.0);
            let mut source = source(args, caller as u64, how.event_bytes);
            callers.spawn(async move {
                let mut tally = Tally::default();
                while !span.is_over() {
                    let events = source.batch(how.batch);
                    let sent = Instant::now();
                    store.append(events).await?;
                    tally.note(sent, span);
                }
                anyhow::Ok(tally)
            });
        }
        Tally::of(callers).await?.figure(span, how.in_flight as u64, how.batch as u64)
    }

    async fn scan(&self, args: &Args) -> anyhow::Result<Figure> {
        let span = Span::begin(args);
        let (partitions, expected) = (args.partitions, args.events_each);
        let mut callers = JoinSet::new();
        for caller in 0..SCANS_IN_FLIGHT as u64 {
            let store = Arc::clone(&self.0);
            let mut random = SplitMix(args.seed ^ (caller << 32));
            callers.spawn(async move {
                let mut tally = Tally::default();
                while !span.is_over() {
                    let key = key(random.below(partitions));
                    let sent = Instant::now();
                    let found = store.scan(key.clone()).await?;
                    ensure!(found == expected, "the scan of {key} brought {found} events and not {expected}");
                    tally.note(sent, span);
                }
                anyhow::Ok(tally)
            });
        }
        Tally::of(callers).await?.figure(span, SCANS_IN_FLIGHT as u64, 1)
    }

    async fn tail(&self, args: &Args) -> anyhow::Result<Figure> {
        let (began, stored) = (Instant::now(), args.stored());
        let found = self.0.tail(stored).await?;
        ensure!(found == stored, "reading all brought {found} events, and {stored} are stored");
        Ok(Figure::new(found, began.elapsed(), Latency::None))
    }
}

#[async_trait]
impl<S: Store> Subject for Driven<S> {
    async fn load(&self, args: &Args) -> anyhow::Result<()> {
        let next = Arc::new(AtomicU64::new(0));
        let (stored, partitions) = (args.stored(), args.partitions);
        let mut callers = JoinSet::new();
        for caller in 0..LOADING.in_flight {
            let (store, next) = (Arc::clone(&self.0), Arc::clone(&next));
            let mut source = source(args, caller as u64, EVENT_BYTES);
            callers.spawn(async move {
                let batch = LOADING.batch as u64;
                loop {
                    let first = next.fetch_add(batch, Ordering::Relaxed);
                    if first >= stored {
                        return anyhow::Ok(());
                    }
                    let numbers = first..stored.min(first + batch);
                    let events = numbers.map(|number| source.event_of(number % partitions)).collect();
                    store.append(events).await?;
                }
            });
        }
        while let Some(ended) = callers.join_next().await {
            ended.context("a caller broke down")?.context("storing what is to be read")?;
        }
        Ok(())
    }

    async fn measure(&self, work: Work, args: &Args) -> anyhow::Result<Figure> {
        match (work, work.appends()) {
            (_, Some(how)) => self.append(how, args).await,
            (Work::Tail, None) => self.tail(args).await,
            (_, None) => self.scan(args).await,
        }
    }
}

impl Span {
    fn begin(args: &Args) -> Self {
        let began = Instant::now();
        let counted = began + args.warm_up();
        Self { began, counted, end: counted + args.time() }
    }

    fn is_over(self) -> bool {
        Instant::now() >= self.end
    }
}

impl Tally {
    fn note(&mut self, sent: Instant, span: Span) {
        let answered = Instant::now();
        self.all_requests += 1;
        self.last = Some(answered);
        if (span.counted..span.end).contains(&answered) {
            self.requests += 1;
        }
        if answered >= span.counted {
            self.latencies.record(answered - sent);
        }
    }

    /// The rate in the span; or, where it was too short for an answer to each caller, from the first request to the last
    /// answer.
    fn figure(self, span: Span, callers: u64, events: u64) -> anyhow::Result<Figure> {
        let last = self.last.context("nothing was answered")?;
        let (requests, from, to) = match self.requests {
            few if few < callers => (self.all_requests, span.began, last),
            requests => (requests, span.counted, span.end),
        };
        Ok(Figure::new(requests * events, to - from, self.latencies.percentiles()))
    }

    /// What all callers counted, once they have ended.
    async fn of(mut callers: JoinSet<anyhow::Result<Self>>) -> anyhow::Result<Self> {
        let mut all = Self::default();
        while let Some(ended) = callers.join_next().await {
            let tally = ended.context("a caller broke down")??;
            all.requests += tally.requests;
            all.all_requests += tally.all_requests;
            all.last = all.last.max(tally.last);
            all.latencies.add(&tally.latencies);
        }
        Ok(all)
    }
}

/// The events of one caller; no two callers have the same times.
fn source(args: &Args, caller: u64, event_bytes: usize) -> EventSource {
    const START: i64 = 1_360_000_000_000_000_000;
    let apart = Duration::from_hours(1).as_nanos() * u128::from(caller);
    let start = START + i64::try_from(apart).expect("callers are few");
    EventSource::new(args.seed ^ (caller << 32), args.partitions, event_bytes, EventTime::from_unix_nanos(start))
}
