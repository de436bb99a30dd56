//! What is wrong with a request: its table, its size, its range, its shard; and with a table that is asked for.

use annals_testkit::calls;
use annals_testkit::event::{Cell, TestEvent};
use annals_wire::v1::{
    Column, ColumnType, CountRequest, CreateTableRequest, DropTableRequest, GetPartitionRequest, GetTableRequest,
    HashSlices, ListPartitionsRequest, PlanScanRequest, ScanRequest, Sharding, Table, TailRequest, TimeRange,
    UpdateTableRequest,
};
use bytes::Bytes;
use tonic::Code;

use crate::harness::{Bench, TABLE, assert_refused, good, scan_request, tail_request};

#[tokio::test]
async fn every_call_on_an_unknown_table_is_not_found() {
    let bench = Bench::start().await;
    let (mut events, mut tables) = (bench.events(), bench.tables());
    let name = || "errors.missing".to_owned();
    let scan = ScanRequest { table: name(), ..scan_request() };
    let (code, reason) = (Code::NotFound, "TABLE_NOT_FOUND");
    assert_refused(bench.append_request(calls::append_request(&name(), &[good()])).await, code, reason);
    assert_refused(bench.scan(scan.clone()).await, code, reason);
    assert_refused(bench.tail(TailRequest { table: name(), ..tail_request() }).await, code, reason);
    assert_refused(events.count(CountRequest { scan: Some(scan.clone()) }).await, code, reason);
    assert_refused(events.plan_scan(PlanScanRequest { scan: Some(scan), max_splits: 0 }).await, code, reason);
    assert_refused(tables.get_table(GetTableRequest { name: name() }).await, code, reason);
    assert_refused(tables.drop_table(DropTableRequest { name: name() }).await, code, reason);
    let update = UpdateTableRequest { name: name(), ..UpdateTableRequest::default() };
    assert_refused(tables.update_table(update).await, code, reason);
    let list = ListPartitionsRequest { table: name(), ..ListPartitionsRequest::default() };
    assert_refused(tables.list_partitions(list).await, code, reason);
    let get = GetPartitionRequest { table: name(), partition_key: Bytes::from_static(b"k") };
    assert_refused(tables.get_partition(get).await, code, reason);
    bench.assert_untouched().await;
    bench.stop().await;
}

#[tokio::test]
async fn what_is_no_table_name_is_refused_as_such() {
    let bench = Bench::start().await;
    for name in ["", "flights", ".t", "k.", "k t.t", "../x.t", "ü.t", &format!("k.{}", "t".repeat(250))] {
        let (code, reason) = (Code::InvalidArgument, "INVALID_TABLE_NAME");
        assert_refused(bench.append_request(calls::append_request(name, &[good()])).await, code, reason);
        assert_refused(bench.scan(ScanRequest { table: name.to_owned(), ..scan_request() }).await, code, reason);
        let table = Table { name: name.to_owned(), ..Table::default() };
        let create = CreateTableRequest { table: Some(table), if_not_exists: false };
        assert_refused(bench.tables().create_table(create).await, code, reason);
    }
    bench.stop().await;
}

#[tokio::test]
async fn an_append_of_no_events_is_refused() {
    let bench = Bench::start().await;
    assert_refused(bench.append(&[]).await, Code::InvalidArgument, "NO_EVENTS");
    bench.assert_untouched().await;
    bench.stop().await;
}

#[tokio::test]
async fn an_append_of_too_many_events_is_refused() {
    let bench = Bench::start().await;
    let event: Bytes = TestEvent::new("k", 1).encode().into();
    let answer = bench.append_bytes(vec![event; 100_001]).await;
    assert_refused(answer, Code::InvalidArgument, "TOO_MANY_EVENTS");
    bench.assert_untouched().await;
    bench.stop().await;
}

#[tokio::test]
async fn an_append_over_sixteen_mebibytes_is_refused() {
    let bench = Bench::start().await;
    let large: Bytes = TestEvent::new("k", 1).with("payload", Cell::Bytes(vec![7; 3_000_000])).encode().into();
    let status = bench.append_bytes(vec![large; 6]).await.expect_err("18 MB");
    // gRPC itself may refuse a message of that size before the service sees it; then there is no ErrorInfo.
    assert!(matches!(status.code(), Code::InvalidArgument | Code::OutOfRange | Code::ResourceExhausted), "{status:?}");
    bench.assert_untouched().await;
    bench.stop().await;
}

#[tokio::test]
async fn a_reversed_range_is_refused_and_an_empty_one_holds_nothing() {
    let bench = Bench::start().await;
    let range = |start, end| Some(TimeRange { start_unix_nanos: Some(start), end_unix_nanos: Some(end) });
    let reversed = ScanRequest { time_range: range(2, 1), ..scan_request() };
    let (code, reason) = (Code::InvalidArgument, "REVERSED_TIME_RANGE");
    assert_refused(bench.scan(reversed.clone()).await, code, reason);
    assert_refused(bench.events().count(CountRequest { scan: Some(reversed.clone()) }).await, code, reason);
    let plan = PlanScanRequest { scan: Some(reversed), max_splits: 4 };
    assert_refused(bench.events().plan_scan(plan).await, code, reason);
    let empty = bench.scan(ScanRequest { time_range: range(1, 1), ..scan_request() }).await.expect("an empty scan");
    assert!(!empty.is_empty() && empty.iter().all(|response| response.events.is_empty()), "one response, no events");
    bench.stop().await;
}

