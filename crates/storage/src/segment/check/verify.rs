//! Reads every byte of a segment and checks all that is known of it.
//!
//! Nothing is repaired, and nothing is taken from a cache. A finding does not end the reading: whatever can still be
//! read is, so that one report tells how far damage goes.

use std::sync::Arc;

use crate::damage::{Damage, DamageCase};
use crate::segment::check::page_walk::check_pages;
use crate::segment::layout::block::Block;
use crate::segment::layout::error::{Fault, ReadError};
use crate::segment::layout::footer::HEADER_BYTES;
use crate::segment::layout::partitions::RunPartition;
use crate::segment::layout::permutation::Permutation;
use crate::segment::layout::row::Row;
use crate::segment::layout::run_index::RunIndex;
use crate::segment::layout::summary::{RunSummary, SegmentSummary};
use crate::segment::read::cache::Access;
use crate::segment::read::file::SegmentFile;
use crate::segment::read::partition_cursor::PartitionCursor;
use crate::segment::read::run::Run;
use crate::segment::read::segments::Segments;
use annals_model::{EventTime, Token};

/// What verifying a segment came to.
#[derive(Debug, Default)]
pub struct SegmentReport {
    /// Bytes of the file.
    pub bytes: u64,
    /// Runs that were read.
    pub runs: usize,
    /// Events that were read.
    pub events: u64,
    /// What is wrong; empty if nothing is.
    pub findings: Vec<ReadError>,
}

impl Segments {
    /// Reads and checks every byte of the segment that the manifest tells of.
    pub fn verify(&self, summary: &SegmentSummary) -> SegmentReport {
        self.verify_with(summary, &mut |_| {})
    }

    /// As [`verify`](Self::verify); tells `progress` of each run how many bytes were done.
    pub fn verify_with(&self, summary: &SegmentSummary, progress: &mut dyn FnMut(u64)) -> SegmentReport {
        let mut report = SegmentReport::default();
        match self.verify_frame(summary, &mut report) {
            // A file that is not there is missed once, not once for each of its runs.
            Err(missing @ ReadError::Damage(Damage { case: DamageCase::FileMissing, .. })) => {
                report.findings.push(missing);
                return report;
            }
            Err(finding) => report.findings.push(finding),
            Ok(()) => {}
        }
        for run in self.uncached().runs(summary) {
            RunCheck::verify(&run, &mut report);
            progress(run.summary().length);
        }
        report
    }

    /// The file around the runs: its length, header and footer, and that the runs fill what lies between.
    fn verify_frame(&self, summary: &SegmentSummary, report: &mut SegmentReport) -> Result<(), ReadError> {
        let path = self.path(summary.id);
        report.bytes =
            self.file(summary.id)?.length().map_err(|source| ReadError::Io { path: path.clone(), source })?;
        let wrong = |case, offset, expected: String, found: String| {
            Err(ReadError::from(Damage::of_case(case, &path, offset, expected, found)))
        };
        if report.bytes < summary.file_length {
            let expected = format!("a file of {} bytes, as the manifest says", summary.file_length);
            return wrong(DamageCase::FileTruncated, report.bytes, expected, format!("{} bytes", report.bytes));
        }
        let file = SegmentFile::read(self.disk(), &path)?;
        if file.store != self.store() {
            return wrong(DamageCase::WrongStore, 0, format!("store {}", self.store()), file.store.to_string());
        }
        if file.summary != *summary {
            let expected = format!("segment {} with the footer {}", summary.id, summary.footer_digest);
            let found = format!("segment {} with {}", file.id(), file.summary.footer_digest);
            return wrong(DamageCase::OlderCopy, summary.footer_offset, expected, found);
        }
        let mut end = HEADER_BYTES as u64;
        for run in &summary.runs {
            if run.offset != end {
                return wrong(
                    DamageCase::ContentWrong,
                    end,
                    "the next run".to_owned(),
                    format!("one at {}", run.offset),
                );
            }
            end += run.length;
        }
        if end == summary.footer_offset {
            return Ok(());
        }
        wrong(DamageCase::ContentWrong, end, "the footer".to_owned(), format!("one at {}", summary.footer_offset))
    }
}

/// What is known of a run while its rows go by.
struct RunCheck<'a> {
    run: &'a Run,
    tail: Arc<RunIndex>,
    permutation: Arc<Permutation>,
    /// Where the partition index says the rows are.
    partitions: PartitionCursor,
    /// The partition of the last rows, counted from them.
    open: Option<RunPartition>,
    partition_count: u32,
    row_count: u32,
    event_bytes: u64,
    times: Option<(EventTime, EventTime)>,
    first_token: Option<Token>,
}

impl<'a> RunCheck<'a> {
    fn verify(run: &'a Run, report: &mut SegmentReport) {
        report.runs += 1;
        // All pages first, each by its own checksum: a damaged index must not keep the rest from being looked at.
        let are_pages_sound = check_pages(run, &mut report.findings);
        let checked = Self::open(run).and_then(|mut check| {
            let result = check.rows();
            report.events += u64::from(check.row_count);
            result
        });
        if let Err(finding) = checked {
            // What a bad page leads to was told with the page. What the directory says lies in no page.
            let directory_at = run.summary().offset + run.pages_end();
            let is_in_directory = matches!(&finding, ReadError::Damage(damage) if damage.offset >= directory_at);
            if are_pages_sound || is_in_directory {
                report.findings.push(finding);
            }
        }
    }

