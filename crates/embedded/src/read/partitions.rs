//! Pages of partitions in time order, as of a moment.
//!
//! A page takes the view of each shard that it needs, merges what they hold and lets them go: nothing is pinned
//! between two pages. Events after the moment are left out, so that all pages of a scan agree whatever is appended
//! meanwhile. What retention removes meanwhile ends the scan with an error.

use std::sync::Arc;

use annals_model::{PartitionKey, ScanPosition, Sequence, StoredEvent, Token, TokenRange};

use annals_storage::segment::Access;

use crate::merge::{Flow, PartitionMerge, RowPlace, RowWindow};
use crate::shard_state::{ShardState, ShardView};
use crate::sources::{Source, SourceError};
use crate::table_state::TableState;
use annals_engine::{PageBounds, PartitionPage, PartitionRead, PartitionSelection, ReadError};

/// Events that a page has room for before it grows. More costs a page of one event too much.
const EVENTS_EXPECTED: usize = 256;

/// Reads one page.
pub(super) fn read_partitions(
    table: &TableState,
    read: &PartitionRead,
    access: Access,
) -> Result<PartitionPage, SourceError> {
    let scan = Scan::begin(table, read)?;
    let mut page = PageBuilder::new(read.bounds, read.limit_per_partition);
    match &read.selection {
        PartitionSelection::Keys(keys) => read_keys(&scan, keys, access, &mut page)?,
        PartitionSelection::Slices(slices) => read_ranges(&scan, &slices.token_ranges(), access, &mut page)?,
    }
    page.finish(table.lost_at(&read.moment))
}

fn read_keys(
    scan: &Scan<'_>,
    keys: &Arc<[PartitionKey]>,
    access: Access,
    page: &mut PageBuilder,
) -> Result<(), SourceError> {
    let start = scan.read.after.as_ref().map_or(0, |after| after.key_index);
    for (index, key) in (0..).zip(keys.iter()).skip(start as usize) {
        let token = key.token();
        let mut cursors = Vec::new();
        for shard in scan.table.shards_of(TokenRange { first: token, last: token }) {
            let (view, through) = scan.view(shard)?;
            Source::open_partition(&view, through, (token, key), &scan.read.times, access, &mut cursors)?;
        }
        let mut merge = PartitionMerge::new(cursors);
        merge.seek(token, key.as_bytes())?;
        if merge.partition() != Some((token, key.as_bytes())) {
            continue;
        }
        let after = scan.read.after.as_ref().filter(|after| after.key_index == index);
        if page.add_partition(&mut merge, &scan.window(after), index, after)? == Flow::Stop {
            break;
        }
    }
    Ok(())
}

fn read_ranges(
    scan: &Scan<'_>,
    ranges: &[TokenRange],
    access: Access,
    page: &mut PageBuilder,
) -> Result<(), SourceError> {
    let after = scan.read.after.as_ref();
    let place = after.map(|after| (after.key.token(), after.key.as_bytes()));
    let from = place.map_or(Token::MIN, |(token, _)| token);
    let ranges: Vec<TokenRange> = ranges.iter().copied().filter(|range| range.last >= from).collect();
    let mut cursors = Vec::new();
    if let (Some(first), Some(last)) = (ranges.first(), ranges.last()) {
        let tokens = TokenRange { first: first.first.max(from), last: last.last };
        for shard in scan.table.shards_of(tokens) {
            let (view, through) = scan.view(shard)?;
            Source::open_range(&view, through, tokens, &scan.read.times, access, &mut cursors);
        }
    }
    let mut merge = PartitionMerge::new(cursors);
    for range in ranges {
        match place {
            Some((token, key)) if range.contains(token) => merge.seek(token, key)?,
            _ => merge.seek(range.first, b"")?,
        }
        while let Some((token, key)) = merge.partition()
            && token <= range.last
        {
            let after = after.filter(|after| place == Some((token, key)) && after.key.as_bytes() == key);
            if page.add_partition(&mut merge, &scan.window(after), 0, after)? == Flow::Stop {
                return Ok(());
            }
            merge.leave()?;
        }
    }
    Ok(())
}

