//! A tail that was checked: what it follows, from where, and where it ends.

use std::sync::Arc;
use std::time::Duration;

use annals_engine::{ArrivalScope, Engine, WatchScope};
use annals_event::Projection;
use annals_model::{Fault, HashSlices, Moment, PartitionKey, Reason, ScopeDigest, Shard, Sharding, Table, TokenRange};

use super::request::TailRequest;
use super::start;
use crate::scope_hasher::ScopeHasher;
use crate::{Action, Caller, Service, faults, scope};

const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(5);
const HEARTBEAT_MIN: Duration = Duration::from_secs(1);
const HEARTBEAT_MAX: Duration = Duration::from_mins(1);

/// Bytes of a client's name.
const CLIENT_NAME_BYTES_MAX: usize = 255;

/// What is to be followed.
#[derive(Debug)]
pub(super) struct BoundTail {
    pub(super) table: Table,
    /// The shards in which events of the scope can lie, ascending.
    pub(super) shards: Vec<Shard>,
    pub(super) arrivals: ArrivalScope,
    /// What tokens are bound to.
    pub(super) scope: ScopeDigest,
    /// All up to here is behind the reader; by shard, also those that are not followed.
    pub(super) position: Moment,
    /// Whether the position is that of the oldest events: then retention may move it.
    pub(super) is_from_earliest: bool,
    /// The tail ends once all up to here is delivered; none: never.
    pub(super) end: Option<Moment>,
    pub(super) projection: Option<Projection>,
    pub(super) heartbeat: Duration,
    pub(super) client_name: String,
}

impl BoundTail {
    /// Checks a request and finds its start.
    ///
    /// # Errors
    /// When a field is wrong, a token is not of this table or scope, or retention has removed its start.
    pub(super) async fn new<E: Engine>(
        service: &Service<E>,
        caller: &Caller,
        request: TailRequest,
    ) -> Result<Self, Fault> {
        let table = service.table(caller, Action::Read, &request.table)?;
        scope::no_filter(&request.filter)?;
        let heartbeat = heartbeat(request.heartbeat)?;
        let projection = scope::projection(&request.columns)?;
        let asked_shards = asked_shards(&table, request.shards)?;
        let slices = scope::hash_slices(request.hash_slices)?;
        let keys = scope::partition_keys(request.partition_keys, &service.limits)?;
        let scope = scope_digest(&keys, &asked_shards, slices.as_ref());
        let arrivals = arrival_scope(&keys, slices)?;
        let head = service.engine.head(table.id).map_err(|error| faults::of_read(&error, &table.definition.name))?;
        let end = end(&table, request.stop_at_head, &request.end_token, &head)?;
        let start = request.start.ok_or_else(|| {
            faults::invalid("start", "say where to start: position, resume_token, shard_positions or a commit time")
        })?;
        let shards = shards_of(&table, &asked_shards, &arrivals);
        let start = start::find(service, &table, &shards, start, &head, scope, request.allow_scope_change).await?;
        if request.client_name.len() > CLIENT_NAME_BYTES_MAX {
            return Err(faults::invalid("client_name", format!("a name has at most {CLIENT_NAME_BYTES_MAX} bytes")));
        }
        let client_name = if request.client_name.is_empty() { name_of(caller) } else { request.client_name };
        Ok(Self {
            shards,
            arrivals,
            scope,
            position: start.position,
            is_from_earliest: start.is_earliest,
            end,
            projection,
            heartbeat,
            client_name,
            table,
        })
    }

    /// What wakes the tail.
    pub(super) fn watch_scope(&self) -> WatchScope {
        let shards = self.shards.clone();
        match &self.arrivals {
            ArrivalScope::All => WatchScope::Shards(shards),
            ArrivalScope::Slices(slices) => WatchScope::Slices(shards, slices.clone()),
            ArrivalScope::Partitions(keys) => WatchScope::Partitions(shards, Arc::clone(keys)),
        }
    }
}

