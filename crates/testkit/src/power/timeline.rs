//! What a store must hold after the power went at any moment: all that was asked of it, when, and when it was answered.

use std::collections::BTreeMap;

use annals_engine::{Append, Appended, ShardBatch};
use annals_model::{Column, Sequence, StoredEvent, Table, TableId, TableName};

use super::found::{Found, FoundShard, FoundTable};
use super::span::Span;

/// All that was asked of a store since its recording began, and what it held before.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    tables: BTreeMap<TableId, TableTimeline>,
    /// Names of tables of which it is not known whether they were made.
    perhaps_created: Vec<TableName>,
}

#[derive(Clone, Debug)]
struct TableTimeline {
    created: Span,
    dropped: Option<Span>,
    declared: Vec<(Column, Span)>,
    requests: Vec<Request>,
    /// Those of which it is not known whether they were done, until they are found.
    perhaps: Vec<(Append, Span)>,
    shards: Vec<ShardTimeline>,
}

/// An append: all of it is stored, or nothing.
#[derive(Clone, Debug)]
struct Request {
    span: Span,
    /// First and last sequence in each of its shards.
    places: Vec<(usize, u64, u64)>,
    columns: Vec<Column>,
}

#[derive(Clone, Debug, Default)]
struct ShardTimeline {
    /// The event with sequence 1, 2, 3, …, also those that retention removed.
    events: Vec<StoredEvent>,
    /// The first sequences that retention left, and when.
    floors: Vec<(u64, Span)>,
    /// Whether it may have left others.
    has_unknown_floors: bool,
}

impl Timeline {
    /// Notes a new table.
    pub(super) fn created(&mut self, table: &Table, span: Span) {
        let declared = table.schema.columns().iter().map(|learned| (learned.column.clone(), span)).collect();
        let shards = vec![ShardTimeline::default(); table.definition.shard_count.get() as usize];
        let (requests, perhaps) = (Vec::new(), Vec::new());
        let timeline = TableTimeline { created: span, dropped: None, declared, requests, perhaps, shards };
        self.tables.insert(table.id, timeline);
    }

    /// Notes that a table may have been made.
    pub(super) fn perhaps_created(&mut self, name: TableName) {
        self.perhaps_created.push(name);
    }

    /// Notes that a table was dropped.
    pub(super) fn dropped(&mut self, table: TableId, span: Span) {
        self.table(table).dropped = Some(span);
    }

    /// Notes that a column was declared.
    pub(super) fn declared(&mut self, table: TableId, column: Column, span: Span) {
        self.table(table).declared.push((column, span));
    }

    /// Notes what retention left of a table's shards.
    pub(super) fn trimmed(&mut self, table: TableId, firsts: impl IntoIterator<Item = u64>, span: Span) {
        for (shard, first) in self.table(table).shards.iter_mut().zip(firsts) {
            shard.floors.push((first, span));
        }
    }

    /// Notes that retention may have removed something of a table.
    pub(super) fn perhaps_trimmed(&mut self, table: TableId) {
        self.table(table).shards.iter_mut().for_each(|shard| shard.has_unknown_floors = true);
    }

    /// Notes an append of which it is not known whether it is stored.
    pub(super) fn perhaps_appended(&mut self, append: Append, span: Span) {
        self.table(append.table).perhaps.push((append, span));
    }

