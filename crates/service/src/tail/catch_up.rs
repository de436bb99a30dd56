//! Reads what a tail has not delivered yet: from which shard, and how far behind it is.

use std::time::Duration;

use annals_engine::{ArrivalPage, ArrivalRead, ArrivalScope, Engine, PageBounds, ReadError};
use annals_model::{CommitTime, Fault, Moment, Sequence, Shard, StoredEvent, TableId};

use super::bound_tail::BoundTail;
use super::cursor::Cursor;
use super::encoded_page::EncodedPage;
use super::event_page::Page;
use super::live_pages::{Found, LivePage, Sharing};
use super::step::Lag;
use crate::{Service, clock, faults};

const ONE_EVENT: PageBounds = PageBounds { events_max: 1, bytes_max: 0 };

/// A tail's cursors, and what they stand on.
#[derive(Debug)]
pub(super) struct CatchUp {
    cursors: Vec<Cursor>,
    /// All up to here was delivered, or is outside the scope.
    position: Moment,
}

/// What a tail reads from, and how far.
#[derive(Debug)]
pub(super) struct Source<'a, E, P: EncodedPage> {
    pub(super) service: &'a Service<E>,
    pub(super) tail: &'a BoundTail,
    /// What other tails have left, for one that delivers whole shards and is not alone: it takes pages that others have
    /// made, and leaves those that it makes.
    pub(super) sharing: Option<&'a Sharing<P>>,
    pub(super) goal: &'a Moment,
}

impl CatchUp {
    pub(super) fn new(tail: &BoundTail) -> Self {
        let cursor = |shard: &Shard| Cursor::new(*shard, tail.is_from_earliest);
        Self { cursors: tail.shards.iter().map(cursor).collect(), position: tail.position.clone() }
    }

    pub(super) fn position(&self) -> &Moment {
        &self.position
    }

    /// The cursors that have not come to `goal`.
    fn lagging(&self, goal: &Moment) -> Vec<usize> {
        let lags = |index: &usize| {
            let shard = self.cursors[*index].shard;
            self.position.of(shard) < goal.of(shard)
        };
        (0..self.cursors.len()).filter(lags).collect()
    }

    pub(super) fn has_come_to(&self, goal: &Moment) -> bool {
        self.cursors.iter().all(|cursor| self.position.of(cursor.shard) >= goal.of(cursor.shard))
    }

    /// Why what comes after a head that was reached cannot be read, where it cannot: the store is served up to damage there.
    pub(super) async fn lost_behind<E: Engine>(&self, service: &Service<E>, tail: &BoundTail) -> Option<Fault> {
        let head = service.engine.head(tail.table.id).ok()?;
        for cursor in self.cursors.iter().filter(|cursor| self.position.of(cursor.shard) >= head.of(cursor.shard)) {
            let read = ArrivalRead {
                table: tail.table.id,
                shard: cursor.shard,
                from: self.position.of(cursor.shard).next(),
                through: Sequence::MAX,
                scope: tail.arrivals.clone(),
                bounds: ONE_EVENT,
            };
            if let Err(error @ ReadError::Damaged(_)) = service.engine.read_arrivals(read).await {
                return Some(faults::of_read(&error, &tail.table.definition.name));
            }
        }
        None
    }

    /// Events between the position and `head`, over the shards that are followed.
    pub(super) fn events_behind(&self, head: &Moment) -> u64 {
        let behind = |cursor: &Cursor| head.of(cursor.shard).distance_from(self.position.of(cursor.shard));
        self.cursors.iter().map(behind).sum()
    }

    /// A page of the shard whose next event was committed first; none where the scope leaves all of it out. The position
    /// has then moved all the same.
    pub(super) async fn read_earliest<E: Engine, P: EncodedPage>(
        &mut self,
        source: &Source<'_, E, P>,
        bounds: PageBounds,
    ) -> Result<Vec<Page<P>>, Fault> {
        let Some(earliest) = self.earliest(source).await? else { return Ok(Vec::new()) };
        Ok(Vec::from_iter(self.read(source, earliest, bounds).await?))
    }

