//! A run, as readers hold it: made from its summary without I/O, cheap to clone, read through the cache.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use annals_model::{CommitTime, Sequence, StoredEvent, TimeRange, TokenRange};

use crate::segment::layout::batches::BatchTable;
use crate::segment::layout::block::Block;
use crate::segment::layout::error::{Fault, ReadError};
use crate::segment::layout::id::SegmentId;
use crate::segment::layout::page::PAGE_CONTENT_MAX;
use crate::segment::layout::page::{self, PageKind, PagePlace};
use crate::segment::layout::partitions::{PartitionIndex, Partitions};
use crate::segment::layout::permutation::Permutation;
use crate::segment::layout::run_index::RunIndex;
use crate::segment::layout::section_table::SectionTableFault;
use crate::segment::layout::summary::{RunSummary, SegmentSummary};
use crate::segment::read::cache::{Access, DecodedRuns, Part, PartKey, RunKey};
use crate::segment::read::segments::Segments;

/// A run of a sealed segment.
#[derive(Clone, Debug)]
pub struct Run(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    segments: Arc<Segments>,
    segment: SegmentId,
    number: u32,
    summary: RunSummary,
}

impl Segments {
    /// The runs of a sealed segment, in the order in which they lie in it. Does no I/O.
    pub fn runs(self: &Arc<Self>, summary: &SegmentSummary) -> Vec<Run> {
        (0..)
            .zip(&summary.runs)
            .map(|(number, run)| Run::new(Arc::clone(self), summary.id, number, run.clone()))
            .collect()
    }
}

impl Run {
    pub(crate) fn new(segments: Arc<Segments>, segment: SegmentId, number: u32, summary: RunSummary) -> Self {
        Self(Arc::new(Inner { segments, segment, number, summary }))
    }

    /// What the manifest keeps of the run.
    pub fn summary(&self) -> &RunSummary {
        &self.0.summary
    }

    /// The segment that the run lies in.
    pub fn segment(&self) -> SegmentId {
        self.0.segment
    }

    /// The run's number in its segment, from 0.
    pub fn number(&self) -> u32 {
        self.0.number
    }

    /// The file that the run lies in.
    pub fn path(&self) -> PathBuf {
        self.0.segments.path(self.0.segment)
    }