    /// Notes appends that were answered, in any order.
    pub(super) fn appended(&mut self, mut answered: Vec<(Append, Appended)>, span: Span) -> Result<(), String> {
        answered.sort_by_key(|(_, appended)| appended.shards.iter().map(|place| place.first_sequence).min());
        // Two appends may share one shard and not another, so that no order of appends is that of all shards.
        let mut parts: Vec<_> = Vec::new();
        for (append, appended) in &answered {
            parts.extend(append.shards.iter().zip(&appended.shards).map(|(batch, place)| (append.table, batch, place)));
        }
        parts.sort_by_key(|(table, batch, place)| (*table, batch.shard, place.first_sequence));
        for (table, batch, place) in parts {
            let shard = &mut self.table(table).shards[batch.shard.index()];
            let events = stored(batch, place.first_sequence, |_| place.commit_time);
            if (place.shard, place.event_count) != (batch.shard, events.len() as u64) {
                return Err(format!("the answer {place:?} is not of {} events of shard {}", events.len(), batch.shard));
            }
            shard.add(events)?;
        }
        for (append, appended) in answered {
            let firsts = appended.shards.iter().map(|place| place.first_sequence.get());
            let request = Request::new(&append, firsts, span);
            self.table(append.table).requests.push(request);
        }
        Ok(())
    }

    fn table(&mut self, id: TableId) -> &mut TableTimeline {
        self.tables.get_mut(&id).expect("the workload knows only tables that it made")
    }

    /// Checks what was found after the power went `at` so many changes.
    pub(super) fn check(&self, at: usize, found: &Found) -> Result<(), String> {
        for (id, expected) in &self.tables {
            let must_be_gone = expected.dropped.is_some_and(|dropped| dropped.must(at)) || !expected.created.may(at);
            let may_be_gone = expected.dropped.is_some_and(|dropped| dropped.may(at)) || !expected.created.must(at);
            match found.tables.get(id) {
                Some(_) if must_be_gone => return Err(format!("table {id} is there, and must not be")),
                Some(found) => {
                    expected.check(at, found).map_err(|wrong| format!("{}: {wrong}", found.table.definition.name))?;
                }
                None if may_be_gone => {}
                None => return Err(format!("table {id} is not there")),
            }
        }
        for (id, found) in found.tables.iter().filter(|(id, _)| !self.tables.contains_key(id)) {
            let is_empty = found.shards.iter().all(|shard| shard.head == 0);
            if !is_empty || !self.perhaps_created.contains(&found.table.definition.name) {
                return Err(format!("nobody made table {id}"));
            }
        }
        Ok(())
    }

    /// Whether the outcome of anything is not known.
    pub(super) fn has_unknown(&self) -> bool {
        !self.perhaps_created.is_empty() || self.tables.values().any(TableTimeline::has_unknown)
    }

    /// Gives the events of appends whose outcome was not known the places in which they were found.
    pub(super) fn place_unknown(&mut self, found: &Found) -> Result<(), String> {
        for (id, expected) in &mut self.tables {
            if let Some(found) = found.tables.get(id) {
                expected.place_unknown(found)?;
            }
        }
        Ok(())
    }

    /// Goes on from what was found, which was checked: it is what must be there from now on.
    pub(super) fn adopt(&mut self, found: &Found) {
        self.perhaps_created.clear();
        self.tables.retain(|id, _| found.tables.contains_key(id));
        for (id, found) in &found.tables {
            if let Some(table) = self.tables.get_mut(id) {
                table.adopt(found);
            } else {
                self.created(&found.table, Span::BEFORE);
            }
        }
    }
}

impl TableTimeline {
    fn has_unknown(&self) -> bool {
        let is_unknown = |span: Span| !span.must(usize::MAX);
        !self.perhaps.is_empty()
            || self.dropped.is_some_and(is_unknown)
            || self.declared.iter().any(|(_, span)| is_unknown(*span))
    }