    /// The cursor, of those that have not come to the goal, whose next event was committed first.
    async fn earliest<E: Engine, P: EncodedPage>(&mut self, source: &Source<'_, E, P>) -> Result<Option<usize>, Fault> {
        let lagging = self.lagging(source.goal);
        let [first, rest @ ..] = &lagging[..] else { return Ok(None) };
        let mut earliest = *first;
        if !rest.is_empty() {
            let mut commit = None;
            for &index in &lagging {
                let next = self.next_commit(source, index).await?;
                if next.is_some() && (commit.is_none() || next < commit) {
                    (earliest, commit) = (index, next);
                }
            }
        }
        Ok(Some(earliest))
    }

    /// What there is in all shards, up to the bounds together: at the live end pages are small and order among shards
    /// is that of arrival anyway.
    pub(super) async fn read_all<E: Engine, P: EncodedPage>(
        &mut self,
        source: &Source<'_, E, P>,
        bounds: PageBounds,
    ) -> Result<Vec<Page<P>>, Fault> {
        let mut pages: Vec<Page<P>> = Vec::new();
        let mut rest = bounds;
        for index in self.lagging(source.goal) {
            if rest.events_max == 0 || rest.bytes_max == 0 {
                break;
            }
            // The page may hold one event past the bounds; a second such page would go past a response's size.
            if !pages.is_empty() && !self.fits(source, index, rest).await? {
                break;
            }
            let Some(page) = self.read(source, index, rest).await? else { continue };
            rest.events_max = rest.events_max.saturating_sub(page.event_count());
            rest.bytes_max = rest.bytes_max.saturating_sub(page.event_bytes());
            pages.push(page);
        }
        Ok(pages)
    }

    /// Whether the next event of a shard fits into the bounds.
    async fn fits<E: Engine, P: EncodedPage>(
        &mut self,
        source: &Source<'_, E, P>,
        index: usize,
        bounds: PageBounds,
    ) -> Result<bool, Fault> {
        let page = self.stored(source, index, ONE_EVENT).await?;
        Ok(page.events.first().is_none_or(|event| event.bytes.len() <= bounds.bytes_max))
    }

    async fn next_commit<E: Engine, P: EncodedPage>(
        &mut self,
        source: &Source<'_, E, P>,
        index: usize,
    ) -> Result<Option<CommitTime>, Fault> {
        if self.cursors[index].next_commit.is_none() {
            let page = self.stored(source, index, ONE_EVENT).await?;
            self.cursors[index].next_commit = page.events.first().map(|event| event.commit_time);
            if page.events.is_empty() {
                self.position.set(self.cursors[index].shard, page.next.previous());
            }
        }
        Ok(self.cursors[index].next_commit)
    }

    /// Reads on in one shard and moves its cursor; none where no events are left to deliver.
    async fn read<E: Engine, P: EncodedPage>(
        &mut self,
        source: &Source<'_, E, P>,
        index: usize,
        bounds: PageBounds,
    ) -> Result<Option<Page<P>>, Fault> {
        if let Some(sharing) = source.sharing {
            let page = self.read_shared(source, sharing, index, bounds).await?;
            return Ok(page.map(Page::Shared));
        }
        let events = self.read_stored(source, index, bounds).await?;
        Ok((!events.is_empty()).then_some(Page::Own(events)))
    }

    async fn read_shared<E: Engine, P: EncodedPage>(
        &mut self,
        source: &Source<'_, E, P>,
        sharing: &Sharing<P>,
        index: usize,
        bounds: PageBounds,
    ) -> Result<Option<LivePage<P>>, Fault> {
        let Cursor { shard, .. } = self.cursors[index];
        let found = source.find(sharing, shard, self.position.of(shard).next())?;
        let mut goal = source.goal.clone();
        match &found {
            Found::Page(page) if page.last <= goal.of(shard) && page.fits(bounds) => {
                self.pass(index, page.last, true);
                return Ok(Some(page.clone()));
            }
            Found::Within(end) => goal.set(shard, goal.of(shard).min(*end)),
            Found::Page(_) | Found::Nothing => {}
        }
        let events = self.read_stored(&Source { goal: &goal, ..*source }, index, bounds).await?;
        let Some(first) = events.first() else { return Ok(None) };
        let page = LivePage::new(&events, self.position.of(shard));
        if matches!(found, Found::Nothing) {
            sharing.leave(shard, first.sequence, page.clone());
        }
        Ok(Some(page))
    }

