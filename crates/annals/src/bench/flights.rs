//! Events under way: sent, and not yet both answered and delivered to a tail.
//!
//! An event is known by its id from before it is sent until both have come, in whichever order. Its delivery counts from
//! when it was due, as its answer does, so that whatever delays the sending of an event (a timer, a stall) is in both
//! and not in their difference. Only so many are under way at once; of the others only histograms are kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use annals_client::{Event, Sequence, Shard};
use anyhow::Context;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::differences::Differences;
use super::measurement::Latencies;
use super::pace::Due;

/// Events under way at most: three seconds of the default rate. A tail that is slower than the appends holds them back
/// then, which the next events' spans include, since these count from when they were due.
const UNDER_WAY_MAX: u32 = 16_384;

/// How long an event's answer and its delivery may lie apart. A tail that stalls for longer has lost the event.
pub(super) const APART_MAX: Duration = Duration::from_secs(10);

/// The events under way, and what is known of those that were.
#[derive(Debug)]
pub(super) struct Flights {
    state: Mutex<State>,
    room: Arc<Semaphore>,
}

/// When an event's answer or its delivery came, and where it said that the event is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) at: Instant,
    pub(super) place: (Shard, Sequence),
}

/// Events that were both answered and delivered. The time to the answer is in the caller's latencies.
#[derive(Clone, Debug, Default)]
pub(super) struct Landed {
    /// All of them; the histograms leave out the warm-up.
    pub(super) events: u64,
    /// From when it was due to its delivery.
    pub(super) deliveries: Latencies,
    /// How much later than the answer the delivery came, or earlier.
    pub(super) after_answer: Differences,
    /// How often the server said that the tail had fallen behind the live end.
    pub(super) fell_behind: u64,
}

#[derive(Debug, Default)]
struct State {
    under_way: HashMap<Uuid, Flight>,
    landed: Landed,
}

#[derive(Debug)]
struct Flight {
    due: Due,
    answered: Option<Arrival>,
    delivered: Option<Arrival>,
    /// Makes room for another event.
    _room: OwnedSemaphorePermit,
}

impl Default for Flights {
    fn default() -> Self {
        Self { state: Mutex::default(), room: Arc::new(Semaphore::new(UNDER_WAY_MAX as usize)) }
    }
}

impl Flights {
    /// Notes an event that is about to be sent, once there is room for it; its id.
    ///
    /// # Errors
    /// When the event has no id, or that of another one under way.
    pub(super) async fn begin(&self, event: &Event, due: Due) -> anyhow::Result<Uuid> {
        let id = event.view()?.id().context("an event of a bench has an id")?;
        let room = Arc::clone(&self.room).acquire_owned().await?;
        let flight = Flight { due, answered: None, delivered: None, _room: room };
        let other = self.lock().under_way.insert(id, flight);
        anyhow::ensure!(other.is_none(), "two events under way have the id {id}");
        Ok(id)
    }

    /// Notes the answer to an event's append.
    ///
    /// # Errors
    /// When it was answered before, or delivered from another place.
    pub(super) fn answered(&self, id: Uuid, arrival: Arrival) -> anyhow::Result<()> {
        self.note(id, arrival, "answered", |flight| &mut flight.answered)
    }

    /// Notes an event's delivery.
    ///
    /// # Errors
    /// When it was delivered before, is none of this bench's, or is at another place than its answer said.
    pub(super) fn delivered(&self, id: Uuid, arrival: Arrival) -> anyhow::Result<()> {
        self.note(id, arrival, "delivered", |flight| &mut flight.delivered)
    }

    /// Notes that the tail is not at the live end for a while.
    pub(super) fn fell_behind(&self) {
        self.lock().landed.fell_behind += 1;
    }

