//! Which watches a commit wakes.
//!
//! Watches are found by what they wait for: by shard, by the token of a key, by ranges of tokens. So a commit costs in
//! proportion to its events and to the watches that it wakes, not to all that wait: 10,000 tails of one partition each
//! cost an append to another one nothing.

use std::sync::Arc;

use annals_model::{EventBatch, PartitionKey, Shard, Token, TokenRange};

use super::watch_scope::WatchScope;
use crate::sync::{HashMap, Notify};

/// A watch in its index; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct WatchId(u64);

/// All watches of a table. See the module.
#[derive(Debug, Default)]
pub(super) struct WatchIndex {
    next_id: u64,
    /// Counts the wakes, so that each wakes a watch once however many of its events match.
    wakes: u64,
    by_id: HashMap<WatchId, Watch>,
    by_shard: HashMap<Shard, ShardWatches>,
}

#[derive(Debug)]
struct Watch {
    scope: WatchScope,
    notify: Arc<Notify>,
    last_wake: u64,
}

/// The watches that wait for one shard.
#[derive(Debug, Default)]
struct ShardWatches {
    any: Vec<WatchId>,
    by_token: HashMap<Token, Vec<WatchId>>,
    by_range: Vec<(WatchId, Vec<TokenRange>)>,
}

impl WatchIndex {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether no trace of a watch is left.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty() && self.by_shard.is_empty()
    }

    pub(super) fn add(&mut self, scope: WatchScope, notify: Arc<Notify>) -> WatchId {
        let id = WatchId(self.next_id);
        self.next_id += 1;
        for &shard in scope.shards() {
            self.by_shard.entry(shard).or_default().add(id, &scope);
        }
        self.by_id.insert(id, Watch { scope, notify, last_wake: self.wakes });
        id
    }

    pub(super) fn remove(&mut self, id: WatchId) {
        let Some(watch) = self.by_id.remove(&id) else { return };
        for shard in watch.scope.shards() {
            // A scope may name a shard twice; the first time removes it.
            if let Some(watches) = self.by_shard.get_mut(shard) {
                watches.remove(id, &watch.scope);
                if watches.is_empty() {
                    self.by_shard.remove(shard);
                }
            }
        }
    }

    pub(super) fn wake_all(&self) {
        self.by_id.values().for_each(|watch| watch.notify.notify_one());
    }

    pub(super) fn wake(&mut self, shard: Shard, batch: &EventBatch) {
        let Some(watches) = self.by_shard.get(&shard) else { return };
        self.wakes += 1;
        let (by_id, wakes) = (&mut self.by_id, self.wakes);
        let mut wake = |id: &WatchId, matches: &dyn Fn(&WatchScope) -> bool| {
            let watch = by_id.get_mut(id).expect("a watch is removed from both maps");
            if watch.last_wake != wakes && matches(&watch.scope) {
                watch.last_wake = wakes;
                watch.notify.notify_one();
            }
        };
        watches.any.iter().for_each(|id| wake(id, &|_| true));
        if !watches.by_token.is_empty() {
            for row in batch.rows() {
                for id in watches.by_token.get(&row.token).into_iter().flatten() {
                    wake(id, &|scope| scope.names_key(batch.key(row)));
                }
            }
        }
        if !watches.by_range.is_empty() {
            let mut tokens: Vec<_> = batch.rows().iter().map(|row| row.token).collect();
            tokens.sort_unstable();
            for (id, ranges) in &watches.by_range {
                if ranges.iter().any(|range| holds_one_of(*range, &tokens)) {
                    wake(id, &|_| true);
                }
            }
        }
    }
}

/// Whether one of the tokens, which are sorted, lies in the range.
fn holds_one_of(range: TokenRange, tokens: &[Token]) -> bool {
    tokens.get(tokens.partition_point(|&token| token < range.first)).is_some_and(|&token| token <= range.last)
}

impl ShardWatches {
    fn add(&mut self, id: WatchId, scope: &WatchScope) {
        match scope {
            WatchScope::Shards(_) => self.any.push(id),
            WatchScope::Slices(_, slices) => self.by_range.push((id, slices.token_ranges())),
            WatchScope::Partitions(_, keys) => {
                for token in keys.iter().map(PartitionKey::token) {
                    self.by_token.entry(token).or_default().push(id);
                }
            }
        }
    }

    fn remove(&mut self, id: WatchId, scope: &WatchScope) {
        match scope {
            WatchScope::Shards(_) => self.any.retain(|&other| other != id),
            WatchScope::Slices(..) => self.by_range.retain(|(other, _)| *other != id),
            WatchScope::Partitions(_, keys) => {
                for token in keys.iter().map(PartitionKey::token) {
                    if let Some(watches) = self.by_token.get_mut(&token) {
                        watches.retain(|&other| other != id);
                        if watches.is_empty() {
                            self.by_token.remove(&token);
                        }
                    }
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.any.is_empty() && self.by_token.is_empty() && self.by_range.is_empty()
    }
}

impl WatchScope {
    fn shards(&self) -> &[Shard] {
        match self {
            Self::Shards(shards) | Self::Slices(shards, _) | Self::Partitions(shards, _) => shards,
        }
    }

    fn names_key(&self, key: &[u8]) -> bool {
        matches!(self, Self::Partitions(_, keys) if keys.iter().any(|named| named.as_bytes() == key))
    }
}
