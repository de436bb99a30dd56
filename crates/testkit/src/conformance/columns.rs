//! Columns: a table learns a column's type from its first stored cell and keeps it for good.

use std::sync::Arc;

use annals_engine::{Append, AppendError, CommitTurn, Engine, NewColumn, ShardBatch};
use annals_model::limits::TABLE_COLUMNS_MAX;
use annals_model::{Column, ColumnType, SchemaMode, Sequence, Shard, TableDefinition};

use crate::event::{Cell, TestEvent, batch_of};
use crate::subject::Subject;
use crate::trial::{Tracked, Trial, columns, definition};

/// An append of one event that would teach the table these columns.
fn teaching(tracked: &Tracked, new: &[(&str, ColumnType)]) -> Append {
    let new_columns = columns(new)
        .into_iter()
        .map(|column| NewColumn { column, shard: Shard::ZERO, row: 0, event_index: 5 })
        .collect();
    let batch = batch_of(&[TestEvent::new("key", 1)]);
    Append {
        table: tracked.id(),
        shards: vec![ShardBatch { shard: Shard::ZERO, batch }],
        new_columns,
        place: CommitTurn::default(),
    }
}

/// The first cell sets the type; a later append of another type is refused and told which event set it.
pub async fn a_first_cell_sets_its_columns_type_for_good<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("learned", 1)).await;
    tracked.append(&**trial.engine(), &[TestEvent::new("key", 0)]).await.expect("an append");
    let events = [TestEvent::new("key", 1), TestEvent::new("key", 2).with("speed", Cell::Double(1.5))];
    tracked.append(&**trial.engine(), &events).await.expect("an append");
    for _ in 0..2 {
        let schema = trial.engine().table(&tracked.table.definition.name).expect("the table").schema;
        let speed = schema.get("speed").expect("learned");
        assert_eq!(speed.column.column_type, ColumnType::Double);
        assert_eq!(speed.learned_at, Some((Shard::ZERO, Sequence::new(3))), "the third event set it");
        let refused = trial.engine().append(teaching(&tracked, &[("speed", ColumnType::Int64)])).await;
        let refused = refused.expect_err("another type");
        let AppendError::ColumnConflict { event_index, conflict } = refused else { panic!("{refused}") };
        assert_eq!((event_index, conflict.expected, conflict.found), (5, ColumnType::Double, ColumnType::Int64));
        assert_eq!(conflict.learned_at, Some((Shard::ZERO, Sequence::new(3))));
        trial.settle().await;
        trial.reopen().await;
    }
    let again = teaching(&tracked, &[("speed", ColumnType::Double)]);
    tracked.commit(&**trial.engine(), again).await.expect("the same type once more");
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// Of two appends at once that would set different types, one is stored and the other refused.
pub async fn racing_first_cells_agree_on_one_type<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("race", 1)).await;
    for round in 0..10 {
        let name = format!("column-{round}");
        let racers: Vec<_> = [ColumnType::Int64, ColumnType::String]
            .into_iter()
            .map(|column_type| {
                let append = teaching(&tracked, &[(name.as_str(), column_type)]);
                let engine = Arc::clone(trial.engine());
                tokio::spawn(async move { (append.shards.clone(), column_type, engine.append(append).await) })
            })
            .collect();
        let mut winners = Vec::new();
        for racer in racers {
            let (batches, column_type, answer) = racer.await.expect("a racer");
            match answer {
                Ok(appended) => {
                    tracked.record(&batches, &appended);
                    winners.push(column_type);
                }
                Err(AppendError::ColumnConflict { conflict, .. }) => assert_eq!(conflict.found, column_type),
                Err(other) => panic!("{other}"),
            }
        }
        let schema = trial.engine().table(&tracked.table.definition.name).expect("the table").schema;
        let learned = schema.get(&name).expect("learned").column.column_type;
        assert_eq!(winners, [learned], "one append is stored, and its type is the column's");
    }
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// An append that is refused for one column teaches none of the others.
pub async fn a_refused_append_teaches_no_column<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("untaught", 1)).await;
    let first = teaching(&tracked, &[("speed", ColumnType::Double)]);
    tracked.commit(&**trial.engine(), first).await.expect("an append");
    let both = [("height", ColumnType::Int64), ("speed", ColumnType::String)];
    let refused = trial.engine().append(teaching(&tracked, &both)).await.expect_err("speed is double");
    assert!(matches!(refused, AppendError::ColumnConflict { .. }), "{refused}");
    for _ in 0..2 {
        let schema = trial.engine().table(&tracked.table.definition.name).expect("the table").schema;
        assert!(schema.get("height").is_none(), "a refused append teaches nothing");
        assert_eq!(schema.columns().len(), 1);
        trial.reopen().await;
    }
    let height = teaching(&tracked, &[("height", ColumnType::String)]);
    tracked.commit(&**trial.engine(), height).await.expect("height is free to be a string");
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// A strict table takes cells of declared columns, also of those declared later, and refuses others.
pub async fn a_strict_table_takes_declared_columns_only<S: Subject>(mut trial: Trial<S>) {
    let strict = TableDefinition { schema_mode: SchemaMode::Strict, ..definition("strict", 1) };
    let declared = columns(&[("speed", ColumnType::Double)]);
    let table = trial.engine().create_table(strict.clone(), declared).await.expect("a new table");
    let mut tracked = Tracked { table, oracle: crate::oracle::Oracle::new(strict.shard_count) };
    let fast = TestEvent::new("key", 1).with("speed", Cell::Double(9.0));
    tracked.append(&**trial.engine(), &[fast]).await.expect("a declared column");
    let refused = trial.engine().append(teaching(&tracked, &[("height", ColumnType::Int64)])).await;
    let refused = refused.expect_err("height is not declared");
    assert!(
        matches!(&refused, AppendError::UndeclaredColumn { event_index: 5, name } if name == "height"),
        "{refused}"
    );
    let update = annals_engine::UpdateTable {
        table: tracked.id(),
        expected_revision: trial.engine().table(&strict.name).expect("the table").revision,
        retention: None,
        add_columns: columns(&[("height", ColumnType::Int64)]),
        deletion_protection: None,
        lateness_max: None,
    };
    trial.engine().update_table(update).await.expect("an update");
    let tall = TestEvent::new("key", 2).with("height", Cell::Int(3));
    tracked.append(&**trial.engine(), &[tall]).await.expect("declared by now");
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// A table learns 10,000 columns; the append that would teach it one more is refused and named.
pub async fn a_table_has_at_most_ten_thousand_columns<S: Subject>(mut trial: Trial<S>) {
    let mut tracked = trial.create(definition("wide", 1)).await;
    let names: Vec<_> = (0..TABLE_COLUMNS_MAX).map(|index| format!("column-{index}")).collect();
    for hundred in names.chunks(1_000) {
        let new: Vec<_> = hundred.iter().map(|name| (name.as_str(), ColumnType::Int64)).collect();
        let append = teaching(&tracked, &new);
        tracked.commit(&**trial.engine(), append).await.expect("columns up to the limit");
    }
    let refused = trial.engine().append(teaching(&tracked, &[("one-more", ColumnType::Int64)])).await;
    let refused = refused.expect_err("the 10,001st");
    assert!(
        matches!(&refused, AppendError::TooManyColumns { event_index: 5, name } if name == "one-more"),
        "{refused}"
    );
    trial.reopen().await;
    let table = trial.engine().table(&tracked.table.definition.name).expect("the table");
    let found: Vec<&Column> = table.schema.columns().iter().map(|learned| &learned.column).collect();
    assert_eq!(found.len(), TABLE_COLUMNS_MAX);
    assert!(found.iter().zip(&names).all(|(column, name)| column.name == *name), "in the order in which they came");
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}
