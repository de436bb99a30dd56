//! Reads of what lies in memtables: the newest events, which no segment holds yet.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use annals_model::{
    CommitTime, HashSlices, Moment, PartitionKey, ScanPosition, Sequence, Shard, StoredEvent, TimeRange, Token,
};

use super::memtable::{Memtable, TimelineRead};
use super::table_state::TableState;
use crate::contract::{
    ArrivalPage, ArrivalRead, ArrivalScope, CountedScan, PageBounds, PartitionList, PartitionPage, PartitionRead,
    PartitionSelection, PartitionStats, ReadError, ScanOrder, ShardStats, SizeEstimate, TableStats,
};

/// Partitions that are looked up under one hold of a memtable's lock.
const PARTITIONS_PER_LOOK: usize = 256;

/// One page of a shard in arrival order.
pub(super) fn arrivals(table: &TableState, read: &ArrivalRead) -> Result<ArrivalPage, ReadError> {
    let shard = table.shard(read.shard)?;
    let head = table.board().head(read.shard);
    let through = read.through.min(head);
    let view = shard.view();
    let mut page = ArrivalPage { events: Vec::new(), next: read.from.max(Sequence::FIRST) };
    if page.next < view.first_retained {
        let (asked, first_retained) = (page.next, view.first_retained);
        return Err(ReadError::Trimmed { shard: read.shard, asked, first_retained });
    }
    let is_wanted = |event: &StoredEvent| match &read.scope {
        ArrivalScope::All => true,
        ArrivalScope::Slices(slices) => slices.contains(event.token),
        ArrivalScope::Partitions(keys) => keys.iter().any(|key| key.as_bytes() == event.key()),
    };
    let mut bytes = 0;
    for memtable in view.memtables() {
        for batch in memtable.arrivals(page.next, through, usize::MAX) {
            for event in batch.rows_between(page.next, through).map(|row| batch.stored_event(row)) {
                if is_wanted(&event) {
                    bytes += event.bytes.len();
                    let is_over = bytes > read.bounds.bytes_max || page.events.len() >= read.bounds.events_max;
                    if is_over && !page.events.is_empty() {
                        return Ok(page);
                    }
                    page.events.push(event.clone());
                }
                page.next = event.sequence.next();
            }
        }
    }
    page.next = page.next.max(through.next());
    Ok(page)
}

/// One page of partitions in time order.
pub(super) fn partitions(table: &TableState, read: &PartitionRead) -> Result<PartitionPage, ReadError> {
    check_moment(table, read)?;
    let mut page = Vec::new();
    let mut bytes = 0;
    let mut next = None;
    let mut after = read.after.clone();
    for (key_index, key) in selected(table, read) {
        if let Some(position) = &after {
            let is_before = match &read.selection {
                PartitionSelection::Keys(_) => key_index < position.key_index,
                PartitionSelection::Slices(_) => {
                    (key.token(), key.as_bytes()) < (position.key.token(), position.key.as_bytes())
                }
            };
            if is_before {
                continue;
            }
        }
        let position = after.take().filter(|position| position.key == key && position.key_index == key_index);
        let mut emitted = position.as_ref().map_or(0, |position| position.given_of_partition);
        for event in timeline(table, read, &key, position.as_ref()) {
            if read.limit_per_partition.is_some_and(|limit| emitted >= limit) {
                break;
            }
            bytes += event.bytes.len();
            let is_over = bytes > read.bounds.bytes_max || page.len() >= read.bounds.events_max;
            if is_over && !page.is_empty() {
                return Ok(PartitionPage { events: page, next });
            }
            emitted += 1;
            next = Some(ScanPosition {
                key_index,
                key: key.clone(),
                time: event.time,
                shard: event.shard,
                sequence: event.sequence,
                given_of_partition: emitted,
                floor: Moment::start(table.table().definition.shard_count),
            });
            page.push(event);
        }
    }
    Ok(PartitionPage { events: page, next: None })
}

fn check_moment(table: &TableState, read: &PartitionRead) -> Result<(), ReadError> {
    for (shard, asked) in read.moment.iter() {
        table.shard(shard)?;
        let head = table.board().head(shard);
        if asked > head {
            return Err(ReadError::MomentAhead { shard, asked, head });
        }
    }
    Ok(())
}

/// The partitions that a read wants, in its order, with their indexes among the keys that it names.
fn selected(table: &TableState, read: &PartitionRead) -> Vec<(u32, PartitionKey)> {
    match &read.selection {
        PartitionSelection::Keys(keys) => (0..).zip(keys.iter().cloned()).collect(),
        PartitionSelection::Slices(slices) => {
            let mut places = BTreeMap::new();
            for memtable in memtables(table) {
                for place in all_places(&memtable) {
                    places.insert((place.0, place.1.as_bytes().to_vec()), place.1);
                }
            }
            places.retain(|(token, _), _| slices.contains(*token));
            places.into_values().map(|key| (0, key)).collect()
        }
    }
}

fn all_places(memtable: &Memtable) -> Vec<(Token, PartitionKey)> {
    let mut all: Vec<(Token, PartitionKey)> = Vec::new();
    loop {
        let from = all.last().map_or(Bound::Unbounded, |(token, key)| Bound::Excluded((*token, key.as_bytes())));
        let next = memtable.partitions_from(from, Token::MAX, PARTITIONS_PER_LOOK);
        if next.is_empty() {
            return all;
        }
        all.extend(next.into_iter().map(|place| {
            (place.token, PartitionKey::new(place.key).expect("keys were checked when they were appended"))
        }));
    }
}

