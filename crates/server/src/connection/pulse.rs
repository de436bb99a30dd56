//! Whether the client of a connection is still there: one that is silent is asked, and must say something in time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::{Instant, Sleep, sleep};

use super::reading::Heard;

/// The signs of life of one connection.
#[derive(Debug)]
pub(super) struct Pulse {
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

impl Pulse {
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
