//! `PlanScan`: the splits of a scan together return it, each event in one of them.

use annals_model::Reason;
use annals_server::Limits;
use annals_testkit::event::TestEvent;
use annals_wire::v1::{self, PlanScanRequest, PlanScanResponse, ScanRequest};
use bytes::Bytes;

use crate::harness::*;

async fn loaded(limits: Limits) -> Running {
    let server = start_with(limits).await;
    server.plain_table(2).await;
    let events: Vec<_> = (0..200).map(|time| TestEvent::new(format!("key-{}", time % 50), time)).collect();
    server.append(&events).await;
    server
}

async fn plan(server: &Running, scan: ScanRequest, max_splits: u32) -> PlanScanResponse {
    let request = PlanScanRequest { scan: Some(scan), max_splits };
    server.events().plan_scan(request).await.expect("a plan").into_inner()
}

async fn events_of_splits(server: &Running, plan: &PlanScanResponse) -> Vec<Bytes> {
    let mut all = Vec::new();
    for split in &plan.splits {
        all.extend(bytes_of(&events_of(&server.scan(split.scan.clone().expect("a scan")).await)));
    }
    all
}

fn keys(count: usize) -> Vec<Bytes> {
    (0..count).map(|index| format!("key-{index}").into()).collect()
}

#[tokio::test]
async fn the_splits_together_are_the_scan_at_the_plans_moment() {
    let server = loaded(Limits::default()).await;
    let slices = Some(v1::HashSlices { count: 5, indexes: vec![0, 2, 3] });
    let scans = [
        scan_all(),
        ScanRequest { hash_slices: slices, ..scan_all() },
        ScanRequest { partition_keys: keys(7), limit_per_partition: 2, ..scan_all() },
    ];
    for scan in scans {
        for max_splits in [1, 3, 8, 5000] {
            let expected = bytes_of(&events_of(&server.scan(scan.clone()).await));
            let plan = plan(&server, scan.clone(), max_splits).await;
            assert!(plan.splits.len() <= max_splits as usize);
            server.append(&[TestEvent::new("key-1", 1)]).await;
            assert_eq!(events_of_splits(&server, &plan).await, expected);
            let estimated: u64 = plan.splits.iter().map(|split| split.estimated_events).sum();
            assert!(estimated > 0);
        }
    }
}

#[tokio::test]
async fn the_server_chooses_the_number_of_splits_by_size() {
    let server = loaded(Limits { split_bytes: 1000, ..Limits::default() }).await;
    assert!(plan(&server, scan_all(), 0).await.splits.len() > 3);
    assert!(plan(&server, ScanRequest { partition_keys: keys(50), ..scan_all() }, 0).await.splits.len() > 3);
    let server = loaded(Limits::default()).await;
    assert_eq!(plan(&server, scan_all(), 0).await.splits.len(), 1);
}

#[tokio::test]
async fn what_belongs_to_one_reader_can_not_be_split() {
    let server = loaded(Limits::default()).await;
    let refused = async |scan: ScanRequest, field: &str| {
        let request = PlanScanRequest { scan: Some(scan), max_splits: 2 };
        let status = server.events().plan_scan(request).await.expect_err("refused");
        assert_field(&fault(status), Reason::InvalidRequest, field);
    };
    refused(ScanRequest { limit: 5, ..scan_all() }, "scan.limit").await;
    let page_token = server.scan(ScanRequest { limit: 5, ..scan_all() }).await[0].next_page_token.clone();
    refused(ScanRequest { page_token, ..scan_all() }, "scan.page_token").await;
}

#[tokio::test]
async fn a_plan_that_no_client_could_take_is_refused() {
    let server = loaded(Limits::default()).await;
    let columns = (0..100).map(|index| format!("{index:0>200}")).collect();
    let request = PlanScanRequest { scan: Some(ScanRequest { columns, ..scan_all() }), max_splits: 1000 };
    let status = server.events().plan_scan(request).await.expect_err("refused");
    assert_field(&fault(status), Reason::InvalidRequest, "max_splits");
}
