//! Writes one run of a segment, row by row.
//!
//! What it holds in memory is one block, four bytes for each event, and the keys and bounds of the run's partitions.

use annals_model::{CommitTime, EventTime, Sequence, Shard, TableId, Token};

use crate::digest::Digest;
use crate::segment::layout::batches;
use crate::segment::layout::block::{BLOCK_CONTENT_TARGET, BlockBuilder};
use crate::segment::layout::error::{RunFault, WriteError};
use crate::segment::layout::hours::HoursBuilder;
use crate::segment::layout::key_filter::KeyFilter;
use crate::segment::layout::page::{PageKind, PagePlace};
use crate::segment::layout::partitions::{self, PartitionsBuilder};
use crate::segment::layout::row::Row;
use crate::segment::layout::row_index::RowIndexBuilder;
use crate::segment::layout::run_limits::{RUN_BYTES_MAX, RUN_EVENTS_MAX};
use crate::segment::layout::section_table::{Section, SectionTable};
use crate::segment::layout::summary::RunSummary;
use crate::segment::write::writer::{RunSpec, Writer};

/// A batch table is part of the run's tail, which every first lookup reads, up to this size.
const TAIL_BATCHES_BYTES_MAX: u32 = 64 * 1024;

/// The mark of a sequence that has no row yet; a run has fewer rows.
const NO_ROW: u32 = u32::MAX;

/// A run that is being written.
#[derive(Debug)]
pub struct RunWriter<'w> {
    writer: &'w mut Writer,
    table: TableId,
    shard: Shard,
    first: Sequence,
    last: Sequence,
    commit_times: (CommitTime, CommitTime),
    salt: u64,
    offset: u64,
    batch_table: Vec<u8>,
    block: BlockBuilder,
    blocks: Vec<PagePlace>,
    index: RowIndexBuilder,
    partitions: PartitionsBuilder,
    hours: HoursBuilder,
    /// The sequences of the open block's rows, counted from the run's first.
    block_deltas: Vec<u32>,
    /// For each sequence its row, of the rows in closed blocks.
    rows: Vec<u32>,
    row_count: u32,
    event_bytes: u64,
    last_row: Option<LastRow>,
    first_token: Token,
    times: (EventTime, EventTime),
    content: Vec<u8>,
}

/// The row that was pushed last; its key is in the partitions.
#[derive(Clone, Copy, Debug)]
struct LastRow {
    token: Token,
    time: EventTime,
    delta: u32,
}

impl Writer {
    /// Begins a run. It belongs to the segment once the run writer is finished; a segment with a run that was begun
    /// and not finished cannot be finished.
    ///
    /// # Errors
    /// When the sequences or the batches cannot be those of a run.
    pub fn begin_run(&mut self, spec: &RunSpec<'_>) -> Result<RunWriter<'_>, WriteError> {
        self.check_no_open_run()?;
        Ok(RunWriter::begin(self, spec)?)
    }

    /// Writes a whole run. The rows come in the order of (token, key, event time, sequence).
    ///
    /// # Errors
    /// When the rows are not those of the run, or the disk refuses.
    pub fn write_run<'r>(
        &mut self,
        spec: &RunSpec<'_>,
        rows: impl IntoIterator<Item = Row<'r>>,
    ) -> Result<(), WriteError> {
        let mut run = self.begin_run(spec)?;
        for row in rows {
            run.push(&row)?;
        }
        run.finish()
    }
}

