//! `Scan` and `Count`: time order within partitions, one moment for all pages, and every wrong token refused.

use annals_model::Reason;
use annals_server::Limits;
use annals_testkit::event::{Cell, TestEvent};
use annals_wire::v1::{self, Event, ScanRequest};
use bytes::Bytes;
use prost::Message;

use crate::harness::*;

fn event(key: &str, time: i64) -> TestEvent {
    TestEvent::new(key, time).with("a", Cell::Int(time)).with("b", Cell::Text(key.into()))
}

/// Keys and times of a scan.
async fn places(server: &Running, request: ScanRequest) -> Vec<(String, i64)> {
    let place = |stored: Bytes| {
        let event = Event::decode(stored).expect("an event");
        (String::from_utf8(event.partition_key.to_vec()).expect("text"), event.time_unix_nanos.expect("a time"))
    };
    bytes_of(&events_of(&server.scan(request).await)).into_iter().map(place).collect()
}

fn of(key: &str, times: &[i64]) -> Vec<(String, i64)> {
    times.iter().map(|time| (key.to_owned(), *time)).collect()
}

fn range(start: Option<i64>, end: Option<i64>) -> v1::TimeRange {
    v1::TimeRange { start_unix_nanos: start, end_unix_nanos: end }
}

#[tokio::test]
async fn a_scan_returns_partitions_in_time_order_within_its_range() {
    let server = start().await;
    server.plain_table(1).await;
    server.append(&[event("x", 5), event("x", 1), event("y", 4), event("x", 3), event("y", 2)]).await;
    let keys = vec![Bytes::from("y"), Bytes::from("x")];
    let named = ScanRequest { partition_keys: keys, ..scan_all() };
    assert_eq!(places(&server, named.clone()).await, [of("y", &[2, 4]), of("x", &[1, 3, 5])].concat());
    let ranged = ScanRequest { time_range: Some(range(Some(2), Some(5))), ..named.clone() };
    assert_eq!(places(&server, ranged).await, [of("y", &[2, 4]), of("x", &[3])].concat());
    let latest = ScanRequest { direction: v1::Direction::Descending.into(), limit_per_partition: 1, ..named.clone() };
    assert_eq!(places(&server, latest).await, [of("y", &[4]), of("x", &[5])].concat());
    let limited = ScanRequest { limit: 3, ..named };
    assert_eq!(places(&server, limited).await, [of("y", &[2, 4]), of("x", &[1])].concat());
}

#[tokio::test]
async fn a_scan_of_nothing_answers_once_with_a_token() {
    let server = start().await;
    server.plain_table(1).await;
    let pages = server.scan(scan_all()).await;
    let [page] = &pages[..] else { panic!("one page") };
    assert!(page.events.is_empty() && page.next_page_token.is_empty() && !page.resume_token.is_empty());
}

#[tokio::test]
async fn pages_go_on_where_the_last_stopped_and_read_one_moment() {
    let server = start().await;
    server.plain_table(2).await;
    let events: Vec<_> =
        (0..50).map(|time| event(["p", "q", "r"][usize::try_from(time % 3).expect("small")], time)).collect();
    server.append(&events).await;
    let whole = places(&server, scan_all()).await;
    let mut paged = Vec::new();
    let mut page_token = Bytes::new();
    loop {
        let pages = server.scan(ScanRequest { limit: 7, page_token, ..scan_all() }).await;
        paged.extend(bytes_of(&events_of(&pages)));
        page_token = pages.last().expect("a page").next_page_token.clone();
        server.append(&[event("p", -1)]).await;
        if page_token.is_empty() {
            break;
        }
    }
    let times: Vec<_> =
        paged.into_iter().map(|stored| Event::decode(stored).expect("an event").time_unix_nanos).collect();
    let expected: Vec<_> = whole.into_iter().map(|(_, time)| Some(time)).collect();
    assert_eq!(times, expected);
}

