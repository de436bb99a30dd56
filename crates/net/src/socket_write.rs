//! The half of a stream that is written: it fails when nothing gets through for a time.
//!
//! HTTP/2 asks a silent client for a sign of life, but a connection that is given up still waits until what it has to
//! say is written. A client whose socket is full and stays full would keep it for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::{Sleep, sleep};

/// The half of a stream whose writes fail once the socket has been full for `time_max`.
#[derive(Debug)]
pub struct SocketWrite<S> {
    stream: S,
    time_max: Duration,
    /// Set while a write waits.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> SocketWrite<S> {
    /// Writes into `stream`, which may stay full for so long.
    pub fn new(stream: S, time_max: Duration) -> Self {
        Self { stream, time_max, stuck: None }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let time_max = self.time_max;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(time_max)));
        if stuck.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing in any more")));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SocketWrite<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.watch(context, written)
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
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        this.watch(context, written)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::*;

    const TIME_MAX: Duration = Duration::from_secs(30);
    /// Longer than anything here takes.
    const EVER: Duration = Duration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_in_is_given_up_and_a_slow_one_is_not() {
        let (mut client, server) = duplex(10);
        let mut stream = SocketWrite::new(server, TIME_MAX);
        for _ in 0..5 {
            stream.write_all(&[1; 10]).await.expect("room");
            tokio::time::advance(2 * TIME_MAX).await;
            let read = async {
                tokio::time::sleep(TIME_MAX / 2).await;
                client.read_exact(&mut [0; 20]).await
            };
            let (read, written) = tokio::join!(timeout(EVER, read), stream.write_all(&[1; 10]));
            written.expect("it is slow, but reads");
            read.expect("some time").expect("all comes");
        }
        stream.write_all(&[1; 10]).await.expect("room");
        let written = timeout(EVER, stream.write_all(b"!")).await.expect("given up some time");
        let error = written.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
