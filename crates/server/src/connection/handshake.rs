//! A stream that must begin to speak HTTP/2 within a time, so that silent sockets do not pile up.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Bytes with which an HTTP/2 client begins.
const PREFACE_BYTES: usize = 24;

/// A stream that fails unless the client's preface comes in time.
#[derive(Debug)]
pub(super) struct Handshake<S> {
    stream: S,
    /// None once the preface is here.
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    deadline: Pin<Box<Sleep>>,
    bytes: usize,
}

impl<S> Handshake<S> {
    pub(super) fn new(stream: S, time_max: Duration) -> Self {
        Self { stream, waiting: Some(Waiting { deadline: Box::pin(sleep(time_max)), bytes: 0 }) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Handshake<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let Some(waiting) = &mut this.waiting else { return read };
        waiting.bytes += buffer.filled().len() - before;
        if waiting.bytes >= PREFACE_BYTES {
            this.waiting = None;
        } else if waiting.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "no HTTP/2 preface came in time")));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Handshake<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, parts)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const TIME_MAX: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stays_silent_or_dawdles_is_cut_off() {
        for sent in [0, PREFACE_BYTES - 1] {
            let (mut client, server) = duplex(64);
            let mut stream = Handshake::new(server, TIME_MAX);
            client.write_all(&vec![b'P'; sent]).await.expect("room");
            let error = stream.read_exact(&mut [0; PREFACE_BYTES]).await.expect_err("cut off");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_begun_may_take_its_time() {
        let (mut client, server) = duplex(64);
        let mut stream = Handshake::new(server, TIME_MAX);
        client.write_all(&[b'P'; PREFACE_BYTES]).await.expect("room");
        stream.read_exact(&mut [0; PREFACE_BYTES]).await.expect("the preface");
        tokio::time::advance(2 * TIME_MAX).await;
        client.write_all(b"!").await.expect("room");
        assert_eq!(stream.read_u8().await.expect("a byte"), b'!');
    }
}
