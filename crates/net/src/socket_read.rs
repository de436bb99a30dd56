//! The half of a stream that is read: some at a time, and it tells when it was last read.
//!
//! A connection and its calls are tasks of one thread. What the connection reads lies in the HTTP/2 library, a frame at a
//! time, until the calls take it; so they have their turn before much has come, whatever the client sends and however
//! fast.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

/// Bytes after which calls have their turn, give or take one read: as small frames they take some 1 MiB in the library.
const TURN_BYTES: usize = 64 * 1024;

/// The half of a stream whose reads come in turns.
#[derive(Debug)]
pub struct SocketRead<S> {
    stream: S,
    /// Bytes read in this turn.
    bytes: usize,
    heard: Arc<Heard>,
}

/// When the client was last heard of.
#[derive(Debug)]
pub struct Heard(Mutex<Instant>);

impl Default for Heard {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Heard {
    /// When that was; when this was made, if nothing came yet.
    pub fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl<S> SocketRead<S> {
    /// Reads from `stream` and notes in `heard` that it did.
    pub fn new(stream: S, heard: Arc<Heard>) -> Self {
        Self { stream, bytes: 0, heard }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SocketRead<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.bytes >= TURN_BYTES {
            this.bytes = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        match buffer.filled().len() - before {
            0 => this.bytes = 0,
            bytes => {
                this.bytes += bytes;
                this.heard.note();
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_turn_ends_after_some_bytes_and_the_rest_is_read_in_the_next() {
        let (mut client, server) = duplex(3 * TURN_BYTES);
        let heard = Arc::new(Heard::default());
        let mut stream = SocketRead::new(server, Arc::clone(&heard));
        client.write_all(&vec![7; 2 * TURN_BYTES]).await.expect("room");
        tokio::time::advance(Duration::from_secs(5)).await;
        let mut bytes = vec![0; 3 * TURN_BYTES];
        let mut read_in_turn = async || {
            poll_fn(|context| {
                let mut buffer = ReadBuf::new(&mut bytes);
                while Pin::new(&mut stream).poll_read(context, &mut buffer).is_ready() && buffer.remaining() > 0 {}
                Poll::Ready(buffer.filled().len())
            })
            .await
        };
        let first = read_in_turn().await;
        assert!((TURN_BYTES..=2 * TURN_BYTES).contains(&first), "{first}");
        assert_eq!(heard.last(), Instant::now());
        let second = read_in_turn().await;
        assert_eq!(first + second, 2 * TURN_BYTES);
        client.write_u8(8).await.expect("room");
        assert_eq!(stream.read_u8().await.expect("a byte"), 8);
    }
}
