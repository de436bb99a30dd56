//! From a request to what the engine appends: checked, completed with times and ids, dealt to shards, packed.

use annals_engine::contract::{Append, NewColumn, Place, ShardBatch};
use annals_model::limits::{REQUEST_BYTES_MAX, REQUEST_EVENTS_MAX};
use annals_model::{BatchBuilder, Column, EventTime, Shard, Sharding, Table, Token};
use annals_wire::fault::RefusedEvents;
use annals_wire::opaque::AppendRequest;
use annals_wire::walk::{EventIds, Walked, Walker};
use annals_wire::{Fault, Reason};
use bytes::Bytes;
use prost::Message;

use super::check::SchemaCheck;
use crate::faults;

/// An event of the request that was walked, and where it goes.
struct Placed {
    walked: Walked,
    shard: Shard,
    /// Its place in its shard's batch.
    row: u32,
}

/// How much goes to one shard.
#[derive(Clone, Copy, Default)]
struct Share {
    events: usize,
    bytes: usize,
}

/// Bytes that a time and an id add to an event that was sent without them.
const TIME_BYTES: usize = 9;
const ID_BYTES: usize = 18;

/// Checks the request and packs its events. Events without a time get `now`.
///
/// # Errors
/// When the request or any of its events is refused; the fault tells all of them.
pub(super) fn prepare(
    table: &Table,
    request: &AppendRequest,
    now: EventTime,
    ids: &mut EventIds,
) -> Result<Append, Fault> {
    check_request(request)?;
    let shard = asked_shard(table, request.shard)?;
    let mut check = SchemaCheck::of(table);
    let mut shares = vec![Share::default(); table.definition.shard_count.get() as usize];
    let placed = place(table, &request.events, shard, &mut check, &mut shares)?;
    let new_columns = check.into_new().into_iter().map(|(name, first)| {
        let of = &placed[first.event_index as usize];
        let column = Column { name, column_type: first.column_type };
        NewColumn { column, shard: of.shard, row: of.row, event_index: first.event_index }
    });
    let new_columns = new_columns.collect();
    let shards = pack(&request.events, &placed, &shares, now, ids);
    Ok(Append { table: table.id, shards, new_columns, place: Place::default() })
}

fn check_request(request: &AppendRequest) -> Result<(), Fault> {
    let unsupported = [
        ("conditions", !request.conditions.is_empty()),
        ("producer", request.producer.is_some()),
        ("checkpoints", !request.checkpoints.is_empty()),
        ("watermark_unix_nanos", request.watermark_unix_nanos.is_some()),
    ];
    if let Some((field, _)) = unsupported.into_iter().find(|(_, is_given)| *is_given) {
        return Err(faults::not_supported(field));
    }
    match request.events.len() {
        0 => return Err(Fault::of_field(Reason::NoEvents, "events", "an append holds at least one event")),
        count if count > REQUEST_EVENTS_MAX => {
            let description = format!("{count} events; a request has at most {REQUEST_EVENTS_MAX}, split it");
            return Err(Fault::of_field(Reason::TooManyEvents, "events", description));
        }
        _ => {}
    }
    let bytes = request.encoded_len();
    if bytes > REQUEST_BYTES_MAX {
        let message = format!("the request has {bytes} bytes; it has at most {REQUEST_BYTES_MAX}, split it");
        return Err(Fault::new(Reason::RequestTooLarge, message));
    }
    Ok(())
}

/// The shard that the appender names, where it is the appender who does.
fn asked_shard(table: &Table, asked: Option<u32>) -> Result<Option<Shard>, Fault> {
    let definition = &table.definition;
    match (definition.sharding, asked.map(Shard::new)) {
        (Sharding::Hash, None) => Ok(None),
        (Sharding::Explicit, Some(shard)) if definition.shard_count.contains(shard) => Ok(Some(shard)),
        (Sharding::Explicit, Some(shard)) => {
            let count = definition.shard_count.get();
            let description = format!("{} has {count} shards; {shard} is not one of them", definition.name);
            Err(Fault::of_field(Reason::UnknownShard, "shard", description))
        }
        (Sharding::Explicit, None) => {
            let description = format!("{} has explicit sharding; name the shard of the events", definition.name);
            Err(Fault::of_field(Reason::ShardMissing, "shard", description))
        }
        (Sharding::Hash, Some(_)) => {
            let description = format!("{} is sharded by the hash of the partition key; leave it out", definition.name);
            Err(Fault::of_field(Reason::ShardNotAllowed, "shard", description))
        }
    }
}

/// Walks all events and tells where each goes.
fn place(
    table: &Table,
    events: &[Bytes],
    asked: Option<Shard>,
    check: &mut SchemaCheck<'_>,
    shares: &mut [Share],
) -> Result<Vec<Placed>, Fault> {
    let only_shard = asked.or((shares.len() == 1).then_some(Shard::ZERO));
    let mut walker = Walker::new();
    let mut refused = RefusedEvents::default();
    let mut placed = Vec::with_capacity(events.len());
    for (index, event) in (0..).zip(events) {
        check.event_index = index;
        let walked = match walker.walk(event, check) {
            Ok(walked) => walked,
            Err(refusal) => {
                refused.add(index as usize, &refusal);
                continue;
            }
        };
        let shard =
            only_shard.unwrap_or_else(|| table.definition.shard_count.shard_of(Token::of(&event[walked.key.clone()])));
        let share = &mut shares[shard.index()];
        let row = u32::try_from(share.events).expect("a request has at most 100,000 events");
        share.events += 1;
        share.bytes +=
            event.len() + if walked.time.is_none() { TIME_BYTES } else { 0 } + if walked.has_id { 0 } else { ID_BYTES };
        placed.push(Placed { walked, shard, row });
    }
    refused.finish()?;
    Ok(placed)
}

/// Packs the events of each shard, in their order.
fn pack(events: &[Bytes], placed: &[Placed], shares: &[Share], now: EventTime, ids: &mut EventIds) -> Vec<ShardBatch> {
    let mut builders: Vec<BatchBuilder> =
        shares.iter().map(|share| BatchBuilder::with_capacity(share.events, share.bytes)).collect();
    for (event, Placed { walked, shard, .. }) in events.iter().zip(placed) {
        let (time, suffix) = walked.complete(now, ids);
        builders[shard.index()].push(&[event, suffix.as_bytes()], walked.key.clone(), time);
    }
    let shards = (0..).map(Shard::new).zip(builders).filter(|(_, builder)| !builder.is_empty());
    shards.map(|(shard, builder)| ShardBatch { shard, batch: builder.finish() }).collect()
}
