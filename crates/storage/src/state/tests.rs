//! Records and snapshots come back as they were, and records that do not fit are refused.

use std::time::Duration;

use annals_model::{Column, ColumnType, Retention, SchemaMode, ShardCount, Sharding, TableDefinition};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::damage::{DamageCase, ReadFailure};
use crate::disk::{Disk, RealDisk};
use crate::framed::{Chain, Position};
use crate::identity::StoreIdentity;
use crate::layout::{self, FileNumber};

const ID: TableId = TableId::from_bytes([3; 16]);
const IDENTITY: StoreIdentity = StoreIdentity { uuid: Uuid::from_u128(1), salt: 2, created_unix_nanos: 3 };

fn column(name: &str, column_type: ColumnType, learned_at: Option<(Shard, Sequence)>) -> LearnedColumn {
    LearnedColumn { column: Column { name: name.to_owned(), column_type }, learned_at }
}

fn table() -> Table {
    let mut schema = Schema::default();
    let types = [
        ColumnType::Bool,
        ColumnType::Int64,
        ColumnType::Double,
        ColumnType::String,
        ColumnType::Bytes,
        ColumnType::Timestamp,
        ColumnType::Uuid,
    ];
    for (nth, column_type) in (0..).zip(types) {
        let learned_at = (nth % 2 == 0).then_some((Shard::new(nth), Sequence::new(u64::from(nth) + 7)));
        schema.add(column(&format!("column {nth}"), column_type, learned_at)).expect("new");
    }
    Table {
        id: ID,
        definition: TableDefinition {
            name: "flights.events".parse().expect("a name"),
            shard_count: ShardCount::new(8).expect("a count"),
            sharding: Sharding::Explicit,
            schema_mode: SchemaMode::Strict,
            retention: Retention { age_max: Some(Duration::new(5, 6)), bytes_max: Some(u64::MAX) },
            deletion_protection: true,
            lateness_max: Some(Duration::from_mins(1)),
        },
        schema: Arc::new(schema),
        created: CommitTime::from_unix_nanos(-9),
        revision: 1,
    }
}

fn span(commit: i64, elapsed_nanos: i64) -> ClockSpan {
    ClockSpan {
        commit: CommitTime::from_unix_nanos(commit),
        elapsed_nanos,
        wall_nanos: commit - 3,
        slew: 1,
        is_opening: true,
        is_synchronised: true,
    }
}

fn records() -> Vec<StateRecord> {
    vec![
        StateRecord::TableCreated(table()),
        StateRecord::TableUpdated {
            table: ID,
            revision: 2,
            retention: Retention::default(),
            deletion_protection: false,
            lateness_max: None,
            columns: vec![column("declared", ColumnType::String, None)],
        },
        StateRecord::ColumnsLearned {
            table: ID,
            revision: 3,
            columns: vec![column("learned", ColumnType::Double, Some((Shard::ZERO, Sequence::FIRST)))],
        },
        StateRecord::FloorRaised { table: ID, shard: Shard::new(2), first_retained: Sequence::new(50) },
        StateRecord::ClockNoted(span(-5, 0)),
        StateRecord::ClockNoted(ClockSpan { slew: -1, is_opening: false, is_synchronised: false, ..span(70, 71) }),
        StateRecord::TableCreated(Table { id: TableId::from_bytes([4; 16]), ..table() }),
        StateRecord::TableDropped { table: TableId::from_bytes([4; 16]) },
        StateRecord::TableCreated(Table { id: TableId::from_bytes([5; 16]), ..table() }),
        StateRecord::TableDropped { table: TableId::from_bytes([5; 16]) },
        StateRecord::DroppedForgotten { table: TableId::from_bytes([5; 16]) },
    ]
}

fn state() -> State {
    let mut state = State::default();
    for record in records() {
        state.apply(&record).expect("it fits");
    }
    state.note_commit(CommitTime::from_unix_nanos(77));
    state
}

fn store() -> (TempDir, RealDisk) {
    let directory = TempDir::new().expect("a directory");
    let disk = RealDisk::new(directory.path());
    disk.create_directory(layout::STATE.as_ref()).expect("made");
    (directory, disk)
}

fn position() -> Position {
    Position { file: FileNumber::FIRST, offset: 8192, chain: Chain::new(5) }
}

#[test]
fn every_record_comes_back_as_it_was() {
    for record in records() {
        let again = StateRecord::decode(&record.encode()).expect("a record");
        assert_eq!(format!("{again:?}"), format!("{record:?}"));
    }
}

