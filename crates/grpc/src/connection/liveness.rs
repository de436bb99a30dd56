//! Whether the client of a connection is still there: one that is silent is asked, and must say something in time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::{Instant, Sleep, sleep};

use annals_net::Heard;

/// The signs of life of one connection.
#[derive(Debug)]
pub(super) struct Liveness {
    pings: PingPong,
    heard: Arc<Heard>,
    /// How long a client may be silent before it is asked, and then before it is given up.
    interval: Duration,
    time_max: Duration,
    /// When it was asked; none while it need not answer.
    asked: Option<Instant>,
    is_ping_out: bool,
    look: Pin<Box<Sleep>>,
}

impl Liveness {
    pub(super) fn new(pings: PingPong, heard: Arc<Heard>, interval: Duration, time_max: Duration) -> Self {
        let look = Box::pin(sleep(interval));
        Self { pings, heard, interval, time_max, asked: None, is_ping_out: false, look }
    }

    /// Whether the client is gone; asks it when it is time to. The connection's task is woken to look again.
    pub(super) fn is_gone(&mut self, context: &mut Context<'_>) -> bool {
        if self.is_ping_out && self.pings.poll_pong(context).is_ready() {
            self.is_ping_out = false;
        }
        while self.look.as_mut().poll(context).is_ready() {
            let heard = self.heard.last();
            let now = Instant::now();
            let next = match self.asked {
                Some(asked) if heard <= asked => return true,
                None if now >= heard + self.interval => {
                    // One that has not answered the last ping yet has that one to answer.
                    self.is_ping_out = self.is_ping_out || self.pings.send_ping(Ping::opaque()).is_ok();
                    self.asked = Some(now);
                    now + self.time_max
                }
                _ => {
                    self.asked = None;
                    heard + self.interval
                }
            };
            self.look.as_mut().reset(next);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, join, split};
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::super::handshake::handshake;
    use super::*;
    use crate::Limits;
    use annals_net::SocketRead;

    const INTERVAL: Duration = Duration::from_secs(20);
    const TIME_MAX: Duration = Duration::from_secs(10);
    /// Longer than anything here takes.
    const EVER: Duration = Duration::from_hours(1);

    const PREFACE_AND_SETTINGS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    /// A frame of a kind that nobody knows, and so passes over.
    const ANY_FRAME: &[u8] = b"\x00\x00\x00\xfa\x00\x00\x00\x00\x00";
    const PING: u8 = 6;
    const ACK: u8 = 1;

    /// A client's side of a connection.
    struct Client {
        stream: DuplexStream,
        begun: Instant,
        /// Ends with how long the connection lasted, once the client was found to be gone.
        gone: JoinHandle<Duration>,
    }

    impl Client {
        async fn connect() -> Self {
            let (mut stream, served) = duplex(64 * 1024);
            stream.write_all(PREFACE_AND_SETTINGS).await.expect("room");
            let heard = Arc::new(Heard::default());
            let (reads, writes) = split(served);
            let served = join(SocketRead::new(reads, Arc::clone(&heard)), writes);
            let mut http = handshake(served, &Limits::of_a_test()).await.expect("the preface");
            let pings = http.ping_pong().expect("nobody has asked for it yet");
            let mut liveness = Liveness::new(pings, heard, INTERVAL, TIME_MAX);
            let begun = Instant::now();
            let gone = tokio::spawn(poll_fn(move |context| {
                if liveness.is_gone(context) {
                    return Poll::Ready(begun.elapsed());
                }
                assert!(http.poll_accept(context).is_pending(), "the connection lasts");
                Poll::Pending
            }));
            Self { stream, begun, gone }
        }

        async fn say(&mut self, frame: &[u8]) {
            self.stream.write_all(frame).await.expect("room");
        }

        /// The next ping, and how many seconds after the beginning it came; none once the connection is closed.
        async fn asked(&mut self) -> Option<([u8; 8], u64)> {
            loop {
                let mut head = [0; 9];
                let read = timeout(EVER, self.stream.read_exact(&mut head));
                read.await.expect("asked or given up some time").ok()?;
                let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
                self.stream.read_exact(&mut payload).await.expect("a whole frame");
                if head[3] == PING && head[4] & ACK == 0 {
                    return Some((payload.try_into().expect("8 bytes"), self.begun.elapsed().as_secs()));
                }
            }
        }

        async fn answer(&mut self, ping: [u8; 8]) {
            self.say(&[&[0, 0, 8, PING, ACK, 0, 0, 0, 0][..], &ping].concat()).await;
        }

        /// After how many seconds the client was given up.
        async fn gone(&mut self) -> u64 {
            timeout(EVER, &mut self.gone).await.expect("given up some time").expect("serves").as_secs()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_asked_once_and_given_up_in_time() {
        let mut client = Client::connect().await;
        assert_eq!(client.gone().await, 30);
        assert!(client.asked().await.is_some());
        assert!(client.asked().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_answers_stays_and_is_asked_again_once_it_was_silent_again() {
        let mut client = Client::connect().await;
        for turn in 0..5 {
            let (ping, at) = client.asked().await.expect("it is still there");
            assert_eq!(at, 20 + turn * 29);
            tokio::time::sleep(Duration::from_secs(9)).await;
            client.answer(ping).await;
        }
        assert_eq!(client.gone().await, 20 + 4 * 29 + 9 + 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_speaks_by_itself_is_not_asked() {
        let mut client = Client::connect().await;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(19)).await;
            client.say(ANY_FRAME).await;
        }
        assert_eq!(client.asked().await.expect("it is silent now").1, 10 * 19 + 20);
        assert_eq!(client.gone().await, 10 * 19 + 30);
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_a_client_says_is_a_sign_of_life_and_its_answer_is_waited_for() {
        let mut client = Client::connect().await;
        let (ping, at) = client.asked().await.expect("it was silent");
        assert_eq!(at, 20);
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(9)).await;
            client.say(ANY_FRAME).await;
        }
        // At 85 it is to be asked again; it still has the first ping to answer.
        tokio::time::sleep(Duration::from_secs(27)).await;
        client.answer(ping).await;
        assert_eq!(client.asked().await.expect("it was silent again").1, 20 + 45 + 27 + 20);
        assert_eq!(client.gone().await, 20 + 45 + 27 + 30);
    }
}
