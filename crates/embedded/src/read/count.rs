//! Counting what a scan would return.

use annals_model::{PartitionKey, Token, TokenRange};
use annals_storage::segment::Access;

use super::partitions::Scan;
use crate::merge::{CountCursor, PartitionMerge, RowWindow};
use crate::sources::{CountSource, SourceError};
use crate::table_state::TableState;
use annals_engine::{CountedScan, PartitionRead, PartitionSelection};

/// Counts what all pages of `read` would bring.
pub(super) fn count(table: &TableState, read: &PartitionRead, access: Access) -> Result<CountedScan, SourceError> {
    let read = PartitionRead { after: None, ..read.clone() };
    let scan = Scan::begin(table, &read)?;
    if let Some(lost) = table.lost_at(&read.moment) {
        return Err(lost.into());
    }
    let mut counted = Counter { limit: read.limit_per_partition.unwrap_or(u64::MAX), counted: CountedScan::default() };
    match &read.selection {
        PartitionSelection::Keys(keys) => {
            for key in keys.iter() {
                counted.add(count_partition(&scan, key, access)?);
            }
        }
        PartitionSelection::Slices(slices) => {
            for range in slices.token_ranges() {
                count_range(&scan, range, access, &mut counted)?;
            }
        }
    }
    Ok(counted.counted)
}

fn count_partition(scan: &Scan<'_>, key: &PartitionKey, access: Access) -> Result<u64, SourceError> {
    let (token, times) = (key.token(), scan.read.times);
    let mut rows = 0;
    for shard in scan.table.shards_of(TokenRange { first: token, last: token }) {
        let (view, through) = scan.view(shard)?;
        for run in view.runs.between(view.first_retained, through) {
            rows += CountSource::count_partition(run, through, (token, key), times, access)?;
        }
        for memtable in view.memtables() {
            rows += memtable.count_events(token, key.as_bytes(), times, through);
        }
    }
    Ok(rows)
}

fn count_range(scan: &Scan<'_>, range: TokenRange, access: Access, counter: &mut Counter) -> Result<(), SourceError> {
    let window = RowWindow { times: scan.read.times, order: scan.read.order, after: None };
    let mut cursors = Vec::new();
    for shard in scan.table.shards_of(range) {
        let (view, through) = scan.view(shard)?;
        CountSource::of_range(&view, through, range, &window.times, access, &mut cursors);
    }
    let mut merge = PartitionMerge::new(cursors);
    merge.seek(range.first, b"")?;
    while merge.partition().is_some_and(|(token, _): (Token, _)| token <= range.last) {
        let mut rows = 0;
        for cursor in merge.holders() {
            rows += cursor.count(&window)?;
        }
        counter.add(rows);
        merge.leave()?;
    }
    Ok(())
}

struct Counter {
    limit: u64,
    counted: CountedScan,
}

impl Counter {
    /// Counts a partition of so many rows.
    fn add(&mut self, rows: u64) {
        let given = rows.min(self.limit);
        self.counted.events += given;
        self.counted.partitions += u64::from(given > 0);
    }
}
