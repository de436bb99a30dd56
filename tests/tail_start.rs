//! Where a tail starts is known without a look at what is stored.

use std::sync::Arc;

use annals_embedded::EmbeddedEngine;
use annals_engine::Engine;
use annals_model::StoredEvent;
use annals_service::{Caller, EncodedPage, Limits, Service, Stop, TailRequest, TailStart};
use annals_testkit::disk::{MemoryDisk, Operation};
use annals_testkit::generator::{Generator, Shape};
use annals_testkit::oracle::Oracle;
use annals_testkit::tiny_store::options;
use annals_testkit::trial::{Tracked, definition};

/// Pages of which only the number of events is of interest.
#[derive(Clone, Debug)]
struct Counted(usize);

impl EncodedPage for Counted {
    fn encode(events: &[StoredEvent]) -> Self {
        Self(events.len())
    }

    fn byte_count(&self) -> usize {
        self.0
    }
}

fn limits() -> Limits {
    Limits {
        request_bytes_max: 1 << 20,
        receiving_bytes_max: 1 << 20,
        sessions_max: 1,
        send_buffer_bytes_max: 1 << 16,
        sending_bytes_max: 1 << 20,
        session_bytes_max: 1 << 20,
        session_requests_max: 1,
        response_bytes_target: 1 << 16,
        response_events_max: 100,
        keys_max: 1,
        tails_max: 10,
        tail_behind_events: 1_000,
        live_pages_bytes_max: 1 << 20,
        splits_max: 1,
        split_bytes: 1 << 20,
        page_entries_max: 1,
    }
}

#[tokio::test]
async fn opening_a_tail_from_the_earliest_event_reads_nothing_from_the_disk() {
    let disk = MemoryDisk::new();
    let engine = EmbeddedEngine::open(options(&disk)).expect("the store opens");
    let table = engine.create_table(definition("t", 2), Vec::new()).await.expect("a new table");
    let mut tracked = Tracked { oracle: Oracle::new(table.definition.shard_count), table };
    tracked.append(&engine, &Generator::new(7, Shape::default()).events(200)).await.expect("an append");
    engine.settle().await.expect("memory is flushed");
    engine.close().expect("closed");

    let engine = Arc::new(EmbeddedEngine::open(options(&disk)).expect("the store opens"));
    let reads = || disk.calls().of(Operation::Read);
    let (_stopper, stop) = Stop::new();
    let service = Service::new(Arc::clone(&engine), limits(), stop);
    let pages = service.live_pages::<Counted>();
    let before = reads();
    let name = tracked.table.definition.name.to_string();
    for start in [TailStart::Earliest, TailStart::Sequences(vec![(0, 1)]), TailStart::Latest] {
        let request = TailRequest::of(name.clone(), start);
        drop(service.tail(&Caller::local(), request, &pages).await.expect("a tail"));
    }
    assert_eq!(reads(), before, "a start is known from memory");
    engine.table_stats(tracked.table.id).await.expect("statistics");
    assert!(reads() > before, "the count of a store that was just opened would have read");
}
