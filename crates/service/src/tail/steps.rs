//! The steps of a tail, each made when it is taken.

use std::sync::Arc;

use annals_engine::{ArrivalScope, Engine, HeadWatch, WatchClosed};
use annals_model::{EventTime, Fault, Moment, ResumeToken};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use tokio::time::{Instant, sleep_until};

use super::bound_tail::BoundTail;
use super::catch_up::{CatchUp, Source, lag};
use super::encoded_page::EncodedPage;
use super::event_page::{EventPage, Page};
use super::live_pages::{LivePages, Sharing};
use super::registry::Registered;
use super::step::{Lag, TailStep};
use crate::projection::projected;
use crate::{Caller, Service, Stop, clock, faults};

struct Steps<E, P: EncodedPage> {
    service: Arc<Service<E>>,
    tail: BoundTail,
    watch: HeadWatch,
    stop: Stop,
    registered: Registered,
    /// Where others may want the same.
    sharing: Option<Sharing<P>>,
    catch_up: CatchUp,
    phase: Phase,
    /// Whether it has come to the head at least once, and so stands near others that have.
    was_live: bool,
    /// The latest event time delivered.
    max_time: Option<EventTime>,
    /// When a heartbeat is due.
    heartbeat_at: Instant,
    /// Events delivered since the tail stood at the head.
    events_since_head: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No step was made.
    Starting,
    /// Stored events are delivered.
    CatchingUp,
    /// The head was reached.
    Live,
    /// All that was asked for is delivered.
    Ended,
}

/// The steps of a tail; they end as the request says, or with the table or the server.
///
/// # Errors
/// When the table is gone or there are too many tails.
pub(super) fn steps<E: Engine, P: EncodedPage>(
    service: Arc<Service<E>>,
    tail: BoundTail,
    caller: &Caller,
    pages: &Arc<LivePages<P>>,
) -> Result<impl Stream<Item = Result<TailStep<P>, Fault>> + Send + use<E, P>, Fault> {
    let watch = service.engine.watch(tail.table.id, tail.watch_scope());
    let watch = watch.map_err(|error| faults::of_read(&error, &tail.table.definition.name))?;
    let registered = service.tails.register(
        &tail.table,
        tail.client_name.clone(),
        caller.peer().map_or_else(String::new, |peer| peer.to_string()),
        tail.shards.clone(),
        tail.position.clone(),
        service.limits.tails_max,
    )?;
    let is_whole = matches!(tail.arrivals, ArrivalScope::All) && tail.projection.is_none();
    let steps = Steps {
        stop: service.stop.clone(),
        sharing: is_whole.then(|| pages.join(tail.table.id)),
        catch_up: CatchUp::new(&tail),
        phase: Phase::Starting,
        was_live: false,
        max_time: None,
        heartbeat_at: Instant::now() + tail.heartbeat,
        events_since_head: 0,
        service,
        tail,
        watch,
        registered,
    };
    Ok(stream::unfold(Some(steps), |steps| async move {
        let mut steps = steps?;
        steps.service.pace().await;
        match steps.next().await {
            Ok(Some(step)) => Some((Ok(step), Some(steps))),
            Ok(None) => None,
            Err(fault) => Some((Err(fault), None)),
        }
    }))
}

impl<E: Engine, P: EncodedPage> Steps<E, P> {
    async fn next(&mut self) -> Result<Option<TailStep<P>>, Fault> {
        loop {
            if self.stop.is_stopping() {
                return Err(faults::shutting_down());
            }
            if self.phase == Phase::Ended {
                // All up to the end that was asked for, unless the head lies where the store is damaged.
                return self.catch_up.lost_behind(&self.service, &self.tail).await.map_or(Ok(None), Err);
            }
            let goal = self.goal();
            if self.phase == Phase::Starting {
                self.phase = Phase::CatchingUp;
                if !matches!(self.tail.arrivals, ArrivalScope::All) && !self.catch_up.has_come_to(&goal) {
                    // Finding the first event of a scope may take a while, and the first step comes at once.
                    return Ok(Some(self.heartbeat().await));
                }
            }
            let step =
                if self.catch_up.has_come_to(&goal) { self.at_goal(&goal).await? } else { self.towards(&goal).await? };
            if step.is_some() {
                return Ok(step);
            }
        }
    }

    /// How far there is something to deliver: to the head, or to the tail's end.
    fn goal(&self) -> Moment {
        let mut goal = self.watch.moment();
        if let Some(end) = &self.tail.end {
            for &shard in &self.tail.shards {
                goal.set(shard, goal.of(shard).min(end.of(shard)));
            }
        }
        goal
    }

