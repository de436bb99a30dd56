//! Appends: over pipelined sessions, or as unary calls of many callers.

use std::sync::Arc;
use std::time::Instant;

use annals_client::{Appended, Client, Event, PendingAppend};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::flights::{Arrival, Flights};
use super::measurement::{Latencies, Measurement};
use super::pace::{Due, Pace};
use super::progress::Counter;
use super::source::EventSource;
use super::target::Clients;

/// Requests of one session that wait for their answers at most; the bytes in flight bound them before that.
const UNANSWERED_MAX: usize = 16_384;

/// How events are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// So many sessions, each with so many bytes in flight.
    Session { callers: usize, bytes_in_flight: usize },
    /// So many callers, each of whom waits for its answer.
    Unary { callers: usize },
}

/// An append bench.
#[derive(Clone, Debug)]
pub(super) struct Appends {
    pub(super) table: String,
    pub(super) mode: Mode,
    /// Events of one request.
    pub(super) batch: usize,
    pub(super) event_bytes: usize,
    pub(super) partitions: u64,
    /// Hears of each append of one event when it is sent and when it is answered; none: nobody wants to know.
    pub(super) flights: Option<Arc<Flights>>,
}

/// An append of one event that somebody wants to know about.
#[derive(Debug)]
struct Flight {
    flights: Arc<Flights>,
    id: Uuid,
}

/// What one caller counted.
#[derive(Debug, Default)]
struct Tally {
    requests: u64,
    latencies: Latencies,
}

impl Appends {
    /// Appends until the time is over and everything is answered.
    ///
    /// # Errors
    /// When an append is refused or the connection breaks: a figure with failures in it says nothing.
    pub(super) async fn run(
        &self,
        clients: &Clients,
        sources: impl Fn(usize) -> EventSource,
        pace: &Pace,
        counter: &Counter,
    ) -> anyhow::Result<Measurement> {
        let callers = match self.mode {
            Mode::Session { callers, .. } | Mode::Unary { callers } => callers,
        };
        let mut tasks = tokio::task::JoinSet::new();
        for caller in 0..callers {
            let (appends, client, pace, counter) =
                (self.clone(), clients.of(caller).clone(), pace.clone(), counter.clone());
            let source = sources(caller);
            tasks.spawn(async move {
                match appends.mode {
                    Mode::Session { bytes_in_flight, .. } => {
                        appends.send_over_session(&client, bytes_in_flight, source, &pace, &counter).await
                    }
                    Mode::Unary { .. } => appends.send_one_by_one(&client, source, &pace, &counter).await,
                }
            });
        }
        let mut all = Tally::default();
        while let Some(tally) = tasks.join_next().await {
            let tally = tally??;
            all.requests += tally.requests;
            all.latencies.add(&tally.latencies);
        }
        let events = all.requests * self.batch as u64;
        Ok(Measurement {
            name: "append".to_owned(),
            workload: self.words(),
            elapsed: pace.counted(),
            requests: all.requests,
            events,
            bytes: events * self.event_bytes as u64,
            latencies: all.latencies,
            delivery: None,
        })
    }

    fn words(&self) -> Vec<(&'static str, serde_json::Value)> {
        let mut words = match self.mode {
            Mode::Session { callers, bytes_in_flight } => {
                vec![("sessions", json!(callers)), ("bytes_in_flight", json!(bytes_in_flight))]
            }
            Mode::Unary { callers } => vec![("unary_callers", json!(callers))],
        };
        words.push(("batch", json!(self.batch)));
        words.push(("event_bytes", json!(self.event_bytes)));
        words.push(("partitions", json!(self.partitions)));
        words
    }

    async fn send_one_by_one(
        &self,
        client: &Client,
        mut source: EventSource,
        pace: &Pace,
        counter: &Counter,
    ) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        while let Some(due) = pace.next().await {
            let events = source.batch(self.batch);
            let flight = self.begin_flight(&events, due).await?;
            let answer = client.append(self.table.as_str(), events).await?;
            end_flight(flight, &answer)?;
            tally.note(due, pace);
            counter.add(answer.event_count());
        }
        Ok(tally)
    }

    async fn send_over_session(
        &self,
        client: &Client,
        bytes_in_flight: usize,
        mut source: EventSource,
        pace: &Pace,
        counter: &Counter,
    ) -> anyhow::Result<Tally> {
        let mut session = client.append_session_with(bytes_in_flight);
        let (sent, mut unanswered) = mpsc::channel::<(Due, Option<Flight>, PendingAppend)>(UNANSWERED_MAX);
        let (answer_pace, answer_counter) = (pace.clone(), counter.clone());
        let answers = tokio::spawn(async move {
            let mut tally = Tally::default();
            while let Some((due, flight, answer)) = unanswered.recv().await {
                let answer = answer.await?;
                end_flight(flight, &answer)?;
                tally.note(due, &answer_pace);
                answer_counter.add(answer.event_count());
            }
            anyhow::Ok(tally)
        });
        while let Some(due) = pace.next().await {
            let events = source.batch(self.batch);
            // Without a rate, building the events is the caller's own time and none of the server's.
            let due = if pace.has_rate() { due } else { Due { since: Instant::now(), ..due } };
            let flight = self.begin_flight(&events, due).await?;
            let Ok(answer) = session.append(self.table.as_str(), events).await else { break };
            if sent.send((due, flight, answer)).await.is_err() {
                break;
            }
        }
        drop(sent);
        let finished = session.finish().await;
        let tally = answers.await??;
        finished?;
        Ok(tally)
    }

    /// Notes that a request's event is about to be sent, if somebody wants to know.
    async fn begin_flight(&self, events: &[Event], due: Due) -> anyhow::Result<Option<Flight>> {
        let (Some(flights), [event]) = (&self.flights, events) else { return Ok(None) };
        let id = flights.begin(event, due).await?;
        Ok(Some(Flight { flights: Arc::clone(flights), id }))
    }
}

/// Notes that a request has just been answered.
fn end_flight(flight: Option<Flight>, answer: &Appended) -> anyhow::Result<()> {
    let Some(Flight { flights, id }) = flight else { return Ok(()) };
    let at = Instant::now();
    let [one] = answer.shards[..] else { anyhow::bail!("the append of one event was answered as several") };
    anyhow::ensure!(one.event_count == 1, "the append of one event was answered as one of {}", one.event_count);
    flights.answered(id, Arrival { at, place: (one.shard, one.first_sequence) })
}

impl Tally {
    /// Counts a request that was answered. What is answered after the end is in the latencies and not in the rate.
    fn note(&mut self, due: Due, pace: &Pace) {
        if due.counts {
            self.latencies.record(due.since.elapsed());
        }
        if pace.counts() && !pace.is_over() {
            self.requests += 1;
        }
    }
}

/// The rate of requests for a rate of events.
pub(super) fn requests_per_second(events_per_second: Option<f64>, batch: usize) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "batches are small")]
    events_per_second.map(|events| events / batch as f64)
}