    /// Checks that no event has waited for its answer or its delivery for too long since the other came.
    ///
    /// # Errors
    /// When one has.
    pub(super) fn check(&self, now: Instant) -> anyhow::Result<()> {
        for (id, flight) in &self.lock().under_way {
            let (arrival, came, missing) = match (flight.answered, flight.delivered) {
                (Some(answered), None) => (answered, "answered", "delivered"),
                (None, Some(delivered)) => (delivered, "delivered", "answered"),
                _ => continue,
            };
            anyhow::ensure!(
                now.saturating_duration_since(arrival.at) <= APART_MAX,
                "event {id}, sequence {} of shard {}, was {came} and not {missing} within {APART_MAX:?}",
                arrival.place.1,
                arrival.place.0
            );
        }
        Ok(())
    }

    /// Waits until none is under way; what became of all.
    ///
    /// # Errors
    /// None: nobody closes the room.
    pub(super) async fn all_landed(&self) -> anyhow::Result<Landed> {
        let all = self.room.acquire_many(UNDER_WAY_MAX).await?;
        drop(all);
        Ok(self.lock().landed.clone())
    }

    fn note(
        &self,
        id: Uuid,
        arrival: Arrival,
        what: &str,
        part: impl Fn(&mut Flight) -> &mut Option<Arrival>,
    ) -> anyhow::Result<()> {
        let mut state = self.lock();
        let flight = state.under_way.get_mut(&id).with_context(|| {
            format!(
                "event {id} was {what} and is not under way: it came twice, or another program appends to the table"
            )
        })?;
        anyhow::ensure!(part(flight).replace(arrival).is_none(), "event {id} was {what} twice");
        let (Some(answered), Some(delivered)) = (flight.answered, flight.delivered) else { return Ok(()) };
        let due = flight.due;
        state.under_way.remove(&id);
        anyhow::ensure!(
            answered.place == delivered.place,
            "event {id} was answered as {:?} and delivered as {:?}",
            answered.place,
            delivered.place
        );
        state.landed.add(due, answered.at, delivered.at);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Landed {
    fn add(&mut self, due: Due, answered: Instant, delivered: Instant) {
        self.events += 1;
        if due.counts {
            self.deliveries.record(delivered.saturating_duration_since(due.since));
            self.after_answer.record(delivered, answered);
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_client::EventTime;
    use futures_util::FutureExt;

    use super::super::source::EventSource;
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Flights with one event that has just been sent.
    struct Sent {
        flights: Flights,
        id: Uuid,
        due: Instant,
    }

    impl Sent {
        fn one(counts: bool) -> Self {
            let due = Instant::now();
            let flights = Flights::default();
            let id = begin(&flights, &mut source(), Due { since: due, counts });
            Self { flights, id, due }
        }

        fn after(&self, span: Duration) -> Arrival {
            Arrival { at: self.due + span, place: (Shard::new(0), Sequence::new(7)) }
        }

        fn landed(&self) -> Landed {
            self.flights.all_landed().now_or_never().expect("all has landed").expect("room")
        }
    }

    fn source() -> EventSource {
        EventSource::new(1, 10, 128, EventTime::from_unix_nanos(0))
    }

    fn begin(flights: &Flights, source: &mut EventSource, due: Due) -> Uuid {
        let event = source.event_of(0);
        flights.begin(&event, due).now_or_never().expect("there is room").expect("an id of its own")
    }

    fn message(outcome: anyhow::Result<()>) -> String {
        outcome.expect_err("this must not be").to_string()
    }

    #[test]
    fn a_delivery_counts_from_when_the_event_was_due_whichever_comes_first() {
        for (answer, delivery, difference) in [(2, 5, 3.0), (5, 2, -3.0)] {
            let sent = Sent::one(true);
            let (answer, delivery) = (sent.after(answer * MS), sent.after(delivery * MS));
            if difference > 0.0 {
                sent.flights.answered(sent.id, answer).expect("the first");
                sent.flights.delivered(sent.id, delivery).expect("the second");
            } else {
                sent.flights.delivered(sent.id, delivery).expect("the first");
                sent.flights.answered(sent.id, answer).expect("the second");
            }
            let landed = sent.landed();
            assert_eq!(landed.events, 1);
            let ms = |latencies: &Latencies| latencies.at_rank(1).as_secs_f64() * 1e3;
            assert!((ms(&landed.deliveries) - (delivery.at - sent.due).as_secs_f64() * 1e3).abs() < 0.01);
            let median = landed.after_answer.at_percentile(50.0).expect("some landed");
            assert!((median * 1e3 - difference).abs() < 0.01);
        }
    }

    #[test]
    fn the_warm_up_is_checked_and_not_counted() {
        let sent = Sent::one(false);
        sent.flights.answered(sent.id, sent.after(MS)).expect("the first");
        sent.flights.delivered(sent.id, sent.after(MS)).expect("the second");
        let landed = sent.landed();
        assert_eq!((landed.events, landed.deliveries.count()), (1, 0));
        assert_eq!(landed.after_answer.share_earlier(), None);
    }

    #[test]
    fn an_event_that_comes_twice_or_that_nobody_sent_is_an_error() {
        let sent = Sent::one(true);
        sent.flights.delivered(sent.id, sent.after(MS)).expect("the first");
        assert!(message(sent.flights.delivered(sent.id, sent.after(MS))).contains("delivered twice"));
        sent.flights.answered(sent.id, sent.after(MS)).expect("the answer");
        assert!(message(sent.flights.delivered(sent.id, sent.after(MS))).contains("came twice, or another program"));
        assert!(
            message(sent.flights.delivered(Uuid::nil(), sent.after(MS))).contains("came twice, or another program")
        );
        assert_eq!(sent.landed().events, 1);
    }

    #[test]
    fn a_delivery_from_another_place_than_the_answer_named_is_an_error() {
        let sent = Sent::one(true);
        sent.flights.answered(sent.id, sent.after(MS)).expect("the answer");
        let elsewhere = Arrival { place: (Shard::new(0), Sequence::new(8)), ..sent.after(MS) };
        assert!(message(sent.flights.delivered(sent.id, elsewhere)).contains("delivered as"));
    }

    #[test]
    fn answer_and_delivery_may_lie_apart_for_a_bounded_time_only() {
        type Note = fn(&Flights, Uuid, Arrival) -> anyhow::Result<()>;
        let parts: [(Note, &str); 2] = [
            (Flights::answered, "was answered and not delivered within 10s"),
            (Flights::delivered, "was delivered and not answered within 10s"),
        ];
        for (note, expected) in parts {
            let sent = Sent::one(true);
            // What has neither is the session's to notice.
            sent.flights.check(sent.due + 2 * APART_MAX).expect("neither came");
            note(&sent.flights, sent.id, sent.after(MS)).expect("the first");
            sent.flights.check(sent.due + MS + APART_MAX).expect("just in time");
            let late = message(sent.flights.check(sent.due + 2 * MS + APART_MAX));
            assert!(late.contains(expected) && late.contains("sequence 7 of shard 0"), "{late}");
        }
    }

    #[test]
    fn only_so_many_are_under_way_at_once() {
        let (flights, mut source) = (Flights::default(), source());
        let due = Due { since: Instant::now(), counts: true };
        let ids: Vec<_> = (0..UNDER_WAY_MAX).map(|_| begin(&flights, &mut source, due)).collect();
        let next = source.event_of(0);
        assert!(flights.begin(&next, due).now_or_never().is_none(), "it waits for room");
        assert!(flights.all_landed().now_or_never().is_none(), "they are under way");
        let arrival = Arrival { at: Instant::now(), place: (Shard::new(0), Sequence::new(1)) };
        for id in ids {
            flights.answered(id, arrival).expect("the answer");
            flights.delivered(id, arrival).expect("the delivery");
        }
        assert!(flights.begin(&next, due).now_or_never().is_some(), "there is room again");
        assert_eq!(flights.lock().under_way.len(), 1, "what has landed is not kept");
    }
}