#[tokio::test]
async fn keys_and_slices_that_can_not_be_are_refused() {
    let bench = Bench::start().await;
    for key in [Bytes::new(), Bytes::from(vec![b'k'; 65_536])] {
        let (code, reason) = (Code::InvalidArgument, "INVALID_PARTITION_KEY");
        let keys = vec![Bytes::from_static(b"good"), key.clone()];
        assert_refused(bench.scan(ScanRequest { partition_keys: keys.clone(), ..scan_request() }).await, code, reason);
        assert_refused(bench.tail(TailRequest { partition_keys: keys, ..tail_request() }).await, code, reason);
        let get = GetPartitionRequest { table: TABLE.to_owned(), partition_key: key };
        assert_refused(bench.tables().get_partition(get).await, code, reason);
    }
    for (count, indexes) in [(0, vec![0]), (4, vec![]), (4, vec![4]), (65_537, vec![0])] {
        let (code, reason) = (Code::InvalidArgument, "INVALID_HASH_SLICES");
        let hash_slices = Some(HashSlices { count, indexes });
        let scan = ScanRequest { hash_slices: hash_slices.clone(), ..scan_request() };
        assert_refused(bench.scan(scan).await, code, reason);
        assert_refused(bench.tail(TailRequest { hash_slices, ..tail_request() }).await, code, reason);
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_tail_without_a_start_or_of_an_unknown_shard_is_refused() {
    let bench = Bench::start().await;
    let answer = bench.tail(TailRequest { start: None, ..tail_request() }).await;
    assert_refused(answer, Code::InvalidArgument, "INVALID_REQUEST");
    let answer = bench.tail(TailRequest { shards: vec![1], ..tail_request() }).await;
    assert_refused(answer, Code::InvalidArgument, "UNKNOWN_SHARD");
    bench.stop().await;
}

#[tokio::test]
async fn the_shard_is_named_with_explicit_sharding_and_only_then() {
    let bench = Bench::start().await;
    let named = calls::append_request(TABLE, &[good()]);
    let named = annals_wire::opaque::AppendRequest { shard: Some(0), ..named };
    assert_refused(bench.append_request(named).await, Code::InvalidArgument, "SHARD_NOT_ALLOWED");
    let table = Table {
        name: "errors.explicit".to_owned(),
        shard_count: 2,
        sharding: Sharding::Explicit.into(),
        ..Table::default()
    };
    let create = CreateTableRequest { table: Some(table), if_not_exists: false };
    bench.tables().create_table(create).await.expect("a table");
    let unnamed = calls::append_request("errors.explicit", &[good()]);
    assert_refused(bench.append_request(unnamed.clone()).await, Code::InvalidArgument, "SHARD_MISSING");
    let beyond = annals_wire::opaque::AppendRequest { shard: Some(2), ..unnamed };
    assert_refused(bench.append_request(beyond).await, Code::InvalidArgument, "UNKNOWN_SHARD");
    bench.assert_untouched().await;
    bench.stop().await;
}

#[tokio::test]
async fn a_table_is_made_once_and_agrees_or_is_refused() {
    let bench = Bench::start().await;
    let create = |shard_count, if_not_exists| {
        let table = Table { name: TABLE.to_owned(), shard_count, ..Table::default() };
        CreateTableRequest { table: Some(table), if_not_exists }
    };
    assert_refused(bench.tables().create_table(create(1, false)).await, Code::AlreadyExists, "TABLE_EXISTS");
    assert_refused(bench.tables().create_table(create(9, true)).await, Code::AlreadyExists, "TABLE_DIFFERS");
    bench.tables().create_table(create(1, true)).await.expect("the table that is there agrees");
    let answer = bench.tables().create_table(create(257, false)).await;
    assert_refused(answer, Code::InvalidArgument, "INVALID_REQUEST");
    bench.stop().await;
}

#[tokio::test]
async fn a_protected_table_and_a_columns_type_stay() {
    let bench = Bench::start().await;
    let update = UpdateTableRequest { name: TABLE.to_owned(), ..UpdateTableRequest::default() };
    let protect = UpdateTableRequest { deletion_protection: Some(true), ..update.clone() };
    bench.tables().update_table(protect).await.expect("an update");
    let answer = bench.tables().drop_table(DropTableRequest { name: TABLE.to_owned() }).await;
    assert_refused(answer, Code::FailedPrecondition, "TABLE_PROTECTED");
    let text = Column { name: "speed".to_owned(), r#type: ColumnType::String.into() };
    let retype = UpdateTableRequest { add_columns: vec![text], ..update };
    assert_refused(bench.tables().update_table(retype).await, Code::InvalidArgument, "COLUMN_TYPE_MISMATCH");
    bench.assert_untouched().await;
    bench.stop().await;
}

#[tokio::test]
async fn a_partition_without_events_is_not_found() {
    let bench = Bench::start().await;
    let get = GetPartitionRequest { table: TABLE.to_owned(), partition_key: Bytes::from_static(b"missing") };
    assert_refused(bench.tables().get_partition(get).await, Code::NotFound, "PARTITION_NOT_FOUND");
    bench.stop().await;
}