#[tokio::test]
async fn large_scans_come_in_messages_of_bounded_size() {
    let server = start_with(Limits { response_bytes_target: 65_536, ..Limits::default() }).await;
    server.plain_table(1).await;
    let events: Vec<_> = (0..100).map(|time| event("k", time).with("c", Cell::Bytes(vec![1; 10_000]))).collect();
    server.append(&events).await;
    let pages = server.scan(scan_all()).await;
    assert!(pages.len() >= 15, "{} pages", pages.len());
    assert!(pages.iter().all(|page| page.encoded_len() < 70_000));
    assert_eq!(bytes_of(&events_of(&pages)), events.iter().map(TestEvent::encode).collect::<Vec<_>>());
    let with_tokens: Vec<_> = (0..pages.len()).filter(|index| !pages[*index].resume_token.is_empty()).collect();
    assert_eq!(with_tokens, [0, pages.len() - 1]);
}

#[tokio::test]
async fn columns_are_cut_to_those_asked_for() {
    let server = start().await;
    server.plain_table(1).await;
    server.append(&[event("k", 1)]).await;
    let pages = server.scan(ScanRequest { columns: vec!["b".into(), "none".into()], ..scan_all() }).await;
    let cut = Event::decode(events_of(&pages).remove(0).event).expect("an event");
    assert_eq!(cut.columns.keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!((cut.time_unix_nanos, cut.event_id.len()), (Some(1), 16));
    let unnamed = ScanRequest { columns: vec![String::new()], ..scan_all() };
    assert_field(&server.scan_refused(unnamed).await, Reason::InvalidRequest, "columns[0]");
}

#[tokio::test]
async fn slices_share_the_table_among_scans() {
    let server = start().await;
    server.plain_table(1).await;
    let events: Vec<_> = (0..60).map(|time| event(&format!("key-{time}"), time)).collect();
    server.append(&events).await;
    let mut all = Vec::new();
    for index in 0..4 {
        let hash_slices = Some(v1::HashSlices { count: 4, indexes: vec![index] });
        all.extend(places(&server, ScanRequest { hash_slices, ..scan_all() }).await);
    }
    assert_eq!(all, places(&server, scan_all()).await);
}

#[tokio::test]
async fn a_count_is_what_the_scan_returns() {
    let server = start().await;
    server.plain_table(1).await;
    let events: Vec<_> =
        (0..30).map(|time| event(["p", "q"][usize::try_from(time % 2).expect("small")], time)).collect();
    server.append(&events).await;
    let cases = [
        scan_all(),
        ScanRequest { time_range: Some(range(Some(3), Some(11))), ..scan_all() },
        ScanRequest { limit_per_partition: 4, ..scan_all() },
        ScanRequest { limit: 9, ..scan_all() },
        ScanRequest { limit: 20, ..scan_all() },
    ];
    for scan in cases {
        let scanned = places(&server, scan.clone()).await;
        let partitions = scanned.iter().map(|(key, _)| key).collect::<std::collections::HashSet<_>>().len();
        let request = v1::CountRequest { scan: Some(scan) };
        let counted = server.events().count(request).await.expect("a count").into_inner();
        assert_eq!((counted.events, counted.partitions), (scanned.len() as u64, partitions as u64));
    }
}

#[tokio::test]
async fn requests_that_can_not_be_scanned_say_why() {
    let server = start_with(Limits { keys_max: 2, ..Limits::default() }).await;
    server.plain_table(1).await;
    let refused = async |request: ScanRequest, reason: Reason, field: &str| {
        assert_field(&server.scan_refused(request).await, reason, field);
    };
    let unknown = ScanRequest { table: "k.other".into(), ..scan_all() };
    assert_eq!(server.scan_refused(unknown).await.reason, Reason::TableNotFound);
    let reversed = ScanRequest { time_range: Some(range(Some(5), Some(4))), ..scan_all() };
    refused(reversed, Reason::ReversedTimeRange, "time_range").await;
    let empty_key = ScanRequest { partition_keys: vec!["k".into(), Bytes::new()], ..scan_all() };
    refused(empty_key, Reason::InvalidPartitionKey, "partition_keys[1]").await;
    let long_key = ScanRequest { partition_keys: vec![Bytes::from(vec![1; 65_536])], ..scan_all() };
    refused(long_key, Reason::InvalidPartitionKey, "partition_keys[0]").await;
    let keys = ScanRequest { partition_keys: vec!["k".into(); 3], ..scan_all() };
    refused(keys, Reason::InvalidRequest, "partition_keys").await;
    for (count, indexes) in [(0, vec![0]), (4, vec![]), (4, vec![4]), (65_537, vec![0])] {
        let slices = ScanRequest { hash_slices: Some(v1::HashSlices { count, indexes }), ..scan_all() };
        refused(slices, Reason::InvalidHashSlices, "hash_slices").await;
    }
    let both = ScanRequest {
        partition_keys: vec!["k".into()],
        hash_slices: Some(v1::HashSlices { count: 1, indexes: vec![0] }),
        ..scan_all()
    };
    refused(both, Reason::InvalidRequest, "hash_slices").await;
    refused(ScanRequest { direction: 9, ..scan_all() }, Reason::InvalidRequest, "direction").await;
    refused(ScanRequest { filter: "true".into(), ..scan_all() }, Reason::NotSupported, "filter").await;
}

#[tokio::test]
async fn tokens_that_do_not_fit_are_refused() {
    let server = start().await;
    server.plain_table(1).await;
    server.table(v1::Table { name: "k.other".into(), ..v1::Table::default() }).await;
    server.append(&[event("p", 1), event("p", 2), event("q", 1)]).await;
    let pages = server.scan(ScanRequest { limit: 1, ..scan_all() }).await;
    let (page_token, resume_token) = (pages[0].next_page_token.clone(), pages[0].resume_token.clone());
    let refused = async |request: ScanRequest, reason: Reason, field: &str| {
        assert_field(&server.scan_refused(request).await, reason, field);
    };
    let garbled: Bytes = [&page_token[..page_token.len() - 1], b"?"].concat().into();
    refused(ScanRequest { page_token: garbled, ..scan_all() }, Reason::MalformedToken, "page_token").await;
    refused(ScanRequest { page_token: resume_token.clone(), ..scan_all() }, Reason::MalformedToken, "page_token").await;
    let changed = [
        ScanRequest { direction: v1::Direction::Descending.into(), ..scan_all() },
        ScanRequest { time_range: Some(range(Some(0), None)), ..scan_all() },
        ScanRequest { columns: vec!["a".into()], ..scan_all() },
        ScanRequest { limit_per_partition: 5, ..scan_all() },
        ScanRequest { partition_keys: vec!["p".into()], ..scan_all() },
        ScanRequest { hash_slices: Some(v1::HashSlices { count: 2, indexes: vec![0, 1] }), ..scan_all() },
        ScanRequest { as_of: resume_token.clone(), ..scan_all() },
    ];
    for scan in changed {
        refused(ScanRequest { page_token: page_token.clone(), ..scan }, Reason::ScanChanged, "page_token").await;
    }
    let other = ScanRequest { table: "k.other".into(), ..scan_all() };
    refused(ScanRequest { page_token: page_token.clone(), ..other.clone() }, Reason::ForeignToken, "page_token").await;
    refused(ScanRequest { as_of: resume_token, ..other }, Reason::ForeignToken, "as_of").await;
    refused(ScanRequest { as_of: "nonsense".into(), ..scan_all() }, Reason::MalformedToken, "as_of").await;
    let goes_on = ScanRequest { page_token, limit: 50, direction: v1::Direction::Ascending.into(), ..scan_all() };
    assert_eq!(events_of(&server.scan(goes_on).await).len(), 2);
}
