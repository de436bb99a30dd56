//! Heads: what a head shows can be read, and a watch is woken for its scope and for nothing else.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use annals_engine::{Engine, HeadWatch, ReadError, WatchClosed, WatchScope};
use annals_model::{HashSlices, Shard};

use crate::event::TestEvent;
use crate::subject::Subject;
use crate::trial::{Trial, arrivals, definition, key};

/// Longer than any wake-up takes; a watch that was not woken by then was missed.
const PATIENCE: Duration = Duration::from_secs(20);

fn is_woken(watch: &mut HeadWatch) -> bool {
    matches!(pin!(watch.changed()).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
}

async fn wait(watch: &mut HeadWatch) -> Result<(), WatchClosed> {
    tokio::time::timeout(PATIENCE, watch.changed()).await.expect("the watch is woken")
}

/// A reader that follows the head while others append finds every event up to the head it saw.
pub async fn an_event_at_a_head_can_be_read_at_once<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("head", 1)).await;
    let mut watch = trial.engine().watch(tracked.id(), WatchScope::Shards(vec![Shard::ZERO])).expect("a watch");
    let follower = {
        let engine = Arc::clone(trial.engine());
        let mut read = tracked.read_shard(Shard::ZERO);
        tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 300 {
                wait(&mut watch).await.expect("the table is there");
                let head = watch.head(Shard::ZERO);
                let events = arrivals(&*engine, read.clone(), head).await;
                assert!(events.len() as u64 >= head.distance_from(read.from.previous()), "all up to the head {head}");
                read.from = read.from.advanced_by(events.len() as u64);
                seen.extend(events);
            }
            seen
        })
    };
    for time in 0..100 {
        let events = [0, 1, 2].map(|index| TestEvent::new(format!("key-{index}"), time));
        tracked.append(&**trial.engine(), &events).await.expect("an append");
        let head = trial.engine().head(tracked.id()).expect("the table is there");
        assert!(head.covers(&tracked.oracle.moment()), "an answered append is at or below the head");
    }
    let seen = follower.await.expect("the follower");
    assert!(seen.iter().zip(1..).all(|(event, sequence)| event.sequence.get() == sequence), "in order, without gap");
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// Each scope is woken by the commits that it matches, and by no others.
pub async fn a_watch_wakes_for_its_scope_only<S: Subject>(trial: Trial<S>) {
    let mut tracked = trial.create(definition("scopes", 4)).await;
    let (mine, other) = (key("mine"), key("other"));
    let count = tracked.table.definition.shard_count;
    let shards: Vec<_> = count.shards().collect();
    let slice = HashSlices::new(64, vec![mine.token().slice_of(64)]).expect("a slice");
    assert!(!slices_hold(&slice, &other) && count.shard_of(mine.token()) != count.shard_of(other.token()));
    let scopes = [
        WatchScope::Shards(vec![count.shard_of(mine.token())]),
        WatchScope::Slices(shards.clone(), slice),
        WatchScope::Partitions(shards, Arc::from([mine])),
    ];
    let mut watches: Vec<_> =
        scopes.into_iter().map(|scope| trial.engine().watch(tracked.id(), scope).expect("a watch")).collect();
    tracked.append(&**trial.engine(), &[TestEvent::new("other", 1)]).await.expect("an append");
    assert!(watches.iter_mut().all(|watch| !is_woken(watch)), "a commit outside the scope wakes nobody");
    tracked.append(&**trial.engine(), &[TestEvent::new("mine", 2)]).await.expect("an append");
    for watch in &mut watches {
        wait(watch).await.expect("the table is there");
        assert!(watch.moment().covers(&tracked.oracle.moment()), "woken once the head shows the events");
    }
    drop(watches);
    trial.finish().await;
}

fn slices_hold(slices: &HashSlices, key: &annals_model::PartitionKey) -> bool {
    slices.contains(key.token())
}

/// Dropping a table ends its watches, and no new one can be had.
pub async fn a_watch_ends_with_its_table<S: Subject>(trial: Trial<S>) {
    let tracked = trial.create(definition("ending", 1)).await;
    let scope = WatchScope::Shards(vec![Shard::ZERO]);
    let mut watch = trial.engine().watch(tracked.id(), scope.clone()).expect("a watch");
    trial.engine().drop_table(tracked.id()).await.expect("the table is dropped");
    assert_eq!(wait(&mut watch).await, Err(WatchClosed));
    let refused = trial.engine().watch(tracked.id(), scope).expect_err("the table is gone");
    assert!(matches!(refused, ReadError::UnknownTable(_)), "{refused}");
    let refused = trial.engine().head(tracked.id()).expect_err("the table is gone");
    assert!(matches!(refused, ReadError::UnknownTable(_)), "{refused}");
    drop(watch);
    trial.finish().await;
}
