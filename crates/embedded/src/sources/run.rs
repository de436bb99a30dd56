//! A run as a source of a merge.
//!
//! A scan of many partitions upwards in time is one walk through the run. A partition that is wanted by its key, or
//! from its newest event on, gets a cursor of its own when it is entered.

use std::ops::ControlFlow;
use std::sync::Arc;

use annals_model::{PartitionKey, Sequence, StoredEvent, TimeRange, Token, TokenRange};
use annals_storage::segment::Access;
use annals_storage::segment::{Cursor, Direction, IndexedRun, RowPosition, RowSpan};
use bytes::Bytes;

use super::SourceError;
use crate::merge::{Flow, PartitionCursor, RowCursor, RowPlace, RowWindow};
use crate::runs::LiveRun;
use annals_engine::ScanOrder;

/// Rows of a partition that are passed over one by one before its end is searched for.
const STEPS_BEFORE_SEEK: usize = 8;

/// A cursor over those rows of a run that lie at or before a sequence.
#[derive(Debug)]
pub(crate) struct RunCursor {
    run: Arc<LiveRun>,
    through: Sequence,
    access: Access,
    wanted: Wanted,
    /// The partition under the cursor.
    partition: Option<(Token, Bytes)>,
    rows: Rows,
    /// The row under the cursor, if it lies in the window.
    row: Option<RowPlace>,
    window: Option<RowWindow>,
}

/// Which partitions a cursor may stand on.
#[derive(Debug)]
enum Wanted {
    /// This one, which the run may hold.
    Partition(Token, Bytes, IndexedRun),
    /// Those of these tokens.
    Range(TokenRange),
}

/// Where the rows of the partition under the cursor come from.
#[derive(Debug)]
enum Rows {
    None,
    /// One walk through all partitions. It stands in the partition under the cursor or behind it.
    Walk(Cursor),
    /// The window of one partition, and the walk, which has not moved meanwhile.
    Own(Cursor, Option<Box<Cursor>>),
}

impl RunCursor {
    /// A cursor on one partition; none if the run does not hold it, as far as its bounds and its filter tell.
    pub(crate) fn of_partition(
        run: &Arc<LiveRun>,
        through: Sequence,
        (token, key): (Token, &PartitionKey),
        times: &TimeRange,
        access: Access,
    ) -> Result<Option<Self>, SourceError> {
        if !run.summary().may_hold_token(token) || !run.summary().may_hold_times(times) {
            return Ok(None);
        }
        let indexed = run.stored().indexed(access)?;
        let may_hold = indexed.may_hold_token(token);
        Ok(may_hold.then(|| Self::new(run, through, Wanted::Partition(token, key.to_bytes(), indexed), access)))
    }

    /// A cursor on the partitions of these tokens.
    pub(crate) fn of_range(run: &Arc<LiveRun>, through: Sequence, tokens: TokenRange, access: Access) -> Self {
        Self::new(run, through, Wanted::Range(tokens), access)
    }

    fn new(run: &Arc<LiveRun>, through: Sequence, wanted: Wanted, access: Access) -> Self {
        let run = Arc::clone(run);
        Self { run, through, access, wanted, partition: None, rows: Rows::None, row: None, window: None }
    }

    /// Takes the partition that the walk stands in.
    fn stand_on_walk(&mut self) {
        let Rows::Walk(walk) = &self.rows else { return };
        self.partition = walk.event().map(|event| {
            let start = event.key_offset as usize;
            (event.token, event.bytes.slice(start..start + usize::from(event.key_length)))
        });
    }

    /// Moves over rows that the reader may not see, and notes the row that is under the cursor then.
    fn settle(&mut self) -> Result<(), SourceError> {
        let (Some(window), Some((token, key))) = (&self.window, &self.partition) else { return Ok(()) };
        // A cursor of the partition's own gives no other's rows, and comparing keys touches the events' bytes.
        let (cursor, is_own) = match &mut self.rows {
            Rows::Own(cursor, _) => (cursor, true),
            Rows::Walk(cursor) => (cursor, false),
            Rows::None => return Ok(()),
        };
        let shard = self.run.summary().shard;
        self.row = loop {
            let Some((time, sequence)) = cursor.place() else { break None };
            let is_here = is_own || cursor.row().is_some_and(|row| row.token == *token && row.key() == &**key);
            let place = RowPlace { time, sequence, shard };
            if !is_here || !window.contains(place) {
                break None;
            }
            if sequence <= self.through {
                break Some(place);
            }
            cursor.advance(self.access)?;
        };
        Ok(())
    }

