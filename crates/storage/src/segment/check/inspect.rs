//! What a segment looks like from inside, for people.

use std::fmt;
use std::sync::Arc;

use crate::segment::layout::error::ReadError;
use crate::segment::layout::hours::Hours;
use crate::segment::layout::page::PageKind;
use crate::segment::layout::run_index::RunIndex;
use crate::segment::layout::summary::{RunSummary, SegmentSummary};
use crate::segment::read::cache::Access;
use crate::segment::read::run::Run;
use crate::segment::read::segments::Segments;

/// A segment and its runs.
#[derive(Debug)]
pub struct SegmentInspection {
    /// As the manifest has it.
    pub summary: SegmentSummary,
    /// By run, in the order of the summary.
    pub runs: Vec<RunInspection>,
}

/// A run from inside.
#[derive(Debug)]
pub struct RunInspection {
    /// As the manifest has it.
    pub summary: RunSummary,
    /// The run's parts, in the order in which they lie in the file.
    pub sections: Vec<SectionInspection>,
    /// How many batches.
    pub batch_count: usize,
    /// The hours of event time in which there are events.
    pub hours: Hours,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionInspection {
    /// What it holds.
    pub kind: PageKind,
    /// In how many pages.
    pub pages: usize,
    /// Bytes on disk, headers included.
    pub stored_bytes: u64,
    /// Bytes before compression.
    pub content_bytes: u64,
}

impl Segments {
    /// Reads the indexes of a segment and describes them. Reads no events, and keeps nothing in memory.
    ///
    /// # Errors
    /// When a run's index cannot be read or is damaged.
    pub fn inspect(&self, summary: &SegmentSummary) -> Result<SegmentInspection, ReadError> {
        let runs = self.uncached().runs(summary).iter().map(inspect_run).collect::<Result<_, ReadError>>()?;
        Ok(SegmentInspection { summary: summary.clone(), runs })
    }
}

fn inspect_run(run: &Run) -> Result<RunInspection, ReadError> {
    let tail = run.index(Access::ReadOnce)?;
    let batches = run.batches_of(&tail, Access::ReadOnce)?;
    let summary = run.summary().clone();
    Ok(RunInspection { summary, sections: sections(&tail), batch_count: batches.len(), hours: tail.hours.clone() })
}

fn sections(tail: &Arc<RunIndex>) -> Vec<SectionInspection> {
    tail.sections
        .iter()
        .map(|&(kind, ref section)| {
            let pages: Box<dyn Iterator<Item = u32>> = match kind {
                PageKind::Rows => Box::new(tail.rows.blocks().iter().map(|block| block.page.content_length)),
                PageKind::Partitions => Box::new(tail.partitions.pages().iter().map(|page| page.page.content_length)),
                _ => Box::new(std::iter::once(section.content_length)),
            };
            let (pages, content_bytes) =
                pages.fold((0, 0), |(pages, bytes), content| (pages + 1, bytes + u64::from(content)));
            SectionInspection { kind, pages, stored_bytes: section.length, content_bytes }
        })
        .collect()
}

impl fmt::Display for SegmentInspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SegmentSummary { id, file_length, footer_offset, footer_digest, .. } = &self.summary;
        writeln!(f, "segment {id}: {file_length} bytes, footer at {footer_offset} with digest {footer_digest}")?;
        (0..).zip(&self.runs).try_for_each(|(number, run): (usize, _)| write!(f, "run {number}: {run}"))
    }
}

impl fmt::Display for RunInspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = &self.summary;
        writeln!(
            f,
            "table {} shard {}, sequences {} to {}",
            summary.table, summary.shard, summary.first, summary.last
        )?;
        writeln!(
            f,
            "  {} events of {} partitions in {} batches; {} bytes of events in {} bytes at {}",
            summary.event_count,
            summary.partition_count,
            self.batch_count,
            summary.event_bytes,
            summary.length,
            summary.offset,
        )?;
        writeln!(
            f,
            "  event times {} to {}, in {} stretches of hours",
            summary.min_time,
            summary.max_time,
            self.hours.ranges().len()
        )?;
        writeln!(f, "  committed {} to {}", summary.first_commit, summary.last_commit)?;
        writeln!(f, "  tokens {} to {}", summary.min_token, summary.max_token)?;
        self.sections.iter().try_for_each(|section| writeln!(f, "  {section}"))
    }
}

impl fmt::Display for SectionInspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, pages, stored_bytes, content_bytes } = self;
        write!(f, "{kind}: {pages} pages, {stored_bytes} bytes stored of {content_bytes}")
    }
}