fn heartbeat(asked: Option<Duration>) -> Result<Duration, Fault> {
    let time = asked.unwrap_or(HEARTBEAT_DEFAULT);
    if !(HEARTBEAT_MIN..=HEARTBEAT_MAX).contains(&time) {
        return Err(faults::invalid("heartbeat_interval", "it is from 1 s to 60 s"));
    }
    Ok(time)
}

/// What operators see of a caller who does not name the tail.
fn name_of(caller: &Caller) -> String {
    let peer = || caller.peer().map_or_else(String::new, |peer| peer.to_string());
    caller.client_name().map_or_else(peer, str::to_owned)
}

fn asked_shards(table: &Table, shards: Vec<u32>) -> Result<Vec<Shard>, Fault> {
    let count = table.definition.shard_count;
    let mut shards: Vec<Shard> = shards.into_iter().map(Shard::new).collect();
    shards.sort_unstable();
    shards.dedup();
    match shards.iter().find(|shard| !count.contains(**shard)) {
        Some(shard) => {
            let description =
                format!("{} has {} shards; {shard} is not one of them", table.definition.name, count.get());
            Err(Fault::of_field(Reason::UnknownShard, "shards", description))
        }
        None => Ok(shards),
    }
}

/// The scope of the keys; keys outside the slices are not followed.
fn arrival_scope(keys: &[PartitionKey], slices: Option<HashSlices>) -> Result<ArrivalScope, Fault> {
    if keys.is_empty() {
        return Ok(slices.map_or(ArrivalScope::All, ArrivalScope::Slices));
    }
    let mut followed: Vec<PartitionKey> = keys.to_vec();
    if let Some(slices) = slices {
        followed.retain(|key| slices.contains(key.token()));
        if followed.is_empty() {
            return Err(faults::invalid("partition_keys", "none of them lies in hash_slices: nothing would ever come"));
        }
    }
    followed.sort_unstable();
    followed.dedup();
    Ok(ArrivalScope::Partitions(followed.into()))
}

/// The shards in which events of the scope can lie: in a table that is sharded by hash a key has one.
fn shards_of(table: &Table, asked: &[Shard], arrivals: &ArrivalScope) -> Vec<Shard> {
    let count = table.definition.shard_count;
    let is_asked = |shard: &Shard| asked.is_empty() || asked.binary_search(shard).is_ok();
    let is_by_hash = table.definition.sharding == Sharding::Hash;
    let can_hold = |shard: &Shard| match arrivals {
        ArrivalScope::Partitions(keys) if is_by_hash => keys.iter().any(|key| count.shard_of(key.token()) == *shard),
        ArrivalScope::Slices(slices) if is_by_hash => {
            let of_shard = HashSlices::new(count.get(), vec![shard.get()]).expect("a shard of the table");
            let overlap = |range: &TokenRange| of_shard.token_ranges().iter().any(|own| own.overlaps(range));
            slices.token_ranges().iter().any(overlap)
        }
        _ => true,
    };
    count.shards().filter(is_asked).filter(can_hold).collect()
}

/// A digest of what the tail follows, the same however it is written.
fn scope_digest(keys: &[PartitionKey], shards: &[Shard], slices: Option<&HashSlices>) -> ScopeDigest {
    let mut sorted: Vec<&PartitionKey> = keys.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut hasher = ScopeHasher::new("tail");
    hasher.parts(sorted.into_iter().map(PartitionKey::as_bytes));
    hasher.numbers(shards.iter().map(|shard| shard.get()));
    hasher.number(slices.map_or(0, |slices| u64::from(slices.count())));
    hasher.numbers(slices.map_or(&[][..], HashSlices::indexes).iter().copied());
    ScopeDigest::new(hasher.finish())
}

fn end(table: &Table, is_at_head: bool, token: &[u8], head: &Moment) -> Result<Option<Moment>, Fault> {
    match (is_at_head, token.is_empty()) {
        (false, true) => Ok(None),
        (true, true) => Ok(Some(head.clone())),
        (false, false) => Ok(Some(scope::resume_token("end_token", token, table, head)?.moment)),
        (true, false) => Err(faults::invalid("end_token", "give one of stop_at_head and end_token")),
    }
}