#[test]
fn bytes_that_are_no_record_are_refused() {
    let created = records()[0].encode();
    assert!(StateRecord::decode(&[]).is_err());
    assert!(StateRecord::decode(&created[..created.len() - 1]).is_err());
    assert!(StateRecord::decode(&[0x7a, 0]).is_err(), "a kind of a later version");
}

#[test]
fn records_build_the_state() {
    let state = state();
    let table = &state.tables()[&ID];
    assert_eq!((table.revision, table.schema.columns().len()), (3, 9));
    assert!(table.definition.retention.keeps_everything() && !table.definition.deletion_protection);
    assert_eq!(state.first_retained(ID, Shard::new(2)), Sequence::new(50));
    assert_eq!(state.first_retained(ID, Shard::ZERO), Sequence::FIRST);
    assert_eq!(state.dropped().iter().collect::<Vec<_>>(), [&TableId::from_bytes([4; 16])]);
}

#[test]
fn a_record_that_does_not_fit_changes_nothing() {
    let mut state = state();
    let before = format!("{state:?}");
    let other = column("learned", ColumnType::Bool, None);
    let unfit = [
        StateRecord::TableCreated(table()),
        StateRecord::TableCreated(Table { id: TableId::from_bytes([4; 16]), ..table() }),
        StateRecord::TableDropped { table: TableId::from_bytes([4; 16]) },
        StateRecord::ColumnsLearned { table: ID, revision: 3, columns: Vec::new() },
        StateRecord::ColumnsLearned { table: ID, revision: 4, columns: vec![other] },
        StateRecord::ClockNoted(span(69, 72)),
        StateRecord::ClockNoted(span(71, 70)),
        StateRecord::FloorRaised {
            table: TableId::from_bytes([9; 16]),
            shard: Shard::ZERO,
            first_retained: Sequence::FIRST,
        },
    ];
    for record in unfit {
        state.apply(&record).expect_err("it does not fit");
        assert_eq!(format!("{state:?}"), before);
    }
}

#[test]
fn a_floor_is_never_lowered() {
    let mut state = state();
    let lower = StateRecord::FloorRaised { table: ID, shard: Shard::new(2), first_retained: Sequence::new(20) };
    state.apply(&lower).expect("it fits");
    assert_eq!(state.first_retained(ID, Shard::new(2)), Sequence::new(50));
}

#[test]
fn a_snapshot_comes_back_as_it_was() {
    let (_directory, disk) = store();
    let place = write_snapshot(&disk, &IDENTITY, FileNumber::FIRST, &state(), position()).expect("written");
    let again = load_snapshot(&disk, &IDENTITY, &place).expect("a snapshot");
    // Maps of columns by name print in no order; the columns themselves are compared.
    let plain = |state: &State| {
        let tables =
            state.tables().values().map(|table| format!("{:?} {:?}", table.definition, table.schema.columns()));
        (
            tables.collect::<Vec<_>>(),
            state.dropped().clone(),
            state.floors().clone(),
            state.newest_commit(),
            state.clock().clone(),
        )
    };
    assert_eq!(plain(&again), plain(&state()));
}

#[test]
fn state_damaged_is_any_other_byte() {
    let (_directory, disk) = store();
    let place = write_snapshot(&disk, &IDENTITY, FileNumber::FIRST, &state(), position()).expect("written");
    let file = disk.open_writable(&layout::state_file(place.number)).expect("opened");
    for at in 0..file.length().expect("a length") {
        let mut byte = [0];
        file.read_at(&mut byte, at).expect("read");
        file.write_at(&[byte[0] ^ 0x10], at).expect("written");
        match load_snapshot(&disk, &IDENTITY, &place) {
            Err(ReadFailure::Damaged(damage)) => assert_eq!(damage.case, DamageCase::StateDamaged),
            loaded => panic!("byte {at}: {loaded:?}"),
        }
        file.write_at(&byte, at).expect("written");
    }
}

#[test]
fn the_clocks_are_bounded_and_what_is_joined_counts_as_later_than_it_was() {
    let mut ledger = ClockLedger::default();
    let day = 86_400_000_000_000;
    let many: Vec<_> = (0..3_000).map(|nth| span(nth * day, nth * day / 2)).collect();
    for span in &many {
        ledger.note(*span).expect("in order");
    }
    assert_eq!(ledger.spans().len(), 1024);
    assert_eq!(ledger.spans()[1000..], many[2_976..], "what is young is kept as it was");
    for span in &many {
        let of =
            ledger.spans().iter().rfind(|kept| kept.commit <= span.commit).expect("the first begins where it began");
        assert!(of.elapsed_nanos + span.commit.unix_nanos() - of.commit.unix_nanos() >= span.elapsed_nanos);
        assert!(of.is_opening);
    }
}