    async fn read_stored<E: Engine, P: EncodedPage>(
        &mut self,
        source: &Source<'_, E, P>,
        index: usize,
        bounds: PageBounds,
    ) -> Result<Vec<StoredEvent>, Fault> {
        let page = self.stored(source, index, bounds).await?;
        self.pass(index, page.next.previous(), !page.events.is_empty());
        Ok(page.events)
    }

    /// Notes that all of a shard up to `last` is delivered, some of it events or none.
    fn pass(&mut self, index: usize, last: Sequence, has_events: bool) {
        let cursor = &mut self.cursors[index];
        cursor.next_commit = None;
        cursor.follows_retention &= !has_events;
        self.position.set(cursor.shard, last);
    }

    /// The next page of one shard as it is stored. Starts later where retention went past a start that was the oldest
    /// event anyway.
    async fn stored<E: Engine, P: EncodedPage>(
        &mut self,
        source: &Source<'_, E, P>,
        index: usize,
        bounds: PageBounds,
    ) -> Result<ArrivalPage, Fault> {
        let Source { service, tail, goal, .. } = source;
        let Cursor { shard, follows_retention, .. } = self.cursors[index];
        loop {
            let read = ArrivalRead {
                table: tail.table.id,
                shard,
                from: self.position.of(shard).next(),
                through: goal.of(shard),
                scope: tail.arrivals.clone(),
                bounds,
            };
            match service.engine.read_arrivals(read).await {
                Ok(page) => return Ok(page),
                Err(ReadError::Trimmed { first_retained, .. })
                    if follows_retention && first_retained > self.position.of(shard).next() =>
                {
                    self.position.set(shard, first_retained.previous());
                    if first_retained > goal.of(shard) {
                        return Ok(ArrivalPage { events: Vec::new(), next: first_retained });
                    }
                }
                Err(error) => return Err(faults::of_read(&error, &tail.table.definition.name)),
            }
        }
    }
}

impl<E: Engine, P: EncodedPage> Source<'_, E, P> {
    /// What others have left for a tail that goes on from a sequence. A page may have outlived what it holds; what
    /// retention has removed is not delivered from it either.
    fn find(&self, sharing: &Sharing<P>, shard: Shard, from: Sequence) -> Result<Found<P>, Fault> {
        let found = sharing.find(shard, from);
        if matches!(found, Found::Page(_)) {
            let table = &self.tail.table;
            let first_retained = self.service.engine.first_retained(table.id, shard);
            if from < first_retained.map_err(|error| faults::of_read(&error, &table.definition.name))? {
                return Ok(Found::Nothing);
            }
        }
        Ok(found)
    }
}

/// How far a position lies behind the head, over these shards: also events that a tail's scope leaves out.
pub(super) async fn lag<E: Engine>(
    service: &Service<E>,
    table: TableId,
    shards: &[Shard],
    position: &Moment,
) -> Result<Lag, ReadError> {
    let head = service.engine.head(table)?;
    let mut events = 0;
    let mut oldest: Option<CommitTime> = None;
    for &shard in shards {
        let behind = head.of(shard).distance_from(position.of(shard));
        events += behind;
        if behind > 0 {
            let commit = commit_time_after(service, table, shard, position.of(shard), head.of(shard)).await?;
            oldest = [oldest, commit].into_iter().flatten().min();
        }
    }
    let age = oldest.map_or(Duration::ZERO, |commit| {
        let nanos = clock::now().unix_nanos().saturating_sub(commit.unix_nanos());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    });
    Ok(Lag { events, age })
}

async fn commit_time_after<E: Engine>(
    service: &Service<E>,
    table: TableId,
    shard: Shard,
    position: Sequence,
    head: Sequence,
) -> Result<Option<CommitTime>, ReadError> {
    let read = |from| ArrivalRead { table, shard, from, through: head, scope: ArrivalScope::All, bounds: ONE_EVENT };
    let page = match service.engine.read_arrivals(read(position.next())).await {
        Err(ReadError::Trimmed { first_retained, .. }) if first_retained <= head => {
            service.engine.read_arrivals(read(first_retained)).await?
        }
        Err(ReadError::Trimmed { .. }) => return Ok(None),
        page => page?,
    };
    Ok(page.events.first().map(|event| event.commit_time))
}