    fn check(&self, at: usize, found: &FoundTable) -> Result<(), String> {
        let heads: Vec<u64> = found.shards.iter().map(|shard| shard.head).collect();
        let mut ends = vec![0; heads.len()];
        let mut columns: Vec<&Column> =
            self.declared.iter().filter(|(_, span)| span.must(at)).map(|(column, _)| column).collect();
        for request in &self.requests {
            if request.is_stored(&heads)? {
                if !request.span.may(at) {
                    return Err(format!("{request:?} is stored before it was sent"));
                }
                request.places.iter().for_each(|&(shard, _, last)| ends[shard] = ends[shard].max(last));
                columns.extend(&request.columns);
            } else if request.span.must(at) {
                return Err(format!("{request:?} was acknowledged and is not stored; heads are {heads:?}"));
            }
        }
        if let Some(shard) = (0..heads.len()).find(|&shard| heads[shard] != ends[shard]) {
            return Err(format!("shard {shard} has come to {}, appends end at {}", heads[shard], ends[shard]));
        }
        for (shard, (expected, found)) in self.shards.iter().zip(&found.shards).enumerate() {
            expected.check(at, found).map_err(|wrong| format!("shard {shard}: {wrong}"))?;
        }
        self.check_columns(at, found, &columns)
    }

    fn check_columns(&self, at: usize, found: &FoundTable, must: &[&Column]) -> Result<(), String> {
        let schema = &found.table.schema;
        let is_known = |column: &Column| schema.get(&column.name).is_some_and(|known| known.column == *column);
        if let Some(missing) = must.iter().find(|column| !is_known(column)) {
            return Err(format!("{missing:?} is not known"));
        }
        let may = |column: &Column| {
            let is_declared = self.declared.iter().any(|(declared, span)| declared == column && span.may(at));
            is_declared || must.contains(&column)
        };
        let learned = schema.columns().iter().find(|learned| !may(&learned.column));
        learned.map_or(Ok(()), |learned| Err(format!("nothing that is stored has taught {learned:?}")))
    }

    fn place_unknown(&mut self, found: &FoundTable) -> Result<(), String> {
        let mut firsts: Vec<Vec<u64>> =
            self.perhaps.iter().map(|(append, _)| vec![0; append.shards.len()]).collect::<Vec<_>>();
        for (index, found) in found.shards.iter().enumerate() {
            while (self.shards[index].events.len() as u64) < found.head {
                let next = self.shards[index].events.len() as u64 + 1;
                let event =
                    found.event(next).ok_or_else(|| format!("sequence {next} of shard {index} is not there"))?;
                let (request, part, batch) = self.part_that_begins(index, event)?;
                firsts[request][part] = next;
                let commit_time = |sequence| found.event(sequence).map_or(event.commit_time, |event| event.commit_time);
                let events = stored(&batch, Sequence::new(next), commit_time);
                self.shards[index].add(events)?;
            }
        }
        for ((append, span), firsts) in std::mem::take(&mut self.perhaps).into_iter().zip(firsts) {
            if firsts.iter().all(|&first| first > 0) {
                self.requests.push(Request::new(&append, firsts, span));
            } else if firsts.iter().any(|&first| first > 0) {
                return Err(format!("an append that was not answered is stored in part: {firsts:?}"));
            }
        }
        Ok(())
    }

    /// The part for a shard of an append of unknown outcome that begins with an event.
    fn part_that_begins(&self, shard: usize, event: &StoredEvent) -> Result<(usize, usize, ShardBatch), String> {
        for (request, (append, _)) in self.perhaps.iter().enumerate() {
            for (part, batch) in append.shards.iter().enumerate() {
                let first = batch.batch.bytes().slice(batch.batch.rows()[0].event_range());
                if batch.shard.index() == shard && first == event.bytes {
                    return Ok((request, part, batch.clone()));
                }
            }
        }
        Err(format!("shard {shard}, sequence {}: no append of unknown outcome begins with this event", event.sequence))
    }

