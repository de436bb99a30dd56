//! Requests of one table on their way into the store: checked, completed with times and ids, dealt to shards, packed, and
//! handed to the engine as one append.
//!
//! What an append costs once, a session of small requests then pays once for all that it sent together. Each request is
//! still accepted or refused, and answered, by itself. An append of known columns is refused by an engine for reasons that
//! hold for all of it: no room, a full disk, a table that is gone. A request that brings new columns may be refused for
//! these, so it goes alone. Of a refused request nothing is stored or learned: all its events are walked before any is
//! packed.

use std::ops::Range;

use annals_engine::{Append, AppendError, Appended, CommitTurn, Engine, NewColumn, ShardAppended, ShardBatch};
use annals_event::RefusedEvents;
use annals_event::walk::{EventIds, Walked, Walker};
use annals_model::{
    BatchBuilder, Column, EventBatch, EventTime, Fault, Moment, ResumeToken, Row, ScopeDigest, Sequence, Shard, Table,
    Token,
};
use bytes::Bytes;

use super::check::SchemaCheck;
use super::receipt::AppendReceipt;
use super::request::{AppendRequest, asked_shard, check_request};
use crate::faults;

/// Bytes of requests that go together: by then the costs of an append are spread thin, and a larger one would be packed
/// while the disk could write already. A larger request goes alone.
const JOINED_BYTES_MAX: usize = 64 * 1024;

/// Bytes that a time and an id add to an event that was sent without them.
const TIME_BYTES: usize = 9;
const ID_BYTES: usize = 18;

/// Requests that become one append. See the module.
pub(super) struct Gathering {
    check: SchemaCheck,
    walker: Walker,
    /// The batch of each shard.
    builders: Vec<BatchBuilder>,
    new_columns: Vec<NewColumn>,
    asked: Asked,
    /// Of the packed events.
    bytes: usize,
    /// What their batches take in memory.
    held_bytes: usize,
    /// The events of the request that is being added.
    placed: Vec<Placed>,
}

/// What was asked for with an append: who is to be answered what.
pub(super) struct Asked {
    table: Table,
    /// Of each request its part of `shares`, or why it is refused.
    requests: Vec<Result<Range<usize>, Fault>>,
    shares: Vec<Share>,
}

/// The request cannot join what was gathered; it is to go by itself.
#[derive(Debug)]
pub(super) struct GoesAlone;

/// An event that was walked, and where it goes.
struct Placed {
    walked: Walked,
    shard: Shard,
}

/// A request's part of the batch of a shard.
struct Share {
    shard: Shard,
    /// Its first event's place in the batch.
    first_row: u64,
    events: u64,
}

impl Gathering {
    /// Nothing yet, for this table.
    pub(super) fn of(table: Table) -> Self {
        let shards = table.definition.shard_count.get() as usize;
        Self {
            check: SchemaCheck::of(&table),
            walker: Walker::new(),
            builders: (0..shards).map(|_| BatchBuilder::default()).collect(),
            new_columns: Vec::new(),
            asked: Asked { table, requests: Vec::new(), shares: Vec::new() },
            bytes: 0,
            held_bytes: 0,
            placed: Vec::new(),
        }
    }

    /// Whether a request of so many bytes for a table may be added.
    pub(super) fn takes(&self, table: &str, bytes: usize) -> bool {
        self.new_columns.is_empty()
            && self.bytes + bytes <= JOINED_BYTES_MAX
            && self.asked.table.definition.name.as_str() == table
    }

    /// What the append will take in memory, as an engine counts it.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Adds a request, or the answer that it is refused. Events without a time get `now`.
    ///
    /// # Errors
    /// When it brings new columns and others are here already: nothing has changed then.
    pub(super) fn add(&mut self, request: &AppendRequest, now: EventTime, ids: &mut EventIds) -> Result<(), GoesAlone> {
        let walked = self.walk(request);
        let has_new_columns = self.check.has_new();
        let new = self.check.take_new();
        if has_new_columns {
            // It remembers columns that were let pass for this request only.
            self.walker = Walker::new();
        }
        if let Err(fault) = walked {
            self.asked.requests.push(Err(fault));
            return Ok(());
        }
        if has_new_columns && !self.asked.shares.is_empty() {
            return Err(GoesAlone);
        }
        for (name, first) in new {
            let index = first.event_index as usize;
            let shard = self.placed[index].shard;
            let row = self.placed[..index].iter().filter(|placed| placed.shard == shard).count();
            let row = u32::try_from(row).expect("a request has at most 100,000 events");
            let column = Column { name, column_type: first.column_type };
            self.new_columns.push(NewColumn { column, shard, row, event_index: first.event_index });
        }
        self.pack(&request.events, now, ids);
        Ok(())
    }