    /// The span of the window's rows of a partition.
    fn span(&self, window: &RowWindow, token: Token, key: &Bytes) -> RowSpan {
        let span = RowSpan::partition(token, key.clone(), window.times);
        match window.after_in(self.run.summary().shard) {
            None => span,
            Some((time, sequence)) => {
                let position = RowPosition { token, key: key.clone(), time, sequence };
                match window.order {
                    ScanOrder::Ascending => span.after(position),
                    ScanOrder::Descending => span.before(position),
                }
            }
        }
    }

    /// Ends the window; the walk goes on where it is.
    fn close_window(&mut self) {
        self.row = None;
        self.window = None;
        self.rows = match std::mem::replace(&mut self.rows, Rows::None) {
            Rows::Own(_, Some(walk)) => Rows::Walk(*walk),
            Rows::Own(_, None) => Rows::None,
            rows => rows,
        };
    }
}

impl PartitionCursor for RunCursor {
    type Error = SourceError;

    fn seek(&mut self, token: Token, key: &[u8]) -> Result<(), SourceError> {
        self.close_window();
        match &self.wanted {
            Wanted::Partition(wanted_token, wanted_key, _) => {
                let is_ahead = (token, key) <= (*wanted_token, &**wanted_key);
                self.partition = is_ahead.then(|| (*wanted_token, wanted_key.clone()));
            }
            Wanted::Range(tokens) => {
                let mut span = RowSpan::tokens(*tokens, TimeRange::ALL);
                let start = RowPosition { key: Bytes::copy_from_slice(key), ..RowPosition::of_token(token) };
                span.start = span.start.max(start);
                self.rows = Rows::Walk(self.run.stored().cursor(span, Direction::Ascending, self.access)?);
                self.stand_on_walk();
            }
        }
        Ok(())
    }

    fn partition(&self) -> Option<(Token, &[u8])> {
        self.partition.as_ref().map(|(token, key)| (*token, &**key))
    }

    fn leave(&mut self) -> Result<(), SourceError> {
        self.close_window();
        let Some((token, key)) = self.partition.take() else { return Ok(()) };
        let Rows::Walk(walk) = &mut self.rows else { return Ok(()) };
        let mut steps = 0;
        while walk.row().is_some_and(|row| row.token == token && row.key() == &*key) {
            if steps == STEPS_BEFORE_SEEK {
                walk.seek(RowPosition::after_partition(token, key.clone()), self.access)?;
            } else {
                walk.advance(self.access)?;
            }
            steps += 1;
        }
        self.stand_on_walk();
        Ok(())
    }
}

impl RowCursor for RunCursor {
    fn enter(&mut self, window: &RowWindow) -> Result<(), SourceError> {
        self.close_window();
        let Some((token, key)) = &self.partition else { return Ok(()) };
        let span = self.span(window, *token, key);
        self.window = Some(*window);
        let goes_with_walk = window.order == ScanOrder::Ascending;
        self.rows = match std::mem::replace(&mut self.rows, Rows::None) {
            Rows::Walk(mut walk) if goes_with_walk => {
                walk.seek(span.start, self.access)?;
                Rows::Walk(walk)
            }
            rows => {
                let direction = match window.order {
                    ScanOrder::Ascending => Direction::Ascending,
                    ScanOrder::Descending => Direction::Descending,
                };
                let walk = if let Rows::Walk(walk) = rows { Some(Box::new(walk)) } else { None };
                let own = match &self.wanted {
                    Wanted::Partition(_, _, indexed) => indexed.cursor(span, direction, self.access)?,
                    Wanted::Range(_) => self.run.stored().cursor(span, direction, self.access)?,
                };
                Rows::Own(own, walk)
            }
        };
        self.settle()
    }

    fn row(&self) -> Option<RowPlace> {
        self.row
    }

    fn visit_before(
        &mut self,
        bound: Option<RowPlace>,
        visit: &mut impl FnMut(StoredEvent) -> Flow,
    ) -> Result<Flow, SourceError> {
        let Some(window) = self.window else { return Ok(Flow::Continue) };
        let (shard, through) = (self.run.summary().shard, self.through);
        let is_wanted = |place| window.contains(place) && bound.is_none_or(|bound| window.is_before(place, bound));
        while self.row.is_some_and(is_wanted) {
            let (Rows::Walk(cursor) | Rows::Own(cursor, _)) = &mut self.rows else { break };
            let mut flow = Flow::Continue;
            cursor.visit_here(self.access, |row| {
                if !is_wanted(RowPlace { time: row.time(), sequence: row.sequence(), shard }) {
                    return ControlFlow::Break(());
                }
                if row.sequence() <= through {
                    flow = visit(row.event());
                }
                if flow == Flow::Stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if flow == Flow::Stop {
                return Ok(Flow::Stop);
            }
            self.settle()?;
        }
        Ok(Flow::Continue)
    }
}