    fn adopt(&mut self, found: &FoundTable) {
        (self.created, self.dropped) = (Span::BEFORE, None);
        let columns = found.table.schema.columns();
        self.declared = columns.iter().map(|learned| (learned.column.clone(), Span::BEFORE)).collect();
        self.perhaps.clear();
        let heads: Vec<u64> = found.shards.iter().map(|shard| shard.head).collect();
        self.requests.retain(|request| request.places.iter().all(|&(shard, _, last)| last <= heads[shard]));
        self.requests.iter_mut().for_each(|request| request.span = Span::BEFORE);
        for (shard, found) in self.shards.iter_mut().zip(&found.shards) {
            shard.events.truncate(usize::try_from(found.head).expect("a small store"));
            shard.floors = vec![(found.first, Span::BEFORE)];
            shard.has_unknown_floors = false;
        }
    }
}

impl Request {
    fn new(append: &Append, firsts: impl IntoIterator<Item = u64>, span: Span) -> Self {
        let places = append.shards.iter().zip(firsts);
        let places = places.map(|(part, first)| (part.shard.index(), first, first + part.batch.len() as u64 - 1));
        let columns = append.new_columns.iter().map(|new| new.column.clone()).collect();
        Self { span, places: places.collect(), columns }
    }

    /// Whether it is stored, whole; it must not be in part.
    fn is_stored(&self, heads: &[u64]) -> Result<bool, String> {
        let stored = self.places.iter().filter(|&&(shard, _, last)| last <= heads[shard]).count();
        let absent = self.places.iter().filter(|&&(shard, first, _)| first > heads[shard]).count();
        match (stored, absent) {
            (stored, 0) if stored == self.places.len() => Ok(true),
            (0, absent) if absent == self.places.len() => Ok(false),
            _ => Err(format!("{self:?} is stored in part; heads are {heads:?}")),
        }
    }
}

impl ShardTimeline {
    fn add(&mut self, events: Vec<StoredEvent>) -> Result<(), String> {
        for event in events {
            let expected = self.events.len() as u64 + 1;
            if event.sequence.get() != expected {
                return Err(format!("sequence {} was given out where {expected} is the next", event.sequence));
            }
            self.events.push(event);
        }
        Ok(())
    }

    fn check(&self, at: usize, found: &FoundShard) -> Result<(), String> {
        let must = self.floors.iter().filter(|(_, span)| span.must(at)).map(|&(first, _)| first).max().unwrap_or(1);
        let may = |first| first == must || self.floors.iter().any(|&(floor, span)| floor == first && span.may(at));
        // Once nothing is left, how far retention has come shows only by the head.
        let first = found.first;
        if first < must || !(self.has_unknown_floors || may(first)) {
            return Err(format!("the oldest event is {first}; retention has left {must}, of {:?}", self.floors));
        }
        let range = usize::try_from(first - 1).expect("small")..usize::try_from(found.head).expect("small");
        let expected = self.events.get(range).ok_or_else(|| format!("{first} to {} were never sent", found.head))?;
        let differs = expected.iter().zip(&found.events).find(|(expected, found)| expected != found);
        match differs {
            Some((expected, found)) => Err(format!("expected {expected:?}, found {found:?}")),
            None if expected.len() == found.events.len() => Ok(()),
            None => Err(format!("expected {} events, found {}", expected.len(), found.events.len())),
        }
    }
}

impl FoundShard {
    fn event(&self, sequence: u64) -> Option<&StoredEvent> {
        let index = sequence.checked_sub(self.first).and_then(|index| usize::try_from(index).ok())?;
        self.events.get(index)
    }
}

/// The events of a batch as they are stored from `first` on.
fn stored(
    part: &ShardBatch,
    first: Sequence,
    commit_time: impl Fn(u64) -> annals_model::CommitTime,
) -> Vec<StoredEvent> {
    let rows = part.batch.rows().iter().zip(first.get()..);
    let events = rows.map(|(row, sequence)| StoredEvent {
        bytes: part.batch.bytes().slice(row.event_range()),
        key_offset: row.key_offset,
        key_length: row.key_length,
        token: row.token,
        time: row.time,
        shard: part.shard,
        sequence: Sequence::new(sequence),
        commit_time: commit_time(sequence),
    });
    events.collect()
}
