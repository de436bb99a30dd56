//! A run with its index at hand, for a reader who asks it more than one thing.
//!
//! Made by [`Run::indexed`]. It holds all that lookups need (filter, hours, the index of blocks, small batch tables) in memory
//! for as long as it lives, whatever the cache's limit says, so it is for one read, not for keeping.

use std::sync::Arc;

use annals_model::{TimeRange, Token};
use bytes::Bytes;

use crate::segment::layout::error::ReadError;
use crate::segment::layout::row::RowSpan;
use crate::segment::layout::run_index::RunIndex;
use crate::segment::read::cache::Access;
use crate::segment::read::cursor::{Cursor, Direction};
use crate::segment::read::run::Run;

/// A run with its index at hand. See the module.
#[derive(Debug)]
pub struct IndexedRun {
    run: Run,
    tail: Arc<RunIndex>,
}

impl IndexedRun {
    pub(crate) fn new(run: Run, tail: Arc<RunIndex>) -> Self {
        Self { run, tail }
    }

    /// Whether the run may hold a partition of this token, by its bounds and its filter.
    pub fn may_hold_token(&self, token: Token) -> bool {
        self.run.summary().may_hold_token(token) && self.tail.may_hold(token)
    }

    /// Whether the run may hold events of these times, by its bounds and the hours in which it has any.
    pub fn may_hold_times(&self, times: &TimeRange) -> bool {
        self.run.summary().may_hold_times(times) && self.tail.hours.may_hold(times)
    }

    /// A cursor on the rows of a span, at the first of them in the given direction.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    pub fn cursor(&self, span: RowSpan, direction: Direction, access: Access) -> Result<Cursor, ReadError> {
        Cursor::open(self.run.clone(), Arc::clone(&self.tail), span, direction, access)
    }
}

impl Run {
    /// The run with its index at hand.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    pub fn indexed(&self, access: Access) -> Result<IndexedRun, ReadError> {
        Ok(IndexedRun::new(self.clone(), self.index(access)?))
    }

    /// A cursor on the rows of a span, at the first of them in the given direction.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    pub fn cursor(&self, span: RowSpan, direction: Direction, access: Access) -> Result<Cursor, ReadError> {
        self.indexed(access)?.cursor(span, direction, access)
    }

    /// A cursor on the rows of one partition in a range of time; none if the run holds none, as far as the bounds,
    /// the filter and the index tell.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    pub fn partition(
        &self,
        token: Token,
        key: &Bytes,
        times: TimeRange,
        direction: Direction,
        access: Access,
    ) -> Result<Option<Cursor>, ReadError> {
        if !self.summary().may_hold_token(token) || !self.summary().may_hold_times(&times) {
            return Ok(None);
        }
        let indexed = self.indexed(access)?;
        if !indexed.may_hold_token(token) || !indexed.may_hold_times(&times) {
            return Ok(None);
        }
        let cursor = indexed.cursor(RowSpan::partition(token, key.clone(), times), direction, access)?;
        Ok(cursor.row().is_some().then_some(cursor))
    }
}
