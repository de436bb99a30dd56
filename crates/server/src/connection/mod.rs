//! One connection: its handshake, its calls, its end.
//!
//! hyper is driven here rather than by tonic's own server, because limits that matter are set nowhere else: how long a
//! handshake may take, when an idle connection goes, how a stop ends one that still has calls.

mod activity;
mod details;
mod front;
mod handshake;
mod receiving;
mod sending;
mod stuck;
mod turn;

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tonic::service::Routes;

use crate::config::Limits;
use crate::shared::Stop;
use activity::Activity;
pub(crate) use details::detailed;
use front::Front;
use handshake::Handshake;
pub(crate) use receiving::Receiving;
pub(crate) use sending::Sending;
use stuck::Unstuck;
use turn::Turns;

/// Bytes of one DATA frame: large events and pages then take few frames, each of which costs both sides work.
const FRAME_BYTES_MAX: u32 = 256 * 1024;

/// What every connection of a server is served with.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) routes: Routes,
    pub(crate) limits: Arc<Limits>,
    pub(crate) receiving: Arc<Receiving>,
    pub(crate) sending: Arc<Sending>,
    pub(crate) stop: Stop,
}

/// Serves a connection until it ends, is idle for too long, or the server stops and its calls have ended.
pub(crate) async fn serve(stream: TcpStream, peer: SocketAddr, service: Service) {
    // Answers are written whole; waiting to fill packets would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, "the connection is gone: {error}");
        return;
    }
    let activity = Arc::new(Activity::default());
    let turns = Arc::new(Turns::default());
    let front = Front::new(&service, &stream, peer, Arc::clone(&activity), Arc::clone(&turns));
    let Service { limits, mut stop, .. } = service;
    // A client that reads nothing gives no sign of life either.
    let stuck_time_max = limits.keep_alive_interval.get() + limits.keep_alive_time_max.get();
    let stream = Unstuck::new(stream, stuck_time_max);
    let io = TokioIo::new(Handshake::new(stream, limits.handshake_time_max.get()));
    let mut connection = pin!(builder(&limits).serve_connection(io, front));
    let mut phase = Phase::Open;
    loop {
        let pause = match phase {
            Phase::Open => activity.idle_in(limits.idle_time_max.get()),
            Phase::Closing => limits.keep_alive_time_max.get(),
        };
        let written = poll_fn(|context| {
            let ended = connection.as_mut().poll(context);
            turns.pass_on(context);
            ended
        });
        tokio::select! {
            ended = written => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, "the connection ended: {error}");
                }
                return;
            }
            () = stop.stopping(), if phase == Phase::Open => {
                connection.as_mut().graceful_shutdown();
                phase = Phase::Closing;
            }
            () = sleep(pause) => match phase {
                Phase::Open if activity.idle_in(limits.idle_time_max.get()).is_zero() => {
                    connection.as_mut().graceful_shutdown();
                    phase = Phase::Closing;
                }
                // The client does not answer that it knows of the end.
                Phase::Closing if activity.is_idle() => return,
                Phase::Open | Phase::Closing => {}
            },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The client was told that no new call is taken; those under way go on.
    Closing,
}

fn builder(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .adaptive_window(false)
        .initial_stream_window_size(limits.call_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .max_concurrent_streams(limits.connection_calls_max)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_send_buf_size(limits.send_buffer_bytes_max)
        .max_header_list_size(limits.header_bytes_max)
        .keep_alive_interval(limits.keep_alive_interval.get())
        .keep_alive_timeout(limits.keep_alive_time_max.get());
    builder
}