fn memtables(table: &TableState) -> Vec<Arc<Memtable>> {
    let views = table.shards().iter().map(super::shard_state::ShardState::view);
    views.flat_map(|view| view.memtables().cloned().collect::<Vec<_>>()).collect()
}

/// The events of one partition after a position, in the order asked for.
fn timeline(
    table: &TableState,
    read: &PartitionRead,
    key: &PartitionKey,
    after: Option<&ScanPosition>,
) -> Vec<StoredEvent> {
    let token = key.token();
    let mut events = Vec::new();
    for memtable in memtables(table) {
        let through = read.moment.of(memtable.shard());
        let bounds = PageBounds { events_max: usize::MAX, bytes_max: usize::MAX };
        let read = TimelineRead { times: read.times, through, order: ScanOrder::Ascending, after: None, bounds };
        events.extend(memtable.partition_events(token, key.as_bytes(), &read).events);
    }
    let place = |event: &StoredEvent| (event.time, event.sequence, event.shard);
    events.sort_unstable_by_key(place);
    if read.order == ScanOrder::Descending {
        events.reverse();
    }
    if let Some(after) = after {
        let given = (after.time, after.sequence, after.shard);
        events.retain(|event| match read.order {
            ScanOrder::Ascending => place(event) > given,
            ScanOrder::Descending => place(event) < given,
        });
    }
    events
}

/// Counts what all pages of a read would bring.
pub(super) fn count(table: &TableState, read: &PartitionRead) -> Result<CountedScan, ReadError> {
    check_moment(table, read)?;
    let mut counted = CountedScan::default();
    for (_, key) in selected(table, read) {
        let events = timeline(table, read, &key, None).len() as u64;
        counted.events += read.limit_per_partition.map_or(events, |limit| limit.min(events));
        counted.partitions += u64::from(events > 0);
    }
    Ok(counted)
}

/// The size of what lies in slices and a time range.
pub(super) fn estimate(table: &TableState, slices: &HashSlices, times: TimeRange) -> SizeEstimate {
    let mut estimate = SizeEstimate::default();
    for memtable in memtables(table) {
        let through = table.board().head(memtable.shard());
        for (token, key) in all_places(&memtable).into_iter().filter(|(token, _)| slices.contains(*token)) {
            estimate.events += memtable.count_events(token, key.as_bytes(), times, through);
        }
        let all = memtable.next_sequence().distance_from(memtable.first_sequence()).max(1);
        estimate.bytes += memtable.event_bytes() * estimate.events / all;
    }
    estimate
}

/// The first sequence of a shard that was committed at or after a time.
pub(super) fn find_commit_time(table: &TableState, shard: Shard, time: CommitTime) -> Result<Sequence, ReadError> {
    let head = table.board().head(shard);
    let view = table.shard(shard)?.view();
    Ok(view.memtables().find_map(|memtable| memtable.find_commit_time(time, head)).unwrap_or(head.next()))
}

/// What a table holds.
pub(super) fn table_stats(table: &TableState) -> TableStats {
    let mut keys = BTreeMap::new();
    let mut shards = Vec::new();
    for shard in table.shards() {
        let last_sequence = table.board().head(shard.shard());
        let (mut min_time, mut max_time) = (None, None);
        for memtable in shard.view().memtables() {
            memtable.visit_partitions(last_sequence, |summary| {
                min_time =
                    Some(min_time.map_or(summary.min_time, |time: annals_model::EventTime| time.min(summary.min_time)));
                max_time = max_time.max(Some(summary.max_time));
                keys.insert(summary.place.key, ());
            });
        }
        let first_sequence = if last_sequence == Sequence::ZERO { Sequence::ZERO } else { shard.view().first_retained };
        shards.push(ShardStats { shard: shard.shard(), first_sequence, last_sequence, min_time, max_time });
    }
    let event_count = shards.iter().map(|shard| shard.last_sequence.get()).sum();
    TableStats { event_count, partition_count: keys.len() as u64, stored_bytes: 0, shards }
}

/// What a partition holds.
pub(super) fn partition_stats(table: &TableState, key: &PartitionKey) -> Option<PartitionStats> {
    let mut stats: Option<PartitionStats> = None;
    for memtable in memtables(table) {
        let through = table.board().head(memtable.shard());
        let Some(found) = memtable.partition_summary(key.token(), key.as_bytes(), through) else { continue };
        let so_far = stats.get_or_insert(PartitionStats {
            key: key.clone(),
            token: key.token(),
            event_count: 0,
            min_time: found.min_time,
            max_time: found.max_time,
            last_sequence: found.last_sequence,
        });
        so_far.event_count += found.event_count;
        so_far.min_time = so_far.min_time.min(found.min_time);
        so_far.max_time = so_far.max_time.max(found.max_time);
        so_far.last_sequence = so_far.last_sequence.max(found.last_sequence);
    }
    stats
}

/// Partitions by key.
pub(super) fn list_partitions(table: &TableState, list: &PartitionList) -> Vec<PartitionStats> {
    let mut keys = std::collections::BTreeSet::new();
    for memtable in memtables(table) {
        keys.extend(all_places(&memtable).into_iter().map(|(_, key)| key));
    }
    keys.into_iter()
        .filter(|key| key.as_bytes().starts_with(&list.key_prefix))
        .filter(|key| list.after.as_ref().is_none_or(|after| key > after))
        .filter_map(|key| partition_stats(table, &key))
        .take(list.partitions_max)
        .collect()
}
