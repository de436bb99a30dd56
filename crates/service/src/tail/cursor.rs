//! How far a tail has come in one shard.

use annals_model::{CommitTime, Shard};

/// A shard that a tail follows. Its position is in the tail's moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    pub(super) shard: Shard,
    /// Nothing of the shard was delivered, and the tail asked for its oldest events: when retention takes some away
    /// meanwhile it starts later, and nobody has missed anything.
    pub(super) follows_retention: bool,
    /// When the next event was committed, if that was looked up.
    pub(super) next_commit: Option<CommitTime>,
}

impl Cursor {
    pub(super) fn new(shard: Shard, follows_retention: bool) -> Self {
        Self { shard, follows_retention, next_commit: None }
    }
}
