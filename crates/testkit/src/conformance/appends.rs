//! Appends: dense, whole, in order, bit for bit, and nothing of what is refused.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use annals_engine::{Append, AppendError, Appended, ArrivalScope, CommitTurn, Engine, ShardBatch};
use annals_model::limits::EVENT_BYTES_MAX;
use annals_model::{Sequence, Shard, TableId};

use crate::event::{Cell, TestEvent, batch_of};
use crate::generator::{Generator, Shape};
use crate::subject::Subject;
use crate::trial::{Tracked, Trial, definition};

/// The events of a shard carry 1, 2, 3, … over appends, settling and reopening.
pub async fn sequences_are_dense_from_one<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("dense", 1)).await;
    for round in 0..3 {
        for time in 0..20 {
            let event = TestEvent::new(format!("key-{}", time % 3), round * 100 + time);
            tracked.append(&**trial.engine(), &[event]).await.expect("an append");
        }
        trial.settle().await;
        trial.reopen().await;
    }
    assert_eq!(tracked.oracle.moment().of(Shard::ZERO), Sequence::new(60));
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// A batch takes consecutive sequences, and its events keep the order in which they were given.
pub async fn a_batch_takes_consecutive_sequences_in_its_own_order<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("order", 1)).await;
    let falling: Vec<_> = (0..100).map(|index| TestEvent::new("key", 1_000 - index)).collect();
    let appended = tracked.append(&**trial.engine(), &falling).await.expect("an append");
    assert_eq!(appended.shards[0].first_sequence, Sequence::FIRST);
    let events = tracked.oracle.arrivals(Shard::ZERO, Sequence::FIRST, Sequence::MAX, &ArrivalScope::All);
    assert!(events.windows(2).all(|pair| pair[0].time > pair[1].time), "the oracle keeps the order given");
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// Batches of many appenders at once do not mix: each has its sequences to itself.
pub async fn concurrent_batches_are_committed_whole<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("whole", 1)).await;
    let appenders: Vec<_> = (0..8_u32)
        .map(|appender| {
            let engine = Arc::clone(trial.engine());
            let tracked = tracked.clone();
            tokio::spawn(async move { append_batches(&*engine, &tracked, appender).await })
        })
        .collect();
    let mut places = Vec::new();
    for appender in appenders {
        places.extend(appender.await.expect("an appender"));
    }
    places.sort_by_key(|(_, appended)| appended.shards[0].first_sequence);
    for (batches, appended) in &places {
        tracked.record(batches, appended);
    }
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

async fn append_batches(engine: &impl Engine, tracked: &Tracked, appender: u32) -> Vec<(Vec<ShardBatch>, Appended)> {
    let mut places = Vec::new();
    for round in 0..10 {
        let events: Vec<_> =
            (0..7).map(|index| TestEvent::new(format!("appender-{appender}"), round * 10 + index)).collect();
        let append = tracked.append_of(engine, &events);
        let batches = append.shards.clone();
        places.push((batches, engine.append(append).await.expect("an append")));
    }
    places
}