    /// Checks a request and walks all its events, which tells where each goes.
    fn walk(&mut self, request: &AppendRequest) -> Result<(), Fault> {
        self.placed.clear();
        check_request(request)?;
        let count = self.asked.table.definition.shard_count;
        let only = asked_shard(&self.asked.table, request.shard)?.or((self.builders.len() == 1).then_some(Shard::ZERO));
        let mut refused = RefusedEvents::default();
        self.placed.reserve(request.events.len());
        for (index, event) in (0..).zip(&request.events) {
            self.check.event_index = index;
            match self.walker.walk(event, &mut self.check) {
                Ok(walked) => {
                    let shard = only.unwrap_or_else(|| count.shard_of(Token::of(&event[walked.key.clone()])));
                    self.placed.push(Placed { walked, shard });
                }
                Err(refusal) => refused.add(index as usize, &refusal),
            }
        }
        refused.finish()
    }

    /// Packs the events that were walked into the batches of their shards, in their order.
    fn pack(&mut self, events: &[Bytes], now: EventTime, ids: &mut EventIds) {
        let begin = self.asked.shares.len();
        for (shard, (events, bytes)) in self.room_needed(events) {
            let builder = &mut self.builders[shard.index()];
            self.held_bytes += bytes + events * size_of::<Row>();
            if builder.is_empty() {
                self.held_bytes += size_of::<EventBatch>();
            }
            builder.reserve(events, bytes);
            let (first_row, events) = (builder.len() as u64, events as u64);
            self.asked.shares.push(Share { shard, first_row, events });
            self.bytes += bytes;
        }
        for (event, Placed { walked, shard }) in events.iter().zip(&self.placed) {
            let (time, suffix) = walked.complete(now, ids);
            self.builders[shard.index()].push(&[event, suffix.as_bytes()], walked.key.clone(), time);
        }
        self.asked.requests.push(Ok(begin..self.asked.shares.len()));
    }

    /// How many events and bytes go to each shard, without those to which none go; by shard.
    fn room_needed(&self, events: &[Bytes]) -> Vec<(Shard, (usize, usize))> {
        let mut needed = vec![(0, 0); self.builders.len()];
        for (event, Placed { walked, shard }) in events.iter().zip(&self.placed) {
            let missing = if walked.time.is_none() { TIME_BYTES } else { 0 } + if walked.has_id { 0 } else { ID_BYTES };
            let (events, bytes) = &mut needed[shard.index()];
            *events += 1;
            *bytes += event.len() + missing;
        }
        (0..).map(Shard::new).zip(needed).filter(|(_, (events, _))| *events > 0).collect()
    }

    /// The append, if any request was not refused, and what was asked.
    pub(super) fn finish(self) -> (Option<Append>, Asked) {
        let shards = (0..).map(Shard::new).zip(self.builders).filter(|(_, builder)| !builder.is_empty());
        let shards: Vec<_> = shards.map(|(shard, builder)| ShardBatch { shard, batch: builder.finish() }).collect();
        let append = (!shards.is_empty()).then(|| Append {
            table: self.asked.table.id,
            shards,
            new_columns: self.new_columns,
            place: CommitTurn::default(),
        });
        (append, self.asked)
    }
}

impl Asked {
    /// The answers, one for each request in their order, after what became of the append; `Ok` with nothing for one that
    /// was not made, since all were refused.
    pub(super) fn answers<E: Engine>(
        self,
        engine: &E,
        outcome: Result<Appended, AppendError>,
    ) -> Vec<Result<AppendReceipt, Fault>> {
        let Self { table, requests, shares } = self;
        let outcome = outcome.map_err(|error| faults::of_append(error, &table.definition.name));
        let answer = |part: Range<usize>| match &outcome {
            Ok(appended) => Ok(answer(engine, &table, &shares[part], appended)),
            Err(fault) => Err(fault.clone()),
        };
        requests.into_iter().map(|request| request.and_then(answer)).collect()
    }
}

/// Tells where a request's events went, with a token that covers them.
fn answer<E: Engine>(engine: &E, table: &Table, shares: &[Share], appended: &Appended) -> AppendReceipt {
    let mut moment = Moment::start(table.definition.shard_count);
    let mut floor = moment.clone();
    let mut shards = Vec::with_capacity(shares.len());
    for share in shares {
        let place = appended.shards.binary_search_by_key(&share.shard, |batch| batch.shard);
        let batch = appended.shards[place.expect("an engine answers for each batch, in their order")];
        let first = batch.first_sequence.advanced_by(share.first_row);
        moment.set(share.shard, first.advanced_by(share.events).previous());
        // The token is of these events, whatever has become of them since; of a dropped table's nobody reads anything.
        let removed = engine.first_retained(table.id, share.shard).map_or(Sequence::ZERO, Sequence::previous);
        floor.set(share.shard, removed.min(first.previous()));
        shards.push(ShardAppended {
            shard: share.shard,
            first_sequence: first,
            event_count: share.events,
            commit_time: batch.commit_time,
        });
    }
    let token = ResumeToken { table: table.id, scope: ScopeDigest::ANY, moment, floor };
    AppendReceipt { shards, resume_token: token.encode() }
}
