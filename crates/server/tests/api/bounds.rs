//! The bounds around calls: connections, silence, what is no call, health and reflection.

use annals_model::Reason;
use annals_server::{Config, Limits, Period, Server};
use annals_testkit::event::{Cell, TestEvent};
use annals_testkit::plain::PlainSubject;
use annals_testkit::subject::Subject;
use annals_wire::opaque::AppendSessionRequest;
use annals_wire::v1::server_service_client::ServerServiceClient;
use annals_wire::v1::{GetServerInfoRequest, TailRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::harness::*;

/// Reads until the server closes.
async fn closed(mut stream: TcpStream) {
    let ended = async { while !matches!(stream.read(&mut [0; 1024]).await, Ok(0) | Err(_)) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("closed in time");
}

#[tokio::test]
async fn a_silent_connection_and_one_that_speaks_something_else_are_closed() {
    let server = start_with(Limits { handshake_time_max: Period::seconds(1), ..Limits::default() }).await;
    closed(TcpStream::connect(server.address).await.expect("a connection")).await;
    let mut other = TcpStream::connect(server.address).await.expect("a connection");
    other.write_all(b"GET / HTTP/1.1\r\nhost: annals\r\n\r\n").await.expect("sent");
    closed(other).await;
    server.servers().get_server_info(GetServerInfoRequest {}).await.expect("others are served");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_with_a_tail_is_not() {
    let second = Period::seconds(1);
    let limits = Limits { idle_time_max: second, keep_alive_time_max: second, ..Limits::default() };
    let server = start_with(limits).await;
    server.plain_table(1).await;
    let mut tail = server.tail(tail_from(latest())).await;
    let mut idle = TcpStream::connect(server.address).await.expect("a connection");
    idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00").await.expect("sent");
    closed(idle).await;
    next(&mut tail).await.expect("alive");
    server.append(&[TestEvent::new("k", 1)]).await;
    next(&mut tail).await.expect("alive");
}

#[tokio::test]
async fn connections_past_the_limit_are_closed_and_a_place_is_free_again() {
    let server = start_with(Limits { connections_max: 2, ..Limits::default() }).await;
    let second = TcpStream::connect(server.address).await.expect("a connection");
    closed(TcpStream::connect(server.address).await.expect("a connection")).await;
    drop(second);
    let served = async {
        loop {
            let endpoint =
                tonic::transport::Endpoint::from_shared(format!("http://{}", server.address)).expect("a URI");
            if let Ok(channel) = endpoint.connect().await
                && ServerServiceClient::new(channel).get_server_info(GetServerInfoRequest {}).await.is_ok()
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, served).await.expect("served in time");
}

#[tokio::test]
async fn listening_to_everybody_takes_a_word() {
    let engine = PlainSubject::default().open().await;
    let mut config = Config::default();
    config.server.listen = ([0, 0, 0, 0], 0).into();
    let refused = Server::bind(config.clone(), engine.clone()).expect_err("refused").to_string();
    assert!(refused.contains("--insecure"), "{refused}");
    config.server.insecure = true;
    Server::bind(config, engine).expect("the word was said");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let server = start().await;
    let mut config = Config::default();
    config.server.listen = server.address;
    let refused = Server::bind(config, server.engine.clone()).expect_err("taken").to_string();
    assert!(refused.contains(&server.address.to_string()), "{refused}");
}

#[tokio::test]
async fn what_is_no_message_is_refused_with_a_reason() {
    let server = start().await;
    let mut client = tonic::client::Grpc::new(server.channel.clone());
    client.ready().await.expect("connected");
    // A number where the table's name is text.
    let path = PathAndQuery::from_static("/annals.v1.EventService/Append");
    let codec = tonic_prost::ProstCodec::<prost_types::Duration, prost_types::Duration>::default();
    let message = prost_types::Duration { seconds: 1, nanos: 0 };
    let refused = client.unary(tonic::Request::new(message), path, codec).await.expect_err("refused");
    assert_eq!(fault(refused).reason, Reason::MalformedRequest);
}

#[tokio::test]
async fn a_stalled_reader_of_small_events_keeps_its_connection() {
    let server = start_with(Limits { response_events_max: 1, ..Limits::default() }).await;
    server.plain_table(1).await;
    let events: Vec<_> = (0..5000).map(|time| TestEvent::new("k", time)).collect();
    server.append(&events).await;
    let mut stalled = server.tail(annals_wire::v1::TailRequest { stop_at_head: true, ..tail_from(earliest()) }).await;
    next(&mut stalled).await.expect("the first");
    for _ in 0..20 {
        server.append(&events[..10]).await;
    }
    assert!(collect(stalled).await.len() >= 4999);
}

#[tokio::test]
async fn what_is_being_received_is_bounded_and_others_are_told_to_wait() {
    let server = start_with(Limits { receiving_bytes_max: 1_000_000, ..Limits::default() }).await;
    server.plain_table(1).await;
    let of_bytes = |bytes| request(&[TestEvent::new("k", 1).with("c", Cell::Bytes(vec![1; bytes]))]);
    let refused = server.append_refused(of_bytes(1_200_000)).await;
    assert_eq!(refused.reason, Reason::Overloaded);
    assert!(refused.retry_after.is_some());
    for _ in 0..5 {
        server.events().append(of_bytes(700_000)).await.expect("the room is given back");
    }
}

#[tokio::test]
async fn a_request_past_the_configured_size_is_refused_and_clients_are_told_the_size() {
    let server = start_with(Limits { request_bytes_max: 65_536, ..Limits::default() }).await;
    server.plain_table(1).await;
    let of_bytes = |bytes| request(&[TestEvent::new("k", 1).with("c", Cell::Bytes(vec![1; bytes]))]);
    assert_eq!(server.append_refused(of_bytes(66_000)).await.reason, Reason::RequestTooLarge);
    server.events().append(of_bytes(65_000)).await.expect("it is small enough");
    let info = server.servers().get_server_info(GetServerInfoRequest {}).await.expect("the limits").into_inner();
    assert_eq!(info.limits.expect("the limits").request_bytes_max, 65_536);
}

#[tokio::test]
async fn what_a_tail_follows_takes_room_until_it_ends() {
    let server = start_with(Limits { receiving_bytes_max: 1_000_000, ..Limits::default() }).await;
    server.plain_table(1).await;
    let partition_keys = (0..20_u8).map(|key| vec![key; 30_000].into()).collect();
    let tail = server.tail(TailRequest { partition_keys, ..tail_from(latest()) }).await;
    let large = || request(&[TestEvent::new("k", 1).with("c", Cell::Bytes(vec![1; 600_000]))]);
    assert_eq!(server.append_refused(large()).await.reason, Reason::Overloaded);
    drop(tail);
    let taken = async { while server.events().append(large()).await.is_err() {} };
    tokio::time::timeout(PATIENCE, taken).await.expect("the room is given back");
}

#[tokio::test]
async fn sessions_wait_where_there_is_no_room_and_take_it_as_they_are_answered() {
    let server = start_with(Limits { receiving_bytes_max: 1_000_000, ..Limits::default() }).await;
    server.plain_table(1).await;
    let large = request(&[TestEvent::new("k", 1).with("c", Cell::Bytes(vec![1; 400_000]))]);
    let requests = vec![AppendSessionRequest { append: Some(large.clone()) }; 20];
    let answers = server.events().append_session(tokio_stream::iter(requests)).await.expect("a session");
    assert_eq!(collect(answers.into_inner()).await.len(), 20);
    assert_eq!(server.count().await, 20);
    server.events().append(large).await.expect("the room is given back");
}

#[tokio::test]
async fn calls_past_the_limit_of_a_connection_wait_until_one_ends() {
    let server = start_with(Limits { connection_calls_max: 2, ..Limits::default() }).await;
    let other = connect(server.address).await;
    server.plain_table(1).await;
    let first = server.tail(tail_from(latest())).await;
    let _second = server.tail(tail_from(latest())).await;
    let mut events = server.events();
    let third = tokio::spawn(async move { events.tail(tail_from(latest())).await });
    ServerServiceClient::new(other).get_server_info(GetServerInfoRequest {}).await.expect("others are served");
    assert!(!third.is_finished());
    drop(first);
    let third = tokio::time::timeout(PATIENCE, third).await.expect("its turn comes").expect("no panic");
    next(&mut third.expect("a tail").into_inner()).await.expect("it is served");
}

#[tokio::test]
async fn sessions_past_the_limit_are_refused_and_a_place_is_free_again() {
    let server = start_with(Limits { sessions_max: 1, ..Limits::default() }).await;
    let open = || {
        let (sender, receiver) = tokio::sync::mpsc::channel::<AppendSessionRequest>(1);
        let mut client = server.events();
        async move { client.append_session(ReceiverStream::new(receiver)).await.map(|answers| (sender, answers)) }
    };
    let first = open().await.expect("a place");
    assert_eq!(fault(open().await.expect_err("full")).reason, Reason::Overloaded);
    drop(first);
    let given_up = async { while open().await.is_err() {} };
    tokio::time::timeout(PATIENCE, given_up).await.expect("the place is free again");
}

#[tokio::test]
async fn health_and_reflection_answer() {
    let server = start().await;
    for service in ["", "annals.v1.EventService"] {
        let request = HealthCheckRequest { service: service.into() };
        let health = HealthClient::new(server.channel.clone()).check(request).await.expect("health").into_inner();
        assert_eq!(health.status(), ServingStatus::Serving);
    }
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(server.channel.clone());
    let answers = client.server_reflection_info(tokio_stream::iter([request])).await.expect("reflection");
    let answer = collect(answers.into_inner()).await.remove(0).message_response.expect("an answer");
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"annals.v1.EventService".to_owned()), "{names:?}");
}
