//! `TableService` and `ServerService`.

use annals_model::Reason;
use annals_testkit::event::{Cell, TestEvent};
use annals_testkit::plain::PlainSubject;
use annals_testkit::subject::Subject;
use annals_wire::v1::{
    Column, ColumnType, CreateTableRequest, DropTableRequest, GetPartitionRequest, GetServerInfoRequest,
    GetTableRequest, ListPartitionsRequest, ListTablesRequest, Retention, SchemaMode, Sharding, Table,
    UpdateTableRequest, ValueFormat,
};
use bytes::Bytes;

use crate::harness::*;

fn column(name: &str, column_type: ColumnType) -> Column {
    Column { name: name.into(), r#type: column_type.into() }
}

fn full() -> Table {
    Table {
        name: "k.full".into(),
        shard_count: 3,
        columns: vec![column("a", ColumnType::Int64), column("b", ColumnType::Uuid)],
        schema_mode: SchemaMode::Strict.into(),
        retention: Some(Retention {
            max_age: Some(prost_types::Duration { seconds: 86_400, nanos: 0 }),
            max_bytes: 1 << 30,
            ..Retention::default()
        }),
        sharding: Sharding::Explicit.into(),
        deletion_protection: true,
        max_lateness: Some(prost_types::Duration { seconds: 60, nanos: 5 }),
        ..Table::default()
    }
}

fn update() -> UpdateTableRequest {
    UpdateTableRequest { name: "k.t".into(), ..UpdateTableRequest::default() }
}

#[tokio::test]
async fn a_table_is_described_as_it_was_made() {
    let server = start().await;
    let made = server.table(full()).await;
    assert_eq!(made.table_id.len(), 16);
    let got = server.tables().get_table(GetTableRequest { name: "k.full".into() }).await.expect("a table");
    assert_eq!(got.into_inner().table.as_ref(), Some(&made));
    let as_asked = Table { table_id: Bytes::new(), create_time_unix_nanos: 0, stats: None, ..made };
    assert_eq!(as_asked, full());
    let plain = server.plain_table(0).await;
    assert_eq!((plain.shard_count, plain.schema_mode(), plain.sharding()), (1, SchemaMode::Open, Sharding::Hash));
    assert_eq!(plain.retention, None);
}

#[tokio::test]
async fn a_table_is_made_once_and_agreed_with_after_that() {
    let server = start().await;
    let made = server.table(full()).await;
    let again = |table, if_not_exists| {
        let mut client = server.tables();
        async move { client.create_table(CreateTableRequest { table: Some(table), if_not_exists }).await }
    };
    assert_eq!(fault(again(full(), false).await.expect_err("there is one")).reason, Reason::TableExists);
    let agreed = again(full(), true).await.expect("agrees").into_inner().table.expect("described");
    assert_eq!(agreed.table_id, made.table_id);
    let different = [
        Table { shard_count: 4, ..full() },
        Table { schema_mode: SchemaMode::Open.into(), ..full() },
        Table { sharding: Sharding::Hash.into(), ..full() },
        Table { retention: None, ..full() },
        Table { deletion_protection: false, ..full() },
        Table { max_lateness: None, ..full() },
        Table { columns: vec![column("a", ColumnType::Bool)], ..full() },
        Table { columns: vec![column("c", ColumnType::Bool)], ..full() },
    ];
    for table in different {
        let refused = again(table, true).await.expect_err("differs");
        assert_field(&fault(refused), Reason::TableDiffers, "table");
    }
}

#[tokio::test]
async fn tables_that_can_not_be_made_are_refused_by_field() {
    let server = start().await;
    let zero = Some(prost_types::Duration { seconds: 0, nanos: 0 });
    let negative = Some(prost_types::Duration { seconds: -1, nanos: 0 });
    let cases = [
        (Table { name: "nodot".into(), ..full() }, Reason::InvalidTableName, "table.name"),
        (Table { name: "_annals.t".into(), ..full() }, Reason::InvalidTableName, "table.name"),
        (Table { name: "_annals_kafka.t".into(), ..full() }, Reason::InvalidTableName, "table.name"),
        (Table { value_format: ValueFormat::Raw.into(), ..full() }, Reason::NotSupported, "table.value_format"),
        (
            Table { retention: Some(Retention { max_events_per_partition: 1, ..Retention::default() }), ..full() },
            Reason::NotSupported,
            "table.retention.max_events_per_partition",
        ),
        (Table { shard_count: 257, ..full() }, Reason::InvalidRequest, "table.shard_count"),
        (Table { sharding: 9, ..full() }, Reason::InvalidRequest, "table.sharding"),
        (Table { schema_mode: 9, ..full() }, Reason::InvalidRequest, "table.schema_mode"),
        (Table { max_lateness: negative, ..full() }, Reason::InvalidRequest, "table.max_lateness"),
        (
            Table { retention: Some(Retention { max_age: zero, ..Retention::default() }), ..full() },
            Reason::InvalidRequest,
            "table.retention.max_age",
        ),
        (
            Table { columns: vec![column("", ColumnType::Bool)], ..full() },
            Reason::InvalidRequest,
            "table.columns[0].name",
        ),
        (
            Table { columns: vec![column("c", ColumnType::Unspecified)], ..full() },
            Reason::InvalidRequest,
            "table.columns[0].type",
        ),
        (
            Table { columns: vec![column("c", ColumnType::Bool); 2], ..full() },
            Reason::InvalidRequest,
            "table.columns[1].name",
        ),
    ];
    for (table, reason, field) in cases {
        let request = CreateTableRequest { table: Some(table), if_not_exists: false };
        assert_field(&fault(server.tables().create_table(request).await.expect_err("refused")), reason, field);
    }
    let nothing = server.tables().create_table(CreateTableRequest::default()).await.expect_err("refused");
    assert_field(&fault(nothing), Reason::InvalidRequest, "table");
}

#[tokio::test]
async fn tables_are_listed_page_by_page_and_by_keyspace() {
    let server = start().await;
    for name in ["a.1", "a.2", "a.3", "b.1"] {
        server.table(Table { name: name.into(), ..Table::default() }).await;
    }
    let list = async |keyspace: &str, page_token: Bytes| {
        let request = ListTablesRequest { keyspace: keyspace.into(), page_size: 2, page_token };
        let page = server.tables().list_tables(request).await.expect("a list").into_inner();
        (page.tables.into_iter().map(|table| table.name).collect::<Vec<_>>(), page.next_page_token)
    };
    let (first, token) = list("", Bytes::new()).await;
    let (second, end) = list("", token).await;
    assert_eq!((first.join(" "), second.join(" "), end.is_empty()), ("a.1 a.2".into(), "a.3 b.1".into(), true));
    assert_eq!(list("b", Bytes::new()).await, (vec!["b.1".to_owned()], Bytes::new()));
    let negative = ListTablesRequest { page_size: -1, ..ListTablesRequest::default() };
    let refused = server.tables().list_tables(negative).await.expect_err("refused");
    assert_field(&fault(refused), Reason::InvalidRequest, "page_size");
}

#[tokio::test]
async fn a_page_of_wide_tables_ends_before_it_is_too_large() {
    let server = start().await;
    let columns: Vec<_> = (0..4000).map(|index| column(&format!("{index:0>200}"), ColumnType::Bool)).collect();
    for name in ["k.1", "k.2", "k.3"] {
        server.table(Table { name: name.into(), columns: columns.clone(), ..Table::default() }).await;
    }
    let mut names = Vec::new();
    let mut page_token = Bytes::new();
    loop {
        let request = ListTablesRequest { page_token, ..ListTablesRequest::default() };
        let page = server.tables().list_tables(request).await.expect("a list").into_inner();
        assert_eq!(page.tables.len(), 1);
        names.push(page.tables[0].name.clone());
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["k.1", "k.2", "k.3"]);
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let server = start().await;
    server.plain_table(1).await;
    server.append(&[TestEvent::new("k", 1).with("learned", Cell::Int(1))]).await;
    let request = UpdateTableRequest {
        add_columns: vec![column("added", ColumnType::Double)],
        deletion_protection: Some(true),
        ..update()
    };
    let validated = UpdateTableRequest { validate_only: true, ..request.clone() };
    server.tables().update_table(validated).await.expect("valid");
    let before = server.tables().get_table(GetTableRequest { name: "k.t".into() }).await.expect("a table");
    assert!(!before.into_inner().table.expect("described").deletion_protection);
    let updated =
        server.tables().update_table(request).await.expect("an update").into_inner().table.expect("described");
    assert!(updated.deletion_protection && updated.retention.is_none());
    assert_eq!(updated.columns, [column("learned", ColumnType::Int64), column("added", ColumnType::Double)]);
    for validate_only in [true, false] {
        let add_columns = vec![column("learned", ColumnType::Bool)];
        let request = UpdateTableRequest { add_columns, validate_only, ..update() };
        let refused = server.tables().update_table(request).await.expect_err("mistyped");
        assert_eq!(fault(refused).reason, Reason::ColumnTypeMismatch);
    }
    let more_shards = server.tables().update_table(UpdateTableRequest { shard_count: Some(2), ..update() }).await;
    assert_field(&fault(more_shards.expect_err("not built")), Reason::NotSupported, "shard_count");
    let unknown = UpdateTableRequest { name: "k.other".into(), ..update() };
    assert_eq!(fault(server.tables().update_table(unknown).await.expect_err("none")).reason, Reason::TableNotFound);
}

#[tokio::test]
async fn protection_stands_before_every_removal() {
    let server = start().await;
    server.plain_table(1).await;
    server.append(&[TestEvent::new("k", 1), TestEvent::new("k", 2)]).await;
    PlainSubject::default().settle(&server.engine).await;
    server.append(&[TestEvent::new("k", 3)]).await;
    PlainSubject::default().settle(&server.engine).await;
    let protect = UpdateTableRequest { deletion_protection: Some(true), ..update() };
    server.tables().update_table(protect).await.expect("an update");
    let tight = Some(Retention { max_bytes: 1, ..Retention::default() });
    let plan =
        UpdateTableRequest { retention: tight, validate_only: true, deletion_protection: Some(false), ..update() };
    let planned = server.tables().update_table(plan).await.expect("a plan").into_inner();
    let removal = UpdateTableRequest { retention: tight, ..update() };
    assert_eq!(planned.removed_events, 2);
    let refused = fault(server.tables().update_table(removal).await.expect_err("protected"));
    assert_eq!(refused.reason, Reason::TableProtected);
    assert_eq!(refused.precondition.expect("one").subject, "k.t");
    let dropped = server.tables().drop_table(DropTableRequest { name: "k.t".into() }).await;
    assert_eq!(fault(dropped.expect_err("protected")).reason, Reason::TableProtected);
    assert_eq!(server.count().await, 3);
}

#[tokio::test]
async fn a_dropped_table_is_gone_and_its_name_is_free() {
    let server = start().await;
    let first = server.plain_table(1).await;
    let token = server.append(&[TestEvent::new("k", 1)]).await.resume_token;
    server.tables().drop_table(DropTableRequest { name: "k.t".into() }).await.expect("a drop");
    let got = server.tables().get_table(GetTableRequest { name: "k.t".into() }).await;
    assert_eq!(fault(got.expect_err("gone")).reason, Reason::TableNotFound);
    let second = server.plain_table(1).await;
    assert_ne!(first.table_id, second.table_id);
    let scan = annals_wire::v1::ScanRequest { as_of: token, ..scan_all() };
    assert_field(&server.scan_refused(scan).await, Reason::ForeignToken, "as_of");
}

#[tokio::test]
async fn partitions_are_looked_at_and_listed_by_key() {
    let server = start().await;
    server.plain_table(2).await;
    let events: Vec<_> =
        ["b", "a", "ab", "c", "ab"].iter().zip(1..).map(|(key, time)| TestEvent::new(*key, time)).collect();
    server.append(&events).await;
    let get = |key: &'static str| {
        let mut client = server.tables();
        let request = GetPartitionRequest { table: "k.t".into(), partition_key: key.into() };
        async move { client.get_partition(request).await }
    };
    let partition = get("ab").await.expect("a partition").into_inner().partition.expect("described");
    assert_eq!(
        (partition.event_count, partition.min_time_unix_nanos, partition.max_time_unix_nanos),
        (2, Some(3), Some(5))
    );
    assert_eq!(fault(get("x").await.expect_err("none")).reason, Reason::PartitionNotFound);
    assert_field(&fault(get("").await.expect_err("no key")), Reason::InvalidPartitionKey, "partition_key");
    let list = async |key_prefix: &'static str, page_token: Bytes| {
        let request =
            ListPartitionsRequest { table: "k.t".into(), key_prefix: key_prefix.into(), page_size: 3, page_token };
        let page = server.tables().list_partitions(request).await.expect("a list").into_inner();
        let keys: Vec<_> = page.partitions.into_iter().map(|one| one.partition_key).collect();
        (keys, page.next_page_token)
    };
    let (first, token) = list("", Bytes::new()).await;
    assert_eq!(first, ["a", "ab", "b"]);
    assert_eq!(list("", token).await, (vec![Bytes::from("c")], Bytes::new()));
    assert_eq!(list("a", Bytes::new()).await.0, ["a", "ab"]);
}

#[tokio::test]
async fn the_server_tells_its_limits() {
    let server = start().await;
    let info = server.servers().get_server_info(GetServerInfoRequest {}).await.expect("an answer").into_inner();
    let limits = info.limits.expect("limits");
    assert_eq!((limits.event_bytes_max, limits.request_bytes_max), (3 * 1024 * 1024, 16 * 1024 * 1024));
    assert_eq!((limits.event_columns_max, limits.table_columns_max, limits.shards_max), (1000, 10_000, 256));
    assert!(!info.version.is_empty() && !info.engine.is_empty() && info.server_time_unix_nanos > 0);
}
