//! Goes through a span of a run's rows, in either direction.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use annals_model::{EventTime, Sequence, StoredEvent, TimeRange};

use crate::segment::layout::batches::BatchTable;
use crate::segment::layout::block::Block;
use crate::segment::layout::error::ReadError;
use crate::segment::layout::row::{Row, RowPosition, RowSpan};
use crate::segment::layout::run_index::RunIndex;
use crate::segment::read::cache::Access;
use crate::segment::read::run::Run;

/// Which end of a span a cursor begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// At its first row.
    Ascending,
    /// At its last row.
    Descending,
}

/// A place among the rows of a span. Holds one block.
#[derive(Debug)]
pub struct Cursor {
    run: Run,
    tail: Arc<RunIndex>,
    batches: Arc<BatchTable>,
    span: RowSpan,
    direction: Direction,
    /// The blocks that may hold rows of the span and that were not entered yet.
    ahead: Range<usize>,
    /// None behind the last row.
    here: Option<Here>,
}

/// A block that was entered.
#[derive(Debug)]
struct Here {
    block: Arc<Block>,
    row: usize,
    /// The rows of the span behind `row`, in the cursor's direction.
    left: Range<usize>,
}

/// A row that a cursor shows.
#[derive(Clone, Copy, Debug)]
pub struct ShownRow<'cursor> {
    run: &'cursor Run,
    batches: &'cursor BatchTable,
    block: &'cursor Block,
    row: usize,
}

impl Cursor {
    pub(crate) fn open(
        run: Run,
        tail: Arc<RunIndex>,
        span: RowSpan,
        direction: Direction,
        access: Access,
    ) -> Result<Self, ReadError> {
        let batches = run.batches_of(&tail, access)?;
        let ahead = blocks_of(&tail, &span);
        let mut cursor = Self { run, tail, batches, span, direction, ahead, here: None };
        cursor.enter_next_block(access)?;
        Ok(cursor)
    }

