//! Which watches a commit wakes, by what they wait for.

use std::sync::Arc;

use annals_model::{BatchBuilder, EventBatch, EventTime, HashSlices, PartitionKey, Shard, Token};

use super::watch_index::WatchIndex;
use super::watch_scope::WatchScope;
use crate::sync::Notify;

fn batch_of(keys: &[&[u8]]) -> EventBatch {
    let mut builder = BatchBuilder::default();
    for key in keys {
        builder.push(&[key], 0..key.len(), EventTime::from_unix_nanos(0));
    }
    builder.finish()
}

fn is_woken(notify: &Notify) -> bool {
    use std::future::Future;
    let notified = std::pin::pin!(notify.notified());
    notified.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
}

#[test]
fn slices_are_woken_by_the_events_whose_tokens_they_hold() {
    let mut index = WatchIndex::default();
    let watches: Vec<_> = (0..7)
        .map(|slice| {
            let notify = Arc::new(Notify::new());
            let slices = HashSlices::new(7, vec![slice]).expect("a slice of seven");
            index.add(WatchScope::Slices(vec![Shard::ZERO], slices), Arc::clone(&notify));
            notify
        })
        .collect();
    for number in 0..50_u8 {
        let keys: [&[u8]; 2] = [&[number], &[number, number]];
        index.wake(Shard::ZERO, &batch_of(&keys));
        let expected = keys.map(|key| Token::of(key).slice_of(7));
        for (slice, notify) in (0..).zip(&watches) {
            assert_eq!(is_woken(notify), expected.contains(&slice), "slice {slice} at {number}");
        }
    }
}

#[test]
fn another_shard_wakes_nobody_and_what_is_removed_leaves_nothing_behind() {
    let mut index = WatchIndex::default();
    let notify = Arc::new(Notify::new());
    let key = PartitionKey::new(&b"k"[..]).expect("a key");
    let ids = [
        index.add(WatchScope::Partitions(vec![Shard::ZERO], Arc::from([key])), Arc::clone(&notify)),
        index.add(WatchScope::Shards(vec![Shard::ZERO, Shard::ZERO]), Arc::clone(&notify)),
        index.add(WatchScope::Slices(vec![Shard::ZERO], HashSlices::all()), Arc::clone(&notify)),
    ];
    index.wake(Shard::new(1), &batch_of(&[b"k"]));
    assert!(!is_woken(&notify));
    index.wake(Shard::ZERO, &batch_of(&[b"k"]));
    assert!(is_woken(&notify));
    for id in ids {
        index.remove(id);
    }
    assert!(index.is_empty());
}
