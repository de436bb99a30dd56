//! Heads and watches, one thread at a time; `tests/loom` lets several meet.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use annals_model::{BatchBuilder, EventBatch, EventTime, PartitionKey, Sequence, Shard, ShardCount};

use super::head::{HeadBoard, HeadWatch, WatchClosed};
use super::watch_scope::WatchScope;

fn batch_of(key: &[u8]) -> EventBatch {
    let mut builder = BatchBuilder::default();
    builder.push(&[key], 0..key.len(), EventTime::from_unix_nanos(0));
    builder.finish()
}

fn is_woken(watch: &mut HeadWatch) -> bool {
    let changed = pin!(watch.changed());
    matches!(changed.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
}

#[test]
fn a_commit_wakes_only_the_watches_whose_scope_it_matches() {
    let board = HeadBoard::empty(ShardCount::ONE);
    let key = PartitionKey::new(&b"mine"[..]).expect("a key");
    let mut all = board.watch(WatchScope::Shards(vec![Shard::ZERO]));
    let mut mine = board.watch(WatchScope::Partitions(vec![Shard::ZERO], Arc::from([key])));
    board.publish(Shard::ZERO, Sequence::FIRST);
    board.wake(Shard::ZERO, &batch_of(b"other"));
    assert!(is_woken(&mut all) && !is_woken(&mut mine));
    board.wake(Shard::ZERO, &batch_of(b"mine"));
    assert!(is_woken(&mut all) && is_woken(&mut mine) && !is_woken(&mut mine));
    assert_eq!(mine.head(Shard::ZERO), Sequence::FIRST);
}

#[test]
fn a_wake_before_the_wait_is_not_missed_and_close_ends_the_wait() {
    let board = HeadBoard::empty(ShardCount::ONE);
    let mut watch = board.watch(WatchScope::Shards(vec![Shard::ZERO]));
    board.wake(Shard::ZERO, &batch_of(b"k"));
    assert!(is_woken(&mut watch));
    board.close();
    let changed = pin!(watch.changed());
    assert_eq!(changed.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Err(WatchClosed)));
}