    /// The row that the cursor stands at; none once the span is left.
    pub fn row(&self) -> Option<Row<'_>> {
        self.here.as_ref().map(|here| here.block.row(here.row))
    }

    /// Time and sequence of the row that the cursor stands at, without a look at the event; none once the span is left.
    pub fn place(&self) -> Option<(EventTime, Sequence)> {
        self.here.as_ref().map(|here| (here.block.time(here.row), here.block.sequence(here.row)))
    }

    /// The event that the cursor stands at, sharing its block's buffer; none once the span is left.
    pub fn event(&self) -> Option<StoredEvent> {
        let here = self.here.as_ref()?;
        let commit_time = self.batches.commit_time(here.block.sequence(here.row));
        Some(self.run.stored(&here.block, here.row, commit_time))
    }

    /// The run that the cursor reads.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Goes to the next row of the span.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`, when the run cannot be read or is damaged; the cursor stays where it is then, and
    /// the call can be made again.
    pub fn advance(&mut self, access: Access) -> Result<(), ReadError> {
        let Some(here) = &mut self.here else { return Ok(()) };
        if here.advance(self.direction, &self.span.times) {
            return Ok(());
        }
        self.enter_next_block(access)
    }

    /// Shows `visit` the rows from the one that the cursor stands at on, as far as they lie in its block and its
    /// partition, until it breaks; the cursor then stands at the row that it broke at, or at the next row of the span.
    /// Cheaper for many rows than one after another.
    ///
    /// # Errors
    /// As `advance`, once the last row of a block was shown. The cursor stands at that row then: `advance` goes on, and
    /// this would show it again.
    pub fn visit_here(
        &mut self,
        access: Access,
        mut visit: impl FnMut(ShownRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let Some(Here { block, row, left }) = &mut self.here else { return Ok(()) };
        let rows = block.partition_rows(*row);
        loop {
            let shown = ShownRow { run: &self.run, batches: &self.batches, block, row: *row };
            if !rows.contains(row) || visit(shown).is_break() {
                return Ok(());
            }
            match next_in(left, self.direction, block, &self.span.times) {
                Some(next) => *row = next,
                None => return self.enter_next_block(access),
            }
        }
    }

    /// Goes on to `position`, or to the next row of the span behind it in the cursor's direction: ascending, the
    /// first row that does not lie before it; descending, the last one that does. A position that the cursor has
    /// passed moves nothing.
    ///
    /// # Errors
    /// As `advance`; the cursor stays where it is then.
    pub fn seek(&mut self, position: RowPosition, access: Access) -> Result<(), ReadError> {
        let Some(row) = self.row() else { return Ok(()) };
        let has_passed = match self.direction {
            Direction::Ascending => row.order() >= position.order(),
            Direction::Descending => row.order() < position.order(),
        };
        if has_passed {
            return Ok(());
        }
        let mut span = self.span.clone();
        match self.direction {
            Direction::Ascending => span.start = position,
            Direction::Descending => span.end = Some(position),
        }
        let (run, tail) = (self.run.clone(), Arc::clone(&self.tail));
        *self = Self::open(run, tail, span, self.direction, access)?;
        Ok(())
    }

    /// Enters the next block that holds a row of the span. Changes nothing when it fails.
    fn enter_next_block(&mut self, access: Access) -> Result<(), ReadError> {
        let mut ahead = self.ahead.clone();
        loop {
            let next = match self.direction {
                Direction::Ascending => ahead.next(),
                Direction::Descending => ahead.next_back(),
            };
            let Some(number) = next else {
                (self.ahead, self.here) = (ahead, None);
                return Ok(());
            };
            let entry = &self.tail.rows.blocks()[number];
            if !self.span.times.overlaps(entry.min_time, entry.max_time) {
                continue;
            }
            let block = self.run.block(&self.tail, number, access)?;
            let left = self.rows_of_span(&block);
            let mut here = Here { row: 0, left, block };
            if here.advance(self.direction, &self.span.times) {
                (self.ahead, self.here) = (ahead, Some(here));
                return Ok(());
            }
        }
    }

    fn rows_of_span(&self, block: &Block) -> Range<usize> {
        let start = block.lower_bound(self.span.start.order());
        let end = self.span.end.as_ref().map_or(block.len(), |end| block.lower_bound_after(start, end.order()));
        start..end
    }
}

impl Here {
    /// Goes to the next row left that lies in `times`; says whether there is one.
    fn advance(&mut self, direction: Direction, times: &TimeRange) -> bool {
        let next = next_in(&mut self.left, direction, &self.block, times);
        self.row = next.unwrap_or(self.row);
        next.is_some()
    }
}

/// Takes the next of the rows `left` that lies in `times`.
fn next_in(left: &mut Range<usize>, direction: Direction, block: &Block, times: &TimeRange) -> Option<usize> {
    let is_in = |&row: &usize| *times == TimeRange::ALL || times.contains(block.time(row));
    match direction {
        Direction::Ascending => left.find(is_in),
        Direction::Descending => left.rfind(is_in),
    }
}

impl ShownRow<'_> {
    /// The event's time.
    #[inline]
    pub fn time(&self) -> EventTime {
        self.block.time(self.row)
    }

    /// The event's sequence.
    #[inline]
    pub fn sequence(&self) -> Sequence {
        self.block.sequence(self.row)
    }

    /// The event, sharing its block's buffer.
    pub fn event(&self) -> StoredEvent {
        self.run.stored(self.block, self.row, self.batches.commit_time(self.sequence()))
    }
}

/// The blocks in which rows of the span may lie.
fn blocks_of(tail: &RunIndex, span: &RowSpan) -> Range<usize> {
    if span.is_empty() {
        return 0..0;
    }
    let first = tail.rows.find(span.start.order());
    let end = match &span.end {
        Some(end) => tail.rows.find_from(first, end.order()) + 1,
        None => tail.rows.blocks().len(),
    };
    first..end
}
