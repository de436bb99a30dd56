//! The tail of a run: what every lookup needs, read in one piece and kept decoded.

use std::sync::Arc;

use annals_model::Token;

use crate::digest::Digest;
use crate::segment::layout::batches::BatchTable;
use crate::segment::layout::error::Fault;
use crate::segment::layout::hours::Hours;
use crate::segment::layout::key_filter::KeyFilter;
use crate::segment::layout::page::{self, PageKind, PagePlace};
use crate::segment::layout::partitions::PartitionIndex;
use crate::segment::layout::row_index::RowIndex;
use crate::segment::layout::section_table::{Section, SectionTable, SectionTableFault};
use crate::segment::layout::summary::RunSummary;

/// The decoded tail of a run.
#[derive(Debug)]
pub(crate) struct RunIndex {
    pub(crate) rows: RowIndex,
    /// Held by itself by whoever goes through the partitions, for whom the rest is too large.
    pub(crate) partitions: Arc<PartitionIndex>,
    pub(crate) hours: Hours,
    filter: KeyFilter,
    /// None where the batches are too many for the tail and are read by themselves.
    pub(crate) batches: Option<Arc<BatchTable>>,
    pub(crate) batches_page: PagePlace,
    pub(crate) permutation_page: PagePlace,
    /// The sections of kinds that this version knows.
    pub(crate) sections: Vec<(PageKind, Section)>,
}

/// The pages of a tail, as their directory places them.
struct TailPages<'a> {
    bytes: &'a [u8],
    /// Where the tail begins in the run.
    start: u64,
    salt: u64,
    directory: &'a SectionTable,
}

impl RunIndex {
    /// Reads the last `tail_length` bytes of the run that `summary` tells of. Faults count from their first.
    pub(crate) fn decode(bytes: &[u8], summary: &RunSummary) -> Result<Self, SectionTableFault> {
        let directory = decode_directory(bytes, summary)?;
        let start = summary.length - u64::from(summary.tail_length);
        let pages = TailPages { bytes, start, salt: summary.salt, directory: &directory };
        pages.decode(summary).map_err(SectionTableFault::Damaged)
    }

    /// Whether the run may hold a partition of this token.
    pub(crate) fn may_hold(&self, token: Token) -> bool {
        self.filter.may_hold(token)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let batches = self.batches.as_ref().map_or(0, |batches| batches.memory_bytes());
        size_of::<Self>()
            + self.rows.memory_bytes()
            + self.partitions.memory_bytes()
            + self.hours.ranges().len() * 8
            + self.filter.memory_bytes()
            + batches
    }
}

/// The directory at the end of a run's tail, checked against the digest in its summary.
pub(crate) fn decode_directory(tail: &[u8], summary: &RunSummary) -> Result<SectionTable, SectionTableFault> {
    let at = tail.len().saturating_sub(summary.directory_length as usize);
    let bytes = &tail[at..];
    let digest = Digest::of(bytes);
    let placed = |fault: SectionTableFault| match fault {
        SectionTableFault::Damaged(fault) => SectionTableFault::Damaged(Fault { at: fault.at + at as u64, ..fault }),
        newer @ SectionTableFault::Newer(_) => newer,
    };
    if digest != summary.directory_digest {
        let expected = format!("a directory with the digest {}", summary.directory_digest);
        return Err(placed(SectionTableFault::Damaged(Fault::new(0, expected, format!("one with {digest}")))));
    }
    SectionTable::decode(bytes, summary).map_err(placed)
}

impl TailPages<'_> {
    fn decode(&self, summary: &RunSummary) -> Result<RunIndex, Fault> {
        let &RunSummary { first, event_count, partition_count, .. } = summary;
        let hours = Hours::decode(&self.content(PageKind::Hours)?)?;
        let filter = KeyFilter::decode(&self.content(PageKind::KeyFilter)?)?;
        let rows = RowIndex::decode(&self.content(PageKind::RowIndex)?, first, event_count)?;
        let row_section = self.directory.section(PageKind::Rows)?;
        agree(PageKind::Rows, row_section, 0, rows.blocks().iter().map(|block| &block.page))?;
        let partition_section = self.directory.section(PageKind::Partitions)?;
        let content = self.content(PageKind::PartitionIndex)?;
        let partitions = Arc::new(PartitionIndex::decode(content, partition_section.offset, partition_count)?);
        let pages = partitions.pages().iter().map(|page| &page.page);
        agree(PageKind::Partitions, partition_section, partition_section.offset, pages)?;
        let batches_page = self.page(PageKind::Batches)?;
        let batches = if batches_page.offset >= self.start {
            let content = self.content(PageKind::Batches)?;
            Some(Arc::new(BatchTable::decode(&content, first, event_count)?))
        } else {
            None
        };
        let permutation_page = self.page(PageKind::Permutation)?;
        let known = |section: &Section| Some((PageKind::from_number(section.kind)?, *section));
        let sections = self.directory.sections.iter().filter_map(known).collect();
        Ok(RunIndex { rows, partitions, hours, filter, batches, batches_page, permutation_page, sections })
    }

    fn page(&self, kind: PageKind) -> Result<PagePlace, Fault> {
        let page = self.directory.section(kind)?.page();
        page.ok_or_else(|| Fault::content(&format!("a section of one page of {kind:?}")))
    }

    /// The content of the one page of `kind`, which must lie in the tail.
    fn content(&self, kind: PageKind) -> Result<Vec<u8>, Fault> {
        let place = self.page(kind)?;
        let outside = || Fault::content(&format!("the page of {kind:?} in the run's tail"));
        let at = place.offset.checked_sub(self.start).and_then(|at| usize::try_from(at).ok()).ok_or_else(outside)?;
        let bytes = self.bytes.get(at..).and_then(|rest| rest.get(..place.length as usize)).ok_or_else(outside)?;
        page::decode(bytes, kind, self.salt, &place).map_err(|fault| Fault { at: fault.at + at as u64, ..fault })
    }
}

/// Checks that the pages in an index, from `offset` on, are those that the section was made of.
fn agree<'a>(
    kind: PageKind,
    section: &Section,
    offset: u64,
    pages: impl Iterator<Item = &'a PagePlace>,
) -> Result<(), Fault> {
    if Section::of_pages(kind, offset, pages) == *section {
        return Ok(());
    }
    Err(Fault::content(&format!("an index of the pages of {kind:?} that agrees with the run's directory")))
}