    /// All there is was delivered: says so once, then waits.
    async fn at_goal(&mut self, goal: &Moment) -> Result<Option<TailStep<P>>, Fault> {
        self.events_since_head = 0;
        if self.tail.end.as_ref().is_some_and(|end| self.tail.shards.iter().all(|&of| goal.of(of) >= end.of(of))) {
            self.phase = Phase::Ended;
            return Ok(Some(self.caught_up()));
        }
        if self.phase != Phase::Live {
            (self.phase, self.was_live) = (Phase::Live, true);
            return Ok(Some(self.caught_up()));
        }
        if Instant::now() >= self.heartbeat_at {
            return Ok(Some(self.heartbeat().await));
        }
        tokio::select! {
            biased;
            () = self.stop.stopping() => Err(faults::shutting_down()),
            changed = self.watch.changed() => match changed {
                Ok(()) => Ok(None),
                Err(WatchClosed) => Err(self.gone().await),
            },
            () = sleep_until(self.heartbeat_at) => Ok(None),
        }
    }

    /// There is something to deliver: the next of it, unless the scope leaves it out.
    async fn towards(&mut self, goal: &Moment) -> Result<Option<TailStep<P>>, Fault> {
        if self.phase == Phase::Live && self.is_behind(goal) {
            self.phase = Phase::CatchingUp;
            self.events_since_head = 0;
            let lag = self.lag().await;
            return Ok(Some(TailStep::FellBehind { resume_token: self.note_position(), lag }));
        }
        let bounds = self.service.page_bounds();
        let sharing = self.sharing.as_ref().filter(|sharing| self.was_live && sharing.is_shared());
        let source = Source { service: &self.service, tail: &self.tail, sharing, goal };
        let pages = match self.phase {
            Phase::Live => self.catch_up.read_all(&source, bounds).await?,
            _ => self.catch_up.read_earliest(&source, bounds).await?,
        };
        let step = self.events(pages)?;
        if step.is_some() {
            return Ok(step);
        }
        if Instant::now() >= self.heartbeat_at {
            return Ok(Some(self.heartbeat().await));
        }
        Ok(None)
    }

    /// Whether a live tail is too slow. Where a scope leaves events out the distance to the head tells nothing; what
    /// counts then is how much was delivered without reaching it.
    fn is_behind(&self, goal: &Moment) -> bool {
        let behind = match self.tail.arrivals {
            ArrivalScope::All => self.catch_up.events_behind(goal),
            ArrivalScope::Slices(_) | ArrivalScope::Partitions(_) => self.events_since_head,
        };
        behind > self.service.limits.tail_behind_events
    }

    /// The step with the pages' events, if there are any.
    fn events(&mut self, pages: Vec<Page<P>>) -> Result<Option<TailStep<P>>, Fault> {
        if pages.is_empty() {
            return Ok(None);
        }
        let mut delivered = Vec::with_capacity(pages.len());
        for page in pages {
            self.events_since_head += page.event_count() as u64;
            self.max_time = self.max_time.max(page.max_time());
            delivered.push(match page {
                Page::Own(own) => EventPage::Own(projected(own, self.tail.projection.as_ref())?),
                Page::Shared(page) => EventPage::Shared(page.encoded),
            });
        }
        let (resume_token, max_time) = (self.note_position(), self.max_time);
        Ok(Some(TailStep::Events { resume_token, pages: delivered, max_time }))
    }

    fn caught_up(&mut self) -> TailStep<P> {
        TailStep::CaughtUp { resume_token: self.note_position(), max_time: self.max_time }
    }

    async fn heartbeat(&mut self) -> TailStep<P> {
        let (lag, server_time) = (self.lag().await, clock::now());
        TailStep::Heartbeat { resume_token: self.note_position(), max_time: self.max_time, lag, server_time }
    }

    /// Shows others how far the tail has come. The token resumes after the step that is being made.
    fn note_position(&mut self) -> Bytes {
        self.heartbeat_at = Instant::now() + self.tail.heartbeat;
        let position = self.catch_up.position();
        self.registered.moved(position, self.phase == Phase::Live);
        let floor = self.service.floor_of(&self.tail.table, position);
        let (table, scope) = (self.tail.table.id, self.tail.scope);
        ResumeToken { table, scope, moment: position.clone(), floor }.encode()
    }

    async fn lag(&self) -> Option<Lag> {
        // What can't be read is an error where the events themselves are read; a lag that is not known is left out.
        lag(&self.service, self.tail.table.id, &self.tail.shards, self.catch_up.position()).await.ok()
    }

    /// Why nothing more will come.
    async fn gone(&self) -> Fault {
        if let Err(error) = self.service.engine.head(self.tail.table.id) {
            return faults::of_read(&error, &self.tail.table.definition.name);
        }
        let lost = self.catch_up.lost_behind(&self.service, &self.tail).await;
        lost.unwrap_or_else(faults::shutting_down)
    }
}