    fn open(run: &'a Run) -> Result<Self, ReadError> {
        let tail = run.index(Access::ReadOnce)?;
        let permutation = run.permutation(&tail, Access::ReadOnce)?;
        let partitions = PartitionCursor::open(run.clone(), Arc::clone(&tail.partitions), Access::ReadOnce)?;
        let &RunSummary { first_commit, last_commit, .. } = run.summary();
        let batches: Vec<_> = run.batches_of(&tail, Access::ReadOnce)?.iter().map(|batch| batch.commit_time).collect();
        if (batches.first(), batches.last()) != (Some(&first_commit), Some(&last_commit)) {
            return Err(run.damage(tail.batches_page.offset, Fault::content("batches within the run's commit times")));
        }
        Ok(Self {
            run,
            tail,
            permutation,
            partitions,
            open: None,
            partition_count: 0,
            row_count: 0,
            event_bytes: 0,
            times: None,
            first_token: None,
        })
    }

    fn rows(&mut self) -> Result<(), ReadError> {
        let tail = Arc::clone(&self.tail);
        let mut previous: Option<Arc<Block>> = None;
        for (number, entry) in tail.rows.blocks().iter().enumerate() {
            let block = self.run.block(&tail, number, Access::ReadOnce)?;
            let wrong = |expected: &str| self.run.damage(entry.page.offset, Fault::content(expected));
            // Within a block decoding has checked the order.
            let last = previous.as_ref().map(|block| block.row(block.len() - 1));
            if last.is_some_and(|last| last.order() >= block.row(0).order()) {
                return Err(wrong("rows behind those of the block before"));
            }
            let mut bounds = (EventTime::MAX, EventTime::MIN);
            for row in 0..block.len() {
                let placed = block.row(row);
                if self.permutation.row(block.delta(row)) != Some(self.row_count) {
                    return Err(wrong("rows whose sequences the permutation leads to them"));
                }
                bounds = (bounds.0.min(placed.time), bounds.1.max(placed.time));
                self.count_row(&placed, entry.page.offset)?;
            }
            if bounds != (entry.min_time, entry.max_time) {
                return Err(wrong("the earliest and the latest time that the index gives"));
            }
            self.times = Some(self.times.map_or(bounds, |times| (times.0.min(bounds.0), times.1.max(bounds.1))));
            previous = Some(block);
        }
        self.close_partition()?;
        self.check_totals(previous.map(|block| block.row(block.len() - 1).token))
    }

    fn count_row(&mut self, row: &Row<'_>, offset: u64) -> Result<(), ReadError> {
        self.first_token.get_or_insert(row.token);
        self.row_count += 1;
        self.event_bytes += row.event.len() as u64;
        if !self.tail.hours.covers(row.time) {
            return Err(self.run.damage(offset, Fault::content("event times within the run's hours")));
        }
        if let Some(open) = self.open.as_mut().filter(|open| open.key == row.key()) {
            open.event_count += 1;
            // Rows of a partition come in the order of time.
            open.max_time = row.time;
            open.last_sequence = open.last_sequence.max(row.sequence);
            return Ok(());
        }
        self.close_partition()?;
        if !self.tail.may_hold(row.token) {
            return Err(self.run.damage(offset, Fault::content("keys that pass the run's filter")));
        }
        self.open = Some(RunPartition {
            token: row.token,
            key: row.key().to_vec().into(),
            event_count: 1,
            min_time: row.time,
            max_time: row.time,
            last_sequence: row.sequence,
        });
        Ok(())
    }

    /// Compares the partition whose rows have gone by with what the partition index says.
    fn close_partition(&mut self) -> Result<(), ReadError> {
        let Some(counted) = self.open.take() else { return Ok(()) };
        self.partition_count += 1;
        if self.partitions.partition() != Some(&counted) {
            let expected = format!("{counted:?}, as its rows say");
            let found = format!("{:?} in the partition index", self.partitions.partition());
            return Err(self.run.damage(self.partitions.page_offset(), Fault::new(0, expected, found)));
        }
        self.partitions.advance(Access::ReadOnce)
    }

    fn check_totals(&self, last_token: Option<Token>) -> Result<(), ReadError> {
        let summary = self.run.summary();
        let counted = (self.row_count, self.partition_count, self.event_bytes);
        let told = (summary.event_count, summary.partition_count, summary.event_bytes);
        let bounds = (self.times, self.first_token, last_token);
        let told_bounds =
            (Some((summary.min_time, summary.max_time)), Some(summary.min_token), Some(summary.max_token));
        if counted == told && bounds == told_bounds && self.partitions.partition().is_none() {
            return Ok(());
        }
        let expected = format!("events, partitions, bytes {told:?} within {told_bounds:?}, as the manifest says");
        Err(self.run.damage(0, Fault::new(0, expected, format!("{counted:?} within {bounds:?}"))))
    }
}
