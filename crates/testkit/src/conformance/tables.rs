//! Tables: names taken once, ids never used again, changes by compare-and-set, partitions listed by key.

use std::time::Duration;

use annals_engine::{AppendError, CatalogError, Engine, PartitionList, ReadError, UpdateTable};
use annals_model::{ColumnType, Retention, Shard, Table, TableDefinition};

use crate::event::{Cell, TestEvent};
use crate::generator::{Generator, Shape};
use crate::subject::Subject;
use crate::trial::{Tracked, Trial, columns, definition, key};

fn change_of(table: &Table) -> UpdateTable {
    UpdateTable {
        table: table.id,
        expected_revision: table.revision,
        retention: None,
        add_columns: Vec::new(),
        deletion_protection: None,
        lateness_max: None,
    }
}

/// A second table of a name is refused with the one that is there.
pub async fn a_name_is_taken_once<S: Subject>(trial: Trial<S>) {
    let tracked = trial.create(definition("once", 2)).await;
    let refused = trial.engine().create_table(definition("once", 5), Vec::new()).await.expect_err("the name is taken");
    let CatalogError::AlreadyExists(there) = refused else { panic!("{refused}") };
    assert_eq!((there.id, there.definition.shard_count.get()), (tracked.id(), 2));
    trial.finish().await;
}

/// Tables are listed by name, and come back from a reopening as they were.
pub async fn tables_are_listed_by_name_and_survive<S: Subject>(mut trial: Trial<S>) {
    let declared = columns(&[("a", ColumnType::Bool), ("b", ColumnType::Uuid), ("c", ColumnType::Timestamp)]);
    for (name, shards) in [("zebra", 256), ("ant", 1), ("mole", 16)] {
        let full = TableDefinition {
            retention: Retention { age_max: Some(Duration::from_hours(24 * 365)), bytes_max: Some(1 << 40) },
            lateness_max: Some(Duration::from_millis(1_500)),
            ..definition(name, shards)
        };
        trial.engine().create_table(full, declared.clone()).await.expect("a new table");
    }
    let before = trial.engine().tables();
    let names: Vec<_> = before.iter().map(|table| table.definition.name.to_string()).collect();
    assert_eq!(names, ["test.ant", "test.mole", "test.zebra"]);
    trial.reopen().await;
    let after = trial.engine().tables();
    assert_eq!(format!("{after:?}"), format!("{before:?}"), "as they were");
    trial.finish().await;
}

/// A change that was decided on an older revision is refused; learning a column is a change too.
pub async fn a_change_needs_the_revision_it_was_decided_on<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("changed", 1)).await;
    let name = tracked.table.definition.name.clone();
    let longer = Retention { age_max: Some(Duration::from_hours(1)), bytes_max: None };
    let change = UpdateTable { retention: Some(longer), ..change_of(&tracked.table) };
    let changed = trial.engine().update_table(change.clone()).await.expect("the first change");
    assert_eq!(changed.definition.retention, longer);
    assert!(changed.revision > tracked.table.revision, "a change makes a revision");
    let refused = trial.engine().update_table(change).await.expect_err("an older revision");
    assert!(matches!(refused, CatalogError::RevisionChanged(_)), "{refused}");
    let speedy = TestEvent::new("key", 1).with("speed", Cell::Double(1.0));
    tracked.append(&**trial.engine(), &[speedy]).await.expect("an append");
    let refused = trial.engine().update_table(change_of(&changed)).await.expect_err("a column was learned since");
    assert!(matches!(refused, CatalogError::RevisionChanged(_)), "{refused}");
    let now = trial.engine().table(&name).expect("the table");
    let mistyped = UpdateTable { add_columns: columns(&[("speed", ColumnType::Bool)]), ..change_of(&now) };
    let refused = trial.engine().update_table(mistyped).await.expect_err("speed is double");
    assert!(matches!(refused, CatalogError::ColumnConflict(_)), "{refused}");
    trial.reopen().await;
    let after = trial.engine().table(&name).expect("the table");
    assert_eq!(
        (after.definition.retention, after.revision),
        (longer, now.revision),
        "durable, and the refused are not"
    );
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// A protected table is not dropped until its protection is cleared.
pub async fn a_protected_table_is_not_dropped<S: Subject>(mut trial: Trial<S>) {
    let guarded = TableDefinition { deletion_protection: true, ..definition("guarded", 1) };
    let mut tracked = trial.create(guarded).await;
    tracked.append(&**trial.engine(), &[TestEvent::new("key", 1)]).await.expect("an append");
    trial.reopen().await;
    let refused = trial.engine().drop_table(tracked.id()).await.expect_err("protected");
    assert!(matches!(refused, CatalogError::Protected(_)), "{refused}");
    tracked.check(&**trial.engine()).await;
    let now = trial.engine().table(&tracked.table.definition.name).expect("the table");
    let clear = UpdateTable { deletion_protection: Some(false), ..change_of(&now) };
    trial.engine().update_table(clear).await.expect("an update");
    trial.engine().drop_table(tracked.id()).await.expect("no longer protected");
    trial.finish().await;
}