/// Within a shard commit times never go back, over reopening too. The oracle checks it at each append.
pub async fn commit_times_never_go_back<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("clock", 1)).await;
    let created = tracked.table.created;
    for time in 0..30 {
        let appended = tracked.append(&**trial.engine(), &[TestEvent::new("key", time)]).await.expect("an append");
        assert!(appended.shards[0].commit_time >= created, "an event is committed after its table was made");
        if time % 10 == 9 {
            trial.reopen().await;
        }
    }
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// Keys and bytes of every kind and length come back as they were given.
pub async fn events_come_back_bit_for_bit<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("bits", 1)).await;
    let odd_keys: [Vec<u8>; 5] =
        [vec![0], vec![0, 0], vec![0xff; 3], b"key".to_vec(), (0..=255).cycle().take(65_535).collect()];
    let mut events: Vec<_> = odd_keys.iter().zip(0..).map(|(key, time)| TestEvent::new(key.clone(), time)).collect();
    for length in [0, 1, 499, 500, 501, 4_095, 4_096, 4_097, 65_535, 65_536, 65_537] {
        let payload = (0..length).map(|index| u8::try_from(index % 251).expect("below 251")).collect();
        events.push(TestEvent::new("payload", length).with("payload", Cell::Bytes(payload)));
    }
    tracked.append(&**trial.engine(), &events).await.expect("an append");
    let largest = TestEvent::new("largest", 1).with("payload", Cell::Bytes(vec![0xa5; EVENT_BYTES_MAX - 200]));
    tracked.append(&**trial.engine(), &[largest]).await.expect("an append of the largest event");
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// One append can carry batches for several shards; each is committed whole.
pub async fn an_append_to_several_shards_goes_to_each<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("shards", 8)).await;
    let mut generator = Generator::new(1, Shape { partitions: 60, ..Shape::default() });
    for _ in 0..10 {
        let events = generator.events(40);
        let appended = tracked.append(&**trial.engine(), &events).await.expect("an append");
        assert!(appended.shards.len() > 1, "60 keys lie in several shards");
    }
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// When one batch of an append is refused, none is stored.
pub async fn a_refused_append_leaves_nothing<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("refused", 2)).await;
    let stored: Vec<_> = (0..20).map(|index| TestEvent::new(format!("key-{index}"), index)).collect();
    tracked.append(&**trial.engine(), &stored).await.expect("an append");
    let batch = batch_of(&[TestEvent::new("key", 99)]);
    let beyond = Shard::new(2);
    let append = Append {
        table: tracked.id(),
        shards: vec![
            ShardBatch { shard: Shard::ZERO, batch: batch.clone() },
            ShardBatch { shard: beyond, batch: batch.clone() },
        ],
        new_columns: Vec::new(),
        place: CommitTurn::default(),
    };
    let refused = trial.engine().append(append).await.expect_err("shard 2 of 2");
    assert!(matches!(refused, AppendError::UnknownShard { shard, .. } if shard == beyond), "{refused}");
    let append = Append {
        table: TableId::from_bytes([0xee; 16]),
        shards: vec![ShardBatch { shard: Shard::ZERO, batch }],
        new_columns: Vec::new(),
        place: CommitTurn::default(),
    };
    let refused = trial.engine().append(append).await.expect_err("a table that never was");
    assert!(matches!(refused, AppendError::UnknownTable(_)), "{refused}");
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// An append whose future is dropped may be stored or not; either way sequences stay dense and batches whole.
pub async fn an_append_that_nobody_waits_for_leaves_no_gap<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("dropped", 1)).await;
    let engine = Arc::clone(trial.engine());
    let mut kept = Vec::new();
    for round in 0..20 {
        let dropped =
            tracked.append_of(&*engine, &[TestEvent::new("dropped", round), TestEvent::new("dropped", round)]);
        {
            let future = pin!(engine.append(dropped));
            // Begun, and dropped whatever it answers.
            let _ = future.poll(&mut Context::from_waker(Waker::noop()));
        }
        let append = tracked.append_of(&*engine, &[TestEvent::new("kept", round)]);
        kept.push(engine.append(append).await.expect("an append").shards[0].first_sequence);
    }
    drop(engine);
    assert!(kept.windows(2).all(|pair| pair[0] < pair[1]), "sequences grow");
    let head = trial.engine().head(tracked.id()).expect("the table is there").of(Shard::ZERO);
    let read = tracked.read_shard(Shard::ZERO);
    let events = crate::trial::arrivals(&**trial.engine(), read, head).await;
    let sequences: Vec<_> = events.iter().map(|event| event.sequence.get()).collect();
    assert_eq!(sequences, (1..=head.get()).collect::<Vec<_>>(), "dense up to the head");
    let dropped = events.iter().filter(|event| event.key() == b"dropped").count();
    assert_eq!(dropped % 2, 0, "a batch is stored whole or not at all");
    assert_eq!(events.iter().filter(|event| event.key() == b"kept").count(), kept.len());
    tracked.adopt(&events);
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// Whatever was acknowledged is there after an end without closing.
pub async fn what_was_acknowledged_survives_a_crash<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("crash", 3)).await;
    let mut generator = Generator::new(2, Shape::default());
    for round in 0..4 {
        for _ in 0..5 {
            let events = generator.events(10);
            tracked.append(&**trial.engine(), &events).await.expect("an append");
        }
        if round == 1 {
            trial.settle().await;
        }
        trial.crash().await;
        tracked.check(&**trial.engine()).await;
    }
    trial.finish().await;
}
