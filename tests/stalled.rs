//! Readers that do not read: they neither lose their connection, nor miss an event, nor hold up those who append.

use annals_testkit::calls;
use annals_testkit::event::TestEvent;
use annals_testkit::plain::PlainSubject;
use annals_testkit::server::TestServer;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::opaque::{TailResponse, tail_response::Body};
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{StartPosition, TailRequest};
use tonic::Streaming;
use tonic::transport::Channel;

const TABLE: &str = "stalled.events";
/// On one connection: more unread frames than HTTP/2 libraries put up with, were each event a message of its own.
const READERS: usize = 64;
const APPENDS: i64 = 1_500;
const EVENTS_AN_APPEND: i64 = 4;

async fn tail(channel: &Channel) -> Streaming<TailResponse> {
    let start = Some(Start::Position(StartPosition::Latest.into()));
    let request = TailRequest { table: TABLE.to_owned(), start, ..TailRequest::default() };
    let mut client = EventServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let mut stream = client.tail(request).await.expect("a tail").into_inner();
    stream.message().await.expect("the first response").expect("it comes at once");
    stream
}

async fn read_all(reader: usize, mut stream: Streaming<TailResponse>) {
    let mut next = 1;
    while next <= APPENDS * EVENTS_AN_APPEND {
        let response = stream.message().await.unwrap_or_else(|status| panic!("reader {reader}: {status:?}"));
        if let Some(Body::Events(events)) = response.expect("a tail does not end by itself").body {
            for event in events.events {
                assert_eq!(event.sequence.cast_signed(), next, "reader {reader}: in order, without gap");
                next += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_stalled_readers_on_one_connection_miss_nothing_and_hold_up_nobody() {
    let server = TestServer::start(PlainSubject::default()).await;
    let (readers, writer) = (calls::connect(&server.uri()).await, calls::connect(&server.uri()).await);
    calls::create_table(&writer, TABLE, 1).await;
    let mut streams = Vec::new();
    for _ in 0..READERS {
        streams.push(tail(&readers).await);
    }
    // Live, one small append after another, while nobody reads.
    let mut client = EventServiceClient::new(writer.clone());
    for append in 0..APPENDS {
        let events: Vec<_> = (0..EVENTS_AN_APPEND).map(|index| TestEvent::new("k", append * 10 + index)).collect();
        client.append(calls::append_request(TABLE, &events)).await.expect("an append is not held up");
    }
    // All at once: they share the connection's window, so that one that is not read holds up the others.
    let reading: Vec<_> =
        streams.into_iter().enumerate().map(|(reader, stream)| tokio::spawn(read_all(reader, stream))).collect();
    for reader in reading {
        reader.await.expect("the reader got everything");
    }
    drop(client);
    server.stop().await;
}
