//! Writes a frozen memtable as runs.
//!
//! A memtable is sorted already: its partitions are put in order by their numbers, and the events of each lie in
//! order, so that a flush moves indexes and copies each event's bytes once, into a block.

use std::ops::Range;
use std::sync::Arc;

use annals_model::{Sequence, TableId};
use annals_storage::segment::{Batch, RUN_BYTES_MAX, RUN_EVENTS_MAX, Row, RunSpec, WriteError, Writer};

use crate::memtable::{ArrivedBatch, Memtable};

/// Adds a frozen memtable's events to a segment, as one run, or as several where they are too many for one. The runs
/// end between batches and follow each other. Gives how many there are.
///
/// # Errors
/// When the disk refuses; the writer is of no use then.
pub(crate) fn write_memtable(writer: &mut Writer, table: TableId, memtable: &Memtable) -> Result<usize, WriteError> {
    let batches = memtable.arrivals(Sequence::FIRST, Sequence::MAX, usize::MAX);
    let sizes: Vec<_> =
        batches.iter().map(|batch| (batch.batch.bytes().len() as u64, batch.batch.len() as u64)).collect();
    let cuts = cut_into_runs(&sizes);
    for cut in &cuts {
        write_run(writer, table, memtable, &batches[cut.clone()])?;
    }
    Ok(cuts.len())
}

fn write_run(
    writer: &mut Writer,
    table: TableId,
    memtable: &Memtable,
    arrived: &[Arc<ArrivedBatch>],
) -> Result<(), WriteError> {
    let (Some(oldest), Some(newest)) = (arrived.first(), arrived.last()) else { return Ok(()) };
    let (first, last) = (oldest.first_sequence, newest.next_sequence().previous());
    let batches: Vec<Batch> =
        arrived.iter().map(|batch| Batch { first: batch.first_sequence, commit_time: batch.commit_time }).collect();
    let spec = RunSpec { table, shard: memtable.shard(), first, last, batches: &batches };
    let mut run = writer.begin_run(&spec)?;
    memtable.visit_sorted(first..=last, |row| {
        run.push(&Row {
            token: row.token,
            time: row.time,
            sequence: row.sequence,
            key_offset: row.key_offset,
            key_length: u16::try_from(row.key.len()).expect("keys were checked when they were appended"),
            event: row.event,
        })
    })?;
    run.finish()
}

/// Cuts batches, given as (event bytes, events), into runs that may be written.
fn cut_into_runs(sizes: &[(u64, u64)]) -> Vec<Range<usize>> {
    let mut cuts = Vec::new();
    let (mut start, mut bytes, mut events) = (0, 0, 0);
    for (index, &(batch_bytes, batch_events)) in sizes.iter().enumerate() {
        let is_full = bytes + batch_bytes > RUN_BYTES_MAX || events + batch_events > u64::from(RUN_EVENTS_MAX);
        if is_full && index > start {
            cuts.push(start..index);
            (start, bytes, events) = (index, 0, 0);
        }
        bytes += batch_bytes;
        events += batch_events;
    }
    if start < sizes.len() {
        cuts.push(start..sizes.len());
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_before_the_batch_that_would_make_it_too_large() {
        const MIB: u64 = 1024 * 1024;
        assert_eq!(cut_into_runs(&[]), []);
        assert_eq!(cut_into_runs(&[(16 * MIB, 1); 5]), [0..2, 2..4, 4..5]);
        assert_eq!(cut_into_runs(&[(MIB, 1 << 19); 3]), [0..2, 2..3]);
    }
}
