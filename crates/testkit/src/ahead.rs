//! A client whose append sessions share a connection and send as far ahead as HTTP/2 lets them.
//!
//! It speaks HTTP/2 by itself, so that each request is a frame of its own and nothing but the windows holds it back.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use annals_wire::opaque::{AppendRequest, AppendSessionRequest};
use annals_wire::v1::append_session_response::Result as Outcome;
use annals_wire::v1::{AppendResponse, AppendSessionResponse};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, SendStream};
use http::Request;
use prost::Message;
use tokio::net::TcpStream;

/// Bytes before each message of gRPC: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;
/// How often the server answers a ping before nothing more is taken to come of it.
const PINGS: usize = 50;

/// A connection, and how many requests were sent on it.
#[derive(Debug)]
pub struct AheadClient {
    sender: SendRequest<Bytes>,
    pings: PingPong,
    sent: Arc<AtomicUsize>,
}

/// The half of a session that sends.
#[derive(Debug)]
pub struct Requests {
    stream: SendStream<Bytes>,
    sent: Arc<AtomicUsize>,
}

/// The half of a session that is answered.
#[derive(Debug)]
pub struct Answers(ResponseFuture);

impl AheadClient {
    /// Connects, and lets the server send so many bytes of answers ahead in each session.
    ///
    /// # Panics
    /// When no server listens.
    pub async fn connect(address: SocketAddr, answer_bytes: u32) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let mut builder = Builder::new();
        builder.initial_window_size(answer_bytes).initial_connection_window_size(1 << 26);
        let (sender, mut connection) = builder.handshake(stream).await.expect("a connection");
        let pings = connection.ping_pong().expect("the first who asks");
        tokio::spawn(connection);
        Self { sender, pings, sent: Arc::new(AtomicUsize::new(0)) }
    }

    /// Opens a session.
    ///
    /// # Panics
    /// When the server takes no more.
    pub async fn open(&self) -> (Requests, Answers) {
        let request = Request::post("http://localhost/annals.v1.EventService/AppendSession");
        let request = request.header("content-type", "application/grpc").header("te", "trailers");
        let mut sender = self.sender.clone().ready().await.expect("room for a session");
        let (response, stream) = sender.send_request(request.body(()).expect("a request"), false).expect("a session");
        (Requests { stream, sent: Arc::clone(&self.sent) }, Answers(response))
    }

    /// Waits until the server has read all that came and gives no room for more, and tells how many requests were sent.
    ///
    /// # Panics
    /// When the connection is lost.
    pub async fn settle(&mut self) -> usize {
        let (mut last, mut unchanged) = (0, 0);
        while unchanged < PINGS {
            self.pings.ping(Ping::opaque()).await.unwrap_or_else(|error| panic!("the connection is lost: {error}"));
            let now = self.sent.load(Ordering::Relaxed);
            unchanged = if now == last { unchanged + 1 } else { 0 };
            last = now;
        }
        last
    }
}

impl Requests {
    /// Sends `message` so many times, each time as soon as the windows have room for it, and ends the session; or stops
    /// once the connection is lost: who reads the answers is told why.
    pub async fn send(mut self, message: Bytes, count: usize) {
        for _ in 0..count {
            self.stream.reserve_capacity(message.len());
            while self.stream.capacity() < message.len() {
                let Some(Ok(_)) = poll_fn(|context| self.stream.poll_capacity(context)).await else { return };
            }
            if self.stream.send_data(message.clone(), false).is_err() {
                return;
            }
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
        // A connection that is lost now is told of by the answers too.
        let _ = self.stream.send_data(Bytes::new(), true);
    }
}

impl Answers {
    /// All answers, in their order.
    ///
    /// # Panics
    /// When the connection is lost, or a request or the session is refused.
    pub async fn receive(self) -> Vec<AppendResponse> {
        let response = self.0.await.unwrap_or_else(|error| panic!("the connection is lost: {error}"));
        let mut body = response.into_body();
        let (mut bytes, mut answers) = (BytesMut::new(), Vec::new());
        while let Some(data) = body.data().await {
            let data = data.unwrap_or_else(|error| panic!("lost after {} answers: {error}", answers.len()));
            body.flow_control().release_capacity(data.len()).expect("it was taken");
            bytes.extend_from_slice(&data);
            while let Some(answer) = next_message(&mut bytes) {
                match AppendSessionResponse::decode(answer).expect("an answer").result {
                    Some(Outcome::Appended(appended)) => answers.push(appended),
                    other => panic!("after {} answers: {other:?}", answers.len()),
                }
            }
        }
        let trailers = body.trailers().await.expect("an end").expect("a status");
        assert_eq!(trailers["grpc-status"], "0", "{trailers:?}");
        answers
    }
}

/// A session's request as it is sent.
///
/// # Panics
/// When it is larger than a message may be.
pub fn session_message(append: AppendRequest) -> Bytes {
    let request = AppendSessionRequest { append: Some(append) };
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(request.encoded_len()).expect("a small message"));
    request.encode(&mut bytes).expect("room grows");
    bytes.freeze()
}

fn next_message(bytes: &mut BytesMut) -> Option<Bytes> {
    let length = bytes.get(1..PREFIX_BYTES)?.get_u32() as usize;
    let end = PREFIX_BYTES + length;
    (bytes.len() >= end).then(|| bytes.split_to(end).split_off(PREFIX_BYTES).freeze())
}
