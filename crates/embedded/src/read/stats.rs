//! What tables and partitions hold, from indexes and memtables alone.

use annals_model::{CommitTime, PartitionKey, Sequence, Shard, TimeRange, Token, TokenRange};
use annals_storage::directory::PartitionEntry;
use annals_storage::segment::Access;

use crate::shard_state::{ShardState, ShardView};
use crate::sources::SourceError;
use crate::table_state::TableState;
use annals_engine::{PartitionStats, ReadError, ShardStats, SizeEstimate, TableStats};

/// The first sequence of a shard that was committed at or after `time`; the one after the head if none was. `now` is
/// a moment at or after which nothing was committed.
///
/// When what retention removed was committed is not known any more, only that it was no later than what is retained.
pub(super) fn find_commit_time(
    table: &TableState,
    shard: Shard,
    time: CommitTime,
    now: CommitTime,
    access: Access,
) -> Result<Sequence, SourceError> {
    let state = table.shard(shard)?;
    let head = table.board().head(shard);
    let view = state.view();
    let first_retained = view.first_retained;
    let found = find_in_view(&view, time, head, access)?;
    if found.is_none()
        && let Some(lost) = table.lost_behind_head(shard)
    {
        return Err(lost.into());
    }
    let is_after_what_went = match found {
        Some(found) => found > first_retained,
        None => head >= first_retained || time >= now,
    };
    if is_after_what_went || first_retained == Sequence::FIRST {
        return Ok(found.unwrap_or(head.next()));
    }
    Err(ReadError::Trimmed { shard, asked: first_retained.previous(), first_retained }.into())
}

fn find_in_view(
    view: &ShardView,
    time: CommitTime,
    head: Sequence,
    access: Access,
) -> Result<Option<Sequence>, SourceError> {
    for run in view.runs.between(view.first_retained, head) {
        if let Some(found) = run.stored().find_commit_time(time, access)? {
            return Ok(Some(found));
        }
    }
    Ok(view.memtables().find_map(|memtable| memtable.find_commit_time(time, head)))
}

/// Roughly how much lies in ranges of tokens and times: runs by their indexes, memtables as if their events were
/// spread evenly over tokens.
pub(super) fn estimate(
    table: &TableState,
    ranges: &[TokenRange],
    times: TimeRange,
    access: Access,
) -> Result<SizeEstimate, SourceError> {
    let mut estimate = SizeEstimate::default();
    for shard in table.shards() {
        let head = table.board().head(shard.shard());
        let view = shard.view();
        for run in view.runs.between(view.first_retained, head) {
            for range in ranges {
                let (events, bytes) = run.stored().estimate(*range, &times, access)?;
                estimate.events += events;
                estimate.bytes += bytes;
            }
        }
        for memtable in view.memtables() {
            let events = memtable.next_sequence().distance_from(memtable.first_sequence());
            for range in ranges {
                estimate.events += share(events, *range);
                estimate.bytes += share(memtable.event_bytes(), *range);
            }
        }
    }
    Ok(estimate)
}

/// The part of `whole` that falls to a range if it is spread evenly over all tokens.
fn share(whole: u64, range: TokenRange) -> u64 {
    let tokens = u128::from(range.last.from_bottom() - range.first.from_bottom()) + 1;
    u64::try_from((u128::from(whole) * tokens) >> 64).unwrap_or(whole)
}

/// What a table holds, of which the partitions were counted.
pub(super) fn table_stats(table: &TableState, partition_count: u64) -> TableStats {
    let (shards, sizes): (Vec<ShardStats>, Vec<StoredSize>) =
        table.shards().iter().map(|shard| shard_stats(table, shard)).unzip();
    TableStats {
        event_count: sizes.iter().map(|size| size.events).sum(),
        partition_count,
        stored_bytes: sizes.iter().map(|size| size.bytes).sum(),
        shards,
    }
}

/// What one shard holds, from summaries and memtables; never reads the disk.
fn shard_stats(table: &TableState, shard: &ShardState) -> (ShardStats, StoredSize) {
    let head = table.board().head(shard.shard());
    let view = shard.view();
    let mut size = StoredSize::default();
    let mut times = None;
    for run in view.runs.between(view.first_retained, head) {
        let summary = run.summary();
        size.events += u64::from(summary.event_count);
        size.bytes += summary.length;
        widen(&mut times, summary.min_time, summary.max_time);
    }
    for memtable in view.memtables() {
        let end = memtable.next_sequence().min(head.next());
        size.events += end.distance_from(memtable.first_sequence());
        memtable.visit_partitions(head, |partition| widen(&mut times, partition.min_time, partition.max_time));
    }
    let stats = ShardStats {
        shard: shard.shard(),
        first_sequence: if size.events == 0 { Sequence::ZERO } else { view.first_retained },
        last_sequence: head,
        min_time: times.map(|(min, _)| min),
        max_time: times.map(|(_, max)| max),
    };
    (stats, size)
}

/// How much is stored.
#[derive(Clone, Copy, Debug, Default)]
struct StoredSize {
    events: u64,
    bytes: u64,
}

fn widen<T: Ord + Copy>(bounds: &mut Option<(T, T)>, min: T, max: T) {
    *bounds = Some(bounds.map_or((min, max), |(low, high)| (low.min(min), high.max(max))));
}

/// What a partition holds in one shard, as it stands now; none if nothing.
pub(super) fn shard_part(
    table: &TableState,
    shard: &ShardState,
    token: Token,
    key: &[u8],
    access: Access,
) -> Result<Option<PartitionEntry>, SourceError> {
    let head = table.board().head(shard.shard());
    let view = shard.view();
    let mut part = None;
    for run in view.runs.between(view.first_retained, head) {
        if let Some(partition) = run.stored().partition_stats(token, key, access)? {
            PartitionEntry::from(&partition).add_to(&mut part);
        }
    }
    for memtable in view.memtables() {
        if let Some(summary) = memtable.partition_summary(token, key, head) {
            memtable_entry(&summary).add_to(&mut part);
        }
    }
    Ok(part)
}

/// What a partition holds now; none if nothing.
pub(super) fn partition_stats(
    table: &TableState,
    key: &PartitionKey,
    access: Access,
) -> Result<Option<PartitionStats>, SourceError> {
    let token = key.token();
    let mut whole = None;
    for shard in table.shards_of(TokenRange { first: token, last: token }) {
        if let Some(part) = shard_part(table, shard, token, key.as_bytes(), access)? {
            part.add_to(&mut whole);
        }
    }
    Ok(whole.map(|entry| partition_of(key.clone(), token, &entry)))
}

/// An entry as the contract gives it.
pub(super) fn partition_of(key: PartitionKey, token: Token, entry: &PartitionEntry) -> PartitionStats {
    let PartitionEntry { event_count, min_time, max_time, last_sequence } = *entry;
    PartitionStats { key, token, event_count, min_time, max_time, last_sequence }
}

/// What a memtable knows of a partition, as an entry.
pub(super) fn memtable_entry(summary: &crate::memtable::PartitionSummary) -> PartitionEntry {
    PartitionEntry {
        event_count: summary.event_count,
        min_time: summary.min_time,
        max_time: summary.max_time,
        last_sequence: summary.last_sequence,
    }
}
