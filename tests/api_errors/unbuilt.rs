//! What this version does not do answers UNIMPLEMENTED with a message that says so, and does nothing else.

use annals_testkit::calls;
use annals_wire::opaque::AppendRequest;
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{
    AppendCondition, Checkpoint, OpenProducerRequest, ProducerStamp, ReplayPace, ScanRequest, TailRequest,
};
use tonic::Code;

use crate::harness::{Bench, TABLE, assert_refused, good, scan_request, tail_request};

#[tokio::test]
async fn conditions_producers_checkpoints_and_watermarks_are_unimplemented() {
    let bench = Bench::start().await;
    let append = calls::append_request(TABLE, &[good()]);
    let with = [
        AppendRequest { conditions: vec![AppendCondition::default()], ..append.clone() },
        AppendRequest { producer: Some(ProducerStamp::default()), ..append.clone() },
        AppendRequest { checkpoints: vec![Checkpoint::default()], ..append.clone() },
        AppendRequest { watermark_unix_nanos: Some(1), ..append },
    ];
    for request in with {
        assert_refused(bench.append_request(request).await, Code::Unimplemented, "NOT_SUPPORTED");
    }
    let open = OpenProducerRequest { table: TABLE.to_owned(), producer_id: "p".to_owned() };
    assert_refused(bench.events().open_producer(open).await, Code::Unimplemented, "NOT_SUPPORTED");
    bench.assert_untouched().await;
    bench.stop().await;
}

#[tokio::test]
async fn filters_paces_and_starting_by_consumer_are_unimplemented() {
    let bench = Bench::start().await;
    let filter = || "columns[\"speed\"] > 1.0".to_owned();
    let scan = ScanRequest { filter: filter(), ..scan_request() };
    assert_refused(bench.scan(scan).await, Code::Unimplemented, "NOT_SUPPORTED");
    let tails = [
        TailRequest { filter: filter(), ..tail_request() },
        TailRequest { pace: Some(ReplayPace::default()), ..tail_request() },
        TailRequest { start: Some(Start::Consumer("c".to_owned())), ..tail_request() },
    ];
    for tail in tails {
        assert_refused(bench.tail(tail).await, Code::Unimplemented, "NOT_SUPPORTED");
    }
    bench.stop().await;
}