    /// Whether the run may hold events of these times, by its bounds and the hours in which it has any.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    pub fn may_hold_times(&self, times: &TimeRange, access: Access) -> Result<bool, ReadError> {
        Ok(self.summary().may_hold_times(times) && self.index(access)?.hours.may_hold(times))
    }

    /// About how many events and bytes lie in a range of tokens and times: the blocks that reach into it, whole.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    pub fn estimate(&self, tokens: TokenRange, times: &TimeRange, access: Access) -> Result<(u64, u64), ReadError> {
        let summary = self.summary();
        if !summary.tokens().overlaps(&tokens) || !self.may_hold_times(times, access)? {
            return Ok((0, 0));
        }
        let tail = self.index(access)?;
        let blocks = tail.rows.blocks();
        let ends = blocks.iter().skip(1).map(|next| next.token).chain([summary.max_token]);
        let events = blocks
            .iter()
            .zip(ends)
            .filter(|&(block, last)| {
                tokens.overlaps(&TokenRange { first: block.token, last })
                    && times.overlaps(block.min_time, block.max_time)
            })
            .map(|(block, _)| u64::from(block.rows))
            .sum::<u64>();
        // What a summary says of bytes need not make sense, and is at most misleading here.
        let bytes = u128::from(events) * u128::from(summary.event_bytes) / u128::from(summary.event_count);
        Ok((events, u64::try_from(bytes).unwrap_or(u64::MAX)))
    }

    /// The batches of the run with their commit times.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    pub fn batches(&self, access: Access) -> Result<Arc<BatchTable>, ReadError> {
        self.batches_of(&*self.index(access)?, access)
    }

    /// The first sequence of the run that was committed at or after `time`; none if all were committed before.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    pub fn find_commit_time(&self, time: CommitTime, access: Access) -> Result<Option<Sequence>, ReadError> {
        if time <= self.summary().first_commit {
            return Ok(Some(self.summary().first));
        }
        if time > self.summary().last_commit {
            return Ok(None);
        }
        Ok(self.batches(access)?.first_at_or_after(time))
    }

    /// One event by its sequence, read through its block alone. For few events; many are cheaper through `arrivals`.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    ///
    /// # Panics
    /// When the run does not hold the sequence.
    pub fn event(&self, sequence: Sequence, access: Access) -> Result<StoredEvent, ReadError> {
        assert!(self.summary().holds(sequence), "sequence {sequence} is not of this run");
        let tail = self.index(access)?;
        let delta = u32::try_from(sequence.distance_from(self.summary().first)).expect("the run holds the sequence");
        let permutation = self.permutation(&tail, access)?;
        let place = permutation.row(delta).and_then(|row| tail.rows.find_row(row));
        let wrong = || self.damage(tail.permutation_page.offset, Fault::content("a row for each sequence of the run"));
        let (number, row) = place.ok_or_else(wrong)?;
        let block = self.block(&tail, number, access)?;
        if row >= block.len() || block.delta(row) != delta {
            return Err(wrong());
        }
        let commit_time = self.batches_of(&tail, access)?.commit_time(sequence);
        Ok(self.stored(&block, row, commit_time))
    }

    /// The event at a row of a block.
    pub(crate) fn stored(&self, block: &Block, row: usize, commit_time: CommitTime) -> StoredEvent {
        block.stored(row, self.summary().shard, commit_time)
    }

    /// `length` bytes from `offset` of the run on.
    pub(crate) fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, ReadError> {
        self.0.segments.read(self.0.segment, self.summary().offset + offset, length)
    }

    /// Where the run's pages end and its directory begins.
    pub(crate) fn pages_end(&self) -> u64 {
        self.summary().length.saturating_sub(u64::from(self.summary().directory_length))
    }

    pub(crate) fn index(&self, access: Access) -> Result<Arc<RunIndex>, ReadError> {
        let Inner { segments, segment, number, summary } = &*self.0;
        let key = PartKey { segment: *segment, run: *number, kind: PageKind::RowIndex, number: 0 };
        segments.parts.get(key, access, || {
            let start = summary.length - u64::from(summary.tail_length);
            let bytes = self.read(start, summary.tail_length as usize)?;
            RunIndex::decode(&bytes, summary).map_err(|fault| match fault {
                SectionTableFault::Damaged(fault) => self.damage(start, fault),
                SectionTableFault::Newer(what) => ReadError::Newer { path: self.path(), what },
            })
        })
    }

    /// The decoded block with this number.
    pub(crate) fn block(&self, tail: &RunIndex, number: usize, access: Access) -> Result<Arc<Block>, ReadError> {
        let entry = &tail.rows.blocks()[number];
        let &RunSummary { first, event_count, .. } = self.summary();
        self.part(&entry.page, PageKind::Rows, number, access, |content| {
            let block = Block::decode(content, first, event_count)?;
            if block.len() == entry.rows as usize && block.row(0).order() == tail.rows.order(number) {
                return Ok(block);
            }
            Err(Fault::content("the rows that the index tells of"))
        })
    }

    /// Puts the content of the block with this number, not decoded, in the place of what `content` held. Nothing is
    /// kept of it; `page` is room to read into.
    pub(crate) fn block_content(
        &self,
        tail: &RunIndex,
        number: usize,
        page: &mut Vec<u8>,
        content: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let Inner { segments, segment, summary, .. } = &*self.0;
        let place = &tail.rows.blocks()[number].page;
        self.check_place(place)?;
        segments.read_into(*segment, summary.offset + place.offset, place.length as usize, page)?;
        page::decode_into(page, PageKind::Rows, summary.salt, place, content)
            .map_err(|fault| self.damage(place.offset, fault))
    }

    pub(crate) fn batches_of(&self, tail: &RunIndex, access: Access) -> Result<Arc<BatchTable>, ReadError> {
        if let Some(batches) = &tail.batches {
            return Ok(Arc::clone(batches));
        }
        let &RunSummary { first, event_count, .. } = self.summary();
        self.part(&tail.batches_page, PageKind::Batches, 0, access, |content| {
            BatchTable::decode(&content, first, event_count)
        })
    }

    pub(crate) fn permutation(&self, tail: &RunIndex, access: Access) -> Result<Arc<Permutation>, ReadError> {
        self.part(&tail.permutation_page, PageKind::Permutation, 0, access, |content| {
            Permutation::decode(&content, self.summary().event_count)
        })
    }

    pub(crate) fn partitions_page(
        &self,
        index: &PartitionIndex,
        number: usize,
        access: Access,
    ) -> Result<Arc<Partitions>, ReadError> {
        let entry = &index.pages()[number];
        let &RunSummary { first, event_count, .. } = self.summary();
        self.part(&entry.page, PageKind::Partitions, number, access, |content| {
            let page = Partitions::decode(content, first, event_count)?;
            if page.list().len() == entry.partitions as usize {
                return Ok(page);
            }
            Err(Fault::content("as many partitions as the index tells of"))
        })
    }

    /// The decoded runs of the store, and which of them this one is.
    pub(crate) fn decoded_runs(&self) -> (&DecodedRuns, RunKey) {
        (&self.0.segments.decoded_runs, (self.0.segment, self.0.number))
    }

    /// A page of the run, decoded by `decode` and kept.
    fn part<T: Part>(
        &self,
        place: &PagePlace,
        kind: PageKind,
        number: usize,
        access: Access,
        decode: impl FnOnce(Vec<u8>) -> Result<T, Fault>,
    ) -> Result<Arc<T>, ReadError> {
        let Inner { segments, segment, number: run, summary } = &*self.0;
        let number = u32::try_from(number).expect("an index has at most a page for each event");
        let key = PartKey { segment: *segment, run: *run, kind, number };
        segments.parts.get(key, access, || {
            self.check_place(place)?;
            let bytes = self.read(place.offset, place.length as usize)?;
            page::decode(&bytes, kind, summary.salt, place)
                .and_then(decode)
                .map_err(|fault| self.damage(place.offset, fault))
        })
    }

    /// Checks what an index says of a page before memory is taken for it.
    fn check_place(&self, place: &PagePlace) -> Result<(), ReadError> {
        if place.end() > self.summary().length || place.content_length > PAGE_CONTENT_MAX {
            return Err(self.damage(place.offset, Fault::new(0, "a page within its run", format!("{place:?}"))));
        }
        Ok(())
    }

    /// A fault in what lies at `offset` of the run.
    pub(crate) fn damage(&self, offset: u64, fault: Fault) -> ReadError {
        let mut damage = fault.in_file(self.path(), self.summary().offset + offset);
        write!(damage.found, " (run {} of the segment)", self.number()).expect("writing to a string cannot fail");
        damage.into()
    }
}
