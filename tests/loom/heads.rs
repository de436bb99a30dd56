//! The tail's wake-up: whoever waits for a head is woken by the commit that moves it, and by the end.

use std::sync::Arc;

use annals_model::{BatchBuilder, EventBatch, EventTime, PartitionKey, Sequence, Shard, ShardCount};
use loom::future::block_on;
use loom::model;
use loom::thread;

use crate::head::{HeadBoard, HeadWatch, WatchClosed};
use crate::watch_scope::WatchScope;

fn batch_of(key: &[u8]) -> EventBatch {
    let mut builder = BatchBuilder::default();
    builder.push(&[key], 0..key.len(), EventTime::from_unix_nanos(0));
    builder.finish()
}

fn all() -> WatchScope {
    WatchScope::Shards(vec![Shard::ZERO])
}

fn commit(board: &HeadBoard, head: u64, key: &[u8]) {
    board.publish(Shard::ZERO, Sequence::new(head));
    board.wake(Shard::ZERO, &batch_of(key));
}

/// Waits as a tail does: looks at the head, and if there is nothing new waits for a change.
fn wait_for(watch: &mut HeadWatch, head: u64) -> Result<(), WatchClosed> {
    while watch.head(Shard::ZERO).get() < head {
        block_on(watch.changed())?;
    }
    Ok(())
}

#[test]
fn a_commit_is_seen_by_a_watch_that_begins_at_any_moment() {
    model(|| {
        let board = HeadBoard::empty(ShardCount::ONE);
        let committing = Arc::clone(&board);
        let committer = thread::spawn(move || commit(&committing, 1, b"k"));
        let mut watch = board.watch(all());
        wait_for(&mut watch, 1).expect("the board stays open");
        committer.join().expect("commits");
    });
}

#[test]
fn each_of_two_commits_is_seen_by_a_watch_that_waits_between_them() {
    model(|| {
        let board = HeadBoard::empty(ShardCount::ONE);
        let mut watch = board.watch(all());
        let committing = Arc::clone(&board);
        let committer = thread::spawn(move || {
            commit(&committing, 1, b"k");
            commit(&committing, 2, b"k");
        });
        wait_for(&mut watch, 1).expect("the board stays open");
        wait_for(&mut watch, 2).expect("the board stays open");
        committer.join().expect("commits");
    });
}

#[test]
fn a_watch_of_one_key_is_woken_for_it_while_another_watch_goes() {
    model(|| {
        let board = HeadBoard::empty(ShardCount::ONE);
        let key = PartitionKey::new(&b"mine"[..]).expect("a key");
        let other = board.watch(all());
        let mut mine = board.watch(WatchScope::Partitions(vec![Shard::ZERO], std::sync::Arc::from([key])));
        let committing = Arc::clone(&board);
        let committer = thread::spawn(move || commit(&committing, 1, b"mine"));
        drop(other);
        wait_for(&mut mine, 1).expect("the board stays open");
        committer.join().expect("commits");
    });
}

#[test]
fn the_end_is_told_to_a_watch_that_waits_or_begins_meanwhile() {
    model(|| {
        let board = HeadBoard::empty(ShardCount::ONE);
        let closing = Arc::clone(&board);
        let closer = thread::spawn(move || closing.close());
        let mut watch = board.watch(all());
        assert_eq!(wait_for(&mut watch, 1), Err(WatchClosed));
        closer.join().expect("closes");
    });
}