/// A dropped table is gone for every call and over reopening; a new one of its name starts from nothing, with a new id.
pub async fn a_dropped_table_is_gone_and_its_name_free<S: Subject>(mut trial: Trial<S>) {
    let mut old = trial.create(definition("phoenix", 2)).await;
    let mut generator = Generator::new(41, Shape::default());
    let events = generator.events(50);
    old.append(&**trial.engine(), &events).await.expect("an append");
    trial.settle().await;
    let events = generator.events(50);
    old.append(&**trial.engine(), &events).await.expect("an append");
    let append = old.append_of(&**trial.engine(), &generator.events(1));
    trial.engine().drop_table(old.id()).await.expect("dropped");
    assert!(trial.engine().table(&old.table.definition.name).is_none(), "the name is free");
    let refused = trial.engine().append(append).await.expect_err("the table is gone");
    assert!(matches!(refused, AppendError::UnknownTable(_)), "{refused}");
    let refused = trial.engine().read_partitions(old.read_all()).await.expect_err("the table is gone");
    assert!(matches!(refused, ReadError::UnknownTable(_)), "{refused}");
    let refused = trial.engine().read_arrivals(old.read_shard(Shard::ZERO)).await.expect_err("the table is gone");
    assert!(matches!(refused, ReadError::UnknownTable(_)), "{refused}");
    let refused = trial.engine().drop_table(old.id()).await.expect_err("the table is gone");
    assert!(matches!(refused, CatalogError::UnknownTable(_)), "{refused}");
    trial.reopen().await;
    assert!(trial.engine().tables().is_empty(), "dropped for good");
    let mut new = trial.create(definition("phoenix", 3)).await;
    assert_ne!(new.id(), old.id(), "an id is never used again");
    new.check(&**trial.engine()).await;
    let events = generator.events(30);
    new.append(&**trial.engine(), &events).await.expect("an append");
    trial.check_everywhere(&new).await;
    trial.finish().await;
}

/// Partitions are listed in the byte order of their keys, page by page, by prefix, with what they hold.
pub async fn partitions_are_listed_by_key<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("listed", 3)).await;
    let mut generator = Generator::new(42, Shape { partitions: 48, ..Shape::default() });
    for round in 0..2 {
        let events = generator.events(200);
        tracked.append(&**trial.engine(), &events).await.expect("an append");
        check_lists(&trial, &tracked).await;
        trial.settle().await;
        check_lists(&trial, &tracked).await;
        if round == 0 {
            trial.reopen().await;
            check_lists(&trial, &tracked).await;
        }
    }
    let missing = trial.engine().partition_stats(tracked.id(), &key("missing")).await.expect("an answer");
    assert_eq!(missing, None, "a partition that holds nothing has no statistics");
    trial.finish().await;
}

async fn check_lists<S: Subject>(trial: &Trial<S>, tracked: &Tracked) {
    let all = tracked.oracle.partitions();
    for prefix in [&b""[..], b"key-1", b"key-10", b"key-1\x00", b"nothing"] {
        let expected: Vec<_> = all.iter().filter(|stats| stats.key.as_bytes().starts_with(prefix)).cloned().collect();
        for partitions_max in [1, 3, 1_000] {
            let mut list =
                PartitionList { table: tracked.id(), key_prefix: prefix.to_vec(), after: None, partitions_max };
            let mut found = Vec::new();
            loop {
                let page = trial.engine().list_partitions(list.clone()).await.expect("a page of partitions");
                assert!(page.len() <= partitions_max, "at most what was asked for");
                let Some(last) = page.last() else { break };
                list.after = Some(last.key.clone());
                found.extend(page);
            }
            assert_eq!(found, expected, "keys that begin with {}", prefix.escape_ascii());
        }
    }
}

/// Two tables with the same keys and times do not see each other's events.
pub async fn tables_do_not_see_each_other<S: Subject>(mut trial: Trial<S>) {
    let mut tables = Vec::new();
    for (name, shards) in [("one", 1), ("two", 1), ("three", 4)] {
        tables.push(trial.create(definition(name, shards)).await);
    }
    let mut generators: Vec<_> = (0..3).map(|_| Generator::new(43, Shape::default())).collect();
    for round in 0..6 {
        for (tracked, generator) in tables.iter_mut().zip(&mut generators) {
            let events = generator.events(10);
            tracked.append(&**trial.engine(), &events).await.expect("an append");
        }
        if round == 3 {
            trial.settle().await;
        }
    }
    for tracked in &tables {
        trial.check_everywhere(tracked).await;
    }
    trial.engine().drop_table(tables[1].id()).await.expect("dropped");
    trial.check_everywhere(&tables[0]).await;
    trial.check_everywhere(&tables[2]).await;
    trial.finish().await;
}
