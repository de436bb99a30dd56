//! HTTP/2 by hand, over a plain socket: for clients that do what no library lets them do.

use std::net::SocketAddr;
use std::time::Duration;

use annals_wire::v1::TailRequest;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const TAIL: &str = "/annals.v1.EventService/Tail";
/// The largest window there is.
const WINDOW_MAX: u32 = i32::MAX.cast_unsigned();
/// What a connection's window is to begin with.
const WINDOW_DEFAULT: u32 = 65_535;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The kinds of frames, by their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Data = 0,
    Headers = 1,
    ResetStream = 3,
    Settings = 4,
    Ping = 6,
    WindowUpdate = 8,
    Continuation = 9,
}

/// One frame.
pub(crate) fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut out = length[1..].to_vec();
    out.extend([kind as u8, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// The headers of a gRPC call, as literals that nobody indexes.
fn headers(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "annals"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for part in [name, value] {
            out.push(u8::try_from(part.len()).expect("a short header"));
            out.extend(part.as_bytes());
        }
    }
    out
}

/// The frames of a whole tail call.
pub(crate) fn tail_call(stream: u32, request: &TailRequest) -> Vec<u8> {
    let message = request.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).expect("a small request").to_be_bytes());
    body.extend(message);
    let mut out = frame(Kind::Headers, END_HEADERS, stream, &headers(TAIL));
    out.extend(frame(Kind::Data, END_STREAM, stream, &body));
    out
}

/// The headers of a call whose message never comes.
pub(crate) fn begun_call(stream: u32) -> Vec<u8> {
    frame(Kind::Headers, END_HEADERS, stream, &headers(TAIL))
}

/// The first half of a call's headers; more should follow.
pub(crate) fn half_headers(stream: u32) -> Vec<u8> {
    frame(Kind::Headers, 0, stream, &headers(TAIL))
}

/// Takes a call back.
pub(crate) fn reset(stream: u32) -> Vec<u8> {
    const CANCEL: u32 = 8;
    frame(Kind::ResetStream, 0, stream, &CANCEL.to_be_bytes())
}

/// The numbers of a client's streams.
pub(crate) fn streams() -> impl Iterator<Item = u32> {
    (1..WINDOW_MAX).step_by(2)
}

/// A connection that was made without a word.
pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("the server listens")
}

/// A connection that has spoken HTTP/2 and lets the server send as much as it likes; its socket takes in little.
pub(crate) async fn greet(address: SocketAddr) -> TcpStream {
    const INITIAL_WINDOW_SIZE: u8 = 4;
    const SOCKET_BYTES: u32 = 4096;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(SOCKET_BYTES).expect("a small buffer");
    let mut stream = socket.connect(address).await.expect("the server listens");
    let mut setting = vec![0, INITIAL_WINDOW_SIZE];
    setting.extend(WINDOW_MAX.to_be_bytes());
    let mut greeting = PREFACE.to_vec();
    greeting.extend(frame(Kind::Settings, 0, 0, &setting));
    greeting.extend(frame(Kind::WindowUpdate, 0, 0, &(WINDOW_MAX - WINDOW_DEFAULT).to_be_bytes()));
    stream.write_all(&greeting).await.expect("the server reads");
    stream
}

/// Reads until the server closes the connection, which must be in time; gives how much came.
pub(crate) async fn closed(stream: &mut TcpStream, patience: Duration) -> usize {
    let ended = async {
        let mut bytes = 0;
        let mut buffer = vec![0; 65_536];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return bytes,
                Ok(read) => bytes += read,
            }
        }
    };
    tokio::time::timeout(patience, ended).await.expect("the server closes the connection in time")
}