/// What all steps of a read of partitions look at.
pub(super) struct Scan<'read> {
    pub(super) table: &'read TableState,
    pub(super) read: &'read PartitionRead,
}

impl<'read> Scan<'read> {
    /// Checks the moment.
    pub(super) fn begin(table: &'read TableState, read: &'read PartitionRead) -> Result<Self, ReadError> {
        let count = table.table().definition.shard_count;
        for (shard, asked) in read.moment.iter() {
            if !count.contains(shard) {
                return Err(ReadError::UnknownShard { shard, count });
            }
            if asked > table.board().head(shard) {
                return Err(table.past_head(shard, asked));
            }
        }
        Ok(Self { table, read })
    }

    /// A shard as it stands now, and the last sequence of the moment in it.
    pub(super) fn view(&self, shard: &ShardState) -> Result<(Arc<ShardView>, Sequence), ReadError> {
        let view = shard.view();
        let shard = shard.shard();
        let through = if shard.index() < self.read.moment.sequences().len() {
            self.read.moment.of(shard)
        } else {
            Sequence::ZERO
        };
        if self.read.moment.has_lost(shard, &self.read.floor, view.first_retained.previous()) {
            return Err(ReadError::ScanExpired { shard });
        }
        Ok((view, through))
    }

    /// The window of a partition that goes on after `after`.
    fn window(&self, after: Option<&ScanPosition>) -> RowWindow {
        let after = after.map(|after| RowPlace { time: after.time, sequence: after.sequence, shard: after.shard });
        RowWindow { times: self.read.times, order: self.read.order, after }
    }
}

/// A page under way.
struct PageBuilder {
    bounds: PageBounds,
    limit_per_partition: u64,
    events: Vec<StoredEvent>,
    bytes: usize,
    /// The place of the last event's partition among the keys asked for, and how many of it were given.
    last: (u32, u64),
    has_more: bool,
}

impl PageBuilder {
    fn new(bounds: PageBounds, limit_per_partition: Option<u64>) -> Self {
        Self {
            bounds,
            limit_per_partition: limit_per_partition.unwrap_or(u64::MAX),
            events: Vec::with_capacity(bounds.events_max.min(EVENTS_EXPECTED)),
            bytes: 0,
            last: (0, 0),
            has_more: false,
        }
    }

    /// Adds the rows of the partition that the merge stands on. Stops once the page is full and more is left.
    fn add_partition(
        &mut self,
        merge: &mut PartitionMerge<Source>,
        window: &RowWindow,
        key_index: u32,
        after: Option<&ScanPosition>,
    ) -> Result<Flow, SourceError> {
        let mut given = after.map_or(0, |after| after.given_of_partition);
        if given >= self.limit_per_partition {
            return Ok(Flow::Continue);
        }
        merge.visit_rows(window, |event| {
            let is_full = self.events.len() >= self.bounds.events_max.max(1)
                || (self.bytes + event.bytes.len() > self.bounds.bytes_max && !self.events.is_empty());
            if is_full {
                self.has_more = true;
                return Flow::Stop;
            }
            self.bytes += event.bytes.len();
            self.events.push(event);
            given += 1;
            self.last = (key_index, given);
            if given < self.limit_per_partition { Flow::Continue } else { Flow::Stop }
        })?;
        Ok(if self.has_more { Flow::Stop } else { Flow::Continue })
    }

    /// The page. Where events of the moment may be `lost`, the last page has a next one, which is that error: so all that
    /// is there is read first, and nobody takes it for all that there was.
    fn finish(self, lost: Option<ReadError>) -> Result<PartitionPage, SourceError> {
        let (key_index, given_of_partition) = self.last;
        let has_next = self.has_more || lost.is_some();
        let next = match self.events.last() {
            None if let Some(lost) = lost => return Err(lost.into()),
            Some(last) if has_next => Some(ScanPosition {
                key_index,
                key: PartitionKey::new(last.key().to_vec())
                    .map_err(|error| ReadError::Damaged(format!("a stored event has no valid key: {error}")))?,
                time: last.time,
                shard: last.shard,
                sequence: last.sequence,
                given_of_partition,
            }),
            _ => None,
        };
        Ok(PartitionPage { events: self.events, next })
    }
}