impl<'w> RunWriter<'w> {
    pub(crate) fn begin(writer: &'w mut Writer, spec: &RunSpec<'_>) -> Result<Self, RunFault> {
        let RunSpec { table, shard, first, last, batches } = *spec;
        let range = RunFault::Range { first, last };
        if first == Sequence::ZERO || last < first || last == Sequence::MAX {
            return Err(range);
        }
        let count = usize::try_from(last.distance_from(first)).map_err(|_| range.clone())?;
        if count >= RUN_EVENTS_MAX as usize {
            return Err(range);
        }
        let batch_table = batches::encode(batches, first, last)?;
        let (Some(oldest), Some(newest)) = (batches.first(), batches.last()) else { return Err(RunFault::Batches) };
        writer.set_run_open();
        Ok(Self {
            table,
            shard,
            first,
            last,
            commit_times: (oldest.commit_time, newest.commit_time),
            salt: writer.next_salt(),
            offset: writer.length(),
            batch_table,
            block: BlockBuilder::default(),
            blocks: Vec::new(),
            index: RowIndexBuilder::default(),
            partitions: PartitionsBuilder::default(),
            hours: HoursBuilder::default(),
            block_deltas: Vec::new(),
            rows: vec![NO_ROW; count + 1],
            row_count: 0,
            event_bytes: 0,
            last_row: None,
            first_token: Token::MIN,
            times: (EventTime::MAX, EventTime::MIN),
            content: Vec::new(),
            writer,
        })
    }

    /// Adds a row, which must lie behind the one before in the order of (token, key, event time, sequence).
    ///
    /// # Errors
    /// When it does not, when its sequence is not of the run, when the run would pass its bounds, or when the disk
    /// refuses. That a sequence came before is found when its block is closed, by this or by `finish`.
    pub fn push(&mut self, row: &Row<'_>) -> Result<(), WriteError> {
        let (delta, is_new) = self.check(row)?;
        if self.block.rows() > 0 && self.block.content_length() + row.event.len() > BLOCK_CONTENT_TARGET {
            self.close_block()?;
        }
        if self.block.rows() == 0 {
            self.index.begin_block(row, delta);
        }
        self.block.push(row, delta);
        self.partitions.push(row, delta, is_new);
        self.hours.push(row.time);
        self.times = (self.times.0.min(row.time), self.times.1.max(row.time));
        self.block_deltas.push(delta);
        self.event_bytes += row.event.len() as u64;
        self.last_row = Some(LastRow { token: row.token, time: row.time, delta });
        Ok(())
    }

    /// Checks a row, and says how far its sequence lies behind the first and whether it opens a partition.
    fn check(&mut self, row: &Row<'_>) -> Result<(u32, bool), RunFault> {
        let key_end = row.key_offset as usize + usize::from(row.key_length);
        if row.key_length == 0 || key_end > row.event.len() {
            return Err(RunFault::Key(row.sequence));
        }
        if row.sequence < self.first || row.sequence > self.last {
            return Err(RunFault::Sequence(row.sequence));
        }
        let delta = u32::try_from(row.sequence.distance_from(self.first)).expect("a run has fewer events");
        if self.event_bytes + row.event.len() as u64 > RUN_BYTES_MAX {
            return Err(RunFault::TooLarge);
        }
        let Some(last) = self.last_row else {
            self.first_token = row.token;
            return Ok((delta, true));
        };
        let is_new = self.partitions.is_new(row);
        let ascends = if is_new {
            (last.token, self.partitions.open_key()) < (row.token, row.key())
        } else {
            (last.time, last.delta) < (row.time, delta)
        };
        if ascends { Ok((delta, is_new)) } else { Err(RunFault::Order(row.sequence)) }
    }

    fn close_block(&mut self) -> Result<(), WriteError> {
        let Some(bounds) = self.block.bounds() else { return Ok(()) };
        let rows = self.block.rows();
        self.place_rows()?;
        self.block.drain_into(&mut self.content);
        let page = self.writer.put_page(PageKind::Rows, self.salt, self.offset, &self.content)?;
        self.index.end_block(rows, bounds, &page);
        self.blocks.push(page);
        Ok(())
    }

    /// Notes for the sequences of a block which rows they are. Sequences lie anywhere in the run: noted one by one, as rows
    /// come, each would wait for memory; one after another in a row they do not wait for each other.
    fn place_rows(&mut self) -> Result<(), RunFault> {
        for delta in self.block_deltas.drain(..) {
            let row = &mut self.rows[delta as usize];
            if *row != NO_ROW {
                return Err(RunFault::Sequence(self.first.advanced_by(u64::from(delta))));
            }
            *row = self.row_count;
            self.row_count += 1;
        }
        Ok(())
    }

