//! Scans, counts and plans.

use annals_model::{HashSlices, Reason};
use annals_service::{AskedSlices, PlanRequest, ScanRequest, SplitPart};
use bytes::Bytes;

use crate::harness::*;

#[tokio::test]
async fn pages_go_on_from_a_token_as_of_the_moment_of_the_first() {
    let bench = Bench::start(2).await;
    bench.append(&events("k", 0..10)).await;
    let first = bench.scan(ScanRequest { limit: Some(4), ..ScanRequest::of(TABLE) }).await;
    assert_eq!(first.len(), 1);
    bench.append(&events("k", 100..110)).await;
    let page_token = first[0].next_page_token.clone();
    let rest = bench.scan(ScanRequest { page_token, ..ScanRequest::of(TABLE) }).await;
    let rest: Vec<_> = rest.iter().flat_map(|page| times(&page.events)).collect();
    assert_eq!((times(&first[0].events), rest), ((0..4).collect(), (4..10).collect()));
}

#[tokio::test]
async fn what_is_wrong_with_a_scan_is_named_by_its_field() {
    let bench = Bench::start(1).await;
    let refused = |request| bench.service.scan(&bench.caller, request).err().expect("refused");
    let keys = |keys: &[&'static str]| keys.iter().map(|key| Bytes::from_static(key.as_bytes())).collect();
    let many = ScanRequest { partition_keys: keys(&["a", "b", "c", "d"]), ..ScanRequest::of(TABLE) };
    assert_field(&refused(many), Reason::InvalidRequest, "partition_keys");
    let empty = ScanRequest { partition_keys: keys(&["a", ""]), ..ScanRequest::of(TABLE) };
    assert_field(&refused(empty), Reason::InvalidPartitionKey, "partition_keys[1]");
    let slices = AskedSlices { count: 2, indexes: vec![2] };
    let outside = ScanRequest { hash_slices: Some(slices), ..ScanRequest::of(TABLE) };
    assert_field(&refused(outside), Reason::InvalidHashSlices, "hash_slices");
    let filtered = ScanRequest { filter: "true".to_owned(), ..ScanRequest::of(TABLE) };
    assert_field(&refused(filtered), Reason::NotSupported, "filter");
    let columns = vec!["c".to_owned(), String::new()];
    assert_field(&refused(ScanRequest { columns, ..ScanRequest::of(TABLE) }), Reason::InvalidRequest, "columns[1]");
    assert_eq!(refused(ScanRequest::of("nodot")).reason, Reason::InvalidTableName);
}

#[tokio::test]
async fn the_parts_of_a_plan_hold_what_the_scan_holds() {
    let bench = Bench::start(2).await;
    for key in ["a", "b", "c", "d", "e"] {
        bench.append(&events(key, 0..5)).await;
    }
    let plan = |scan| PlanRequest { scan, max_splits: 3 };
    let planned = bench.service.plan_scan(&bench.caller, plan(ScanRequest::of(TABLE))).await.expect("a plan");
    bench.append(&events("late", 0..5)).await;
    let mut counted = 0;
    for split in planned.splits {
        let SplitPart::Slices(slices) = split.part else { panic!("{split:?}") };
        let hash_slices = Some(asked(&slices));
        let scan = ScanRequest { hash_slices, as_of: planned.resume_token.clone(), ..ScanRequest::of(TABLE) };
        counted += bench.service.count(&bench.caller, scan).await.expect("a count").events;
    }
    assert_eq!(counted, 25);
    let partition_keys = ["a", "b", "c"].map(|key| Bytes::from_static(key.as_bytes())).to_vec();
    let planned = plan(ScanRequest { partition_keys, ..ScanRequest::of(TABLE) });
    let planned = bench.service.plan_scan(&bench.caller, planned).await.expect("a plan");
    let parts: Vec<_> = planned.splits.into_iter().map(|split| split.part).collect();
    assert_eq!(parts, [SplitPart::Keys(0..1), SplitPart::Keys(1..2), SplitPart::Keys(2..3)]);
    let limited = plan(ScanRequest { limit: Some(1), ..ScanRequest::of(TABLE) });
    let refused = bench.service.plan_scan(&bench.caller, limited).await.expect_err("it belongs to one reader");
    assert_field(&refused, Reason::InvalidRequest, "scan.limit");
}

fn asked(slices: &HashSlices) -> AskedSlices {
    AskedSlices { count: slices.count(), indexes: slices.indexes().to_vec() }
}
