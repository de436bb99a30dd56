//! A run with its index at hand, for a reader who asks it more than one thing.
//!
//! Made by [`Run::indexed`]. It holds all that lookups need (filter, hours, the index of blocks, small batch tables) in memory
//! for as long as it lives, whatever the cache's limit says, so it is for one read, not for keeping.

use std::sync::Arc;

use annals_model::{TimeRange, Token};

use super::cursor::{Cursor, Direction};
use super::error::ReadError;
use super::row::RowSpan;
use super::run::Run;
use super::tail::Tail;
use crate::cache::Access;

/// A run with its index at hand. See the module.
#[derive(Debug)]
pub struct IndexedRun {
    run: Run,
    tail: Arc<Tail>,
}

impl IndexedRun {
    pub(super) fn new(run: Run, tail: Arc<Tail>) -> Self {
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