    /// Writes what comes behind the rows, and adds the run to the segment.
    ///
    /// # Errors
    /// When a sequence of the run has no row or two, or the disk refuses.
    pub fn finish(mut self) -> Result<(), WriteError> {
        self.close_block()?;
        let expected = self.rows.len() as u64;
        if u64::from(self.row_count) != expected {
            return Err(RunFault::Missing { found: u64::from(self.row_count), expected }.into());
        }
        let mut sections = vec![Section::of_pages(PageKind::Rows, 0, self.blocks.iter())];
        let permutation: Vec<u8> = self.rows.iter().flat_map(|row| row.to_le_bytes()).collect();
        sections.push(self.put_section(PageKind::Permutation, &permutation)?);

        let (pages, tokens) = std::mem::take(&mut self.partitions).finish();
        let partition_offset = self.writer.length() - self.offset;
        let mut placed = Vec::with_capacity(pages.len());
        for page in pages {
            let place = self.writer.put_page(PageKind::Partitions, self.salt, self.offset, &page.content)?;
            placed.push((page, place));
        }
        let places = placed.iter().map(|(_, place)| place);
        sections.push(Section::of_pages(PageKind::Partitions, partition_offset, places));

        let batch_table = std::mem::take(&mut self.batch_table);
        let batches = self.put_section(PageKind::Batches, &batch_table)?;
        let tail_start = if batches.length <= u64::from(TAIL_BATCHES_BYTES_MAX) {
            batches.offset
        } else {
            batches.offset + batches.length
        };
        sections.push(batches);
        let hours = std::mem::take(&mut self.hours).finish().encode();
        sections.push(self.put_section(PageKind::Hours, &hours)?);
        sections.push(self.put_section(PageKind::PartitionIndex, &partitions::encode_index(&placed))?);
        sections.push(self.put_section(PageKind::KeyFilter, &KeyFilter::of(&tokens).encode())?);
        let index = std::mem::take(&mut self.index).finish();
        sections.push(self.put_section(PageKind::RowIndex, &index)?);
        self.finish_directory(sections, tail_start, tokens.len())
    }

    fn put_section(&mut self, kind: PageKind, content: &[u8]) -> Result<Section, WriteError> {
        let page = self.writer.put_page(kind, self.salt, self.offset, content)?;
        Ok(Section::of_page(kind, &page))
    }

    fn finish_directory(
        self,
        sections: Vec<Section>,
        tail_start: u64,
        partition_count: usize,
    ) -> Result<(), WriteError> {
        let narrow = |count: u64| u32::try_from(count).expect("the bounds of a run keep this below 4 GiB");
        let directory = SectionTable {
            table: self.table,
            shard: self.shard,
            first: self.first,
            last: self.last,
            event_count: self.row_count,
            partition_count: narrow(partition_count as u64),
            salt: self.salt,
            sections,
        };
        let encoded = directory.encode();
        self.writer.put_bytes(&encoded)?;
        let length = self.writer.length() - self.offset;
        self.writer.close_run(RunSummary {
            table: self.table,
            shard: self.shard,
            first: self.first,
            last: self.last,
            event_count: self.row_count,
            partition_count: directory.partition_count,
            event_bytes: self.event_bytes,
            offset: self.offset,
            length,
            tail_length: narrow(length - tail_start),
            directory_length: narrow(encoded.len() as u64),
            directory_digest: Digest::of(&encoded),
            salt: self.salt,
            min_time: self.times.0,
            max_time: self.times.1,
            first_commit: self.commit_times.0,
            last_commit: self.commit_times.1,
            min_token: self.first_token,
            max_token: self.last_row.expect("a run has at least one row").token,
        });
        Ok(())
    }
}
