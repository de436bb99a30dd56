//! One connection: its handshake, its calls, its end.
//!
//! The HTTP/2 library is driven here rather than by hyper or by tonic's own server, because limits that matter are set
//! nowhere else: how long a handshake may take, when an idle connection goes, how a stop ends one that still has calls,
//! and when what has come of a request is taken over and its window opened again.
//!
//! Promises: a client's windows are the only bound that it must keep to; what it does not read holds up no other call of
//! its own, and costs a bounded sum; a call under way is answered or ended with a status also where the server stops.
//! Does not: look into messages.

mod answering;
mod call_gate;
mod details;
mod fair_turns;
mod handshake;
mod liveness;
mod request_budget;
mod request_intake;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use annals_net::{Activity, Heard, SocketRead, SocketWrite};
use annals_service::AnswerPiece;
use h2::RecvStream;
use h2::server::SendResponse;
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, Join, join};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::sleep;

use crate::{Door, Limits};
use answering::answer;
use call_gate::CallGate;
pub(crate) use details::detailed;
use fair_turns::Turns;
use handshake::handshake;
use liveness::Liveness;
use request_intake::incoming;

/// A connection that speaks HTTP/2.
struct Connection<S> {
    http: h2::server::Connection<S, AnswerPiece>,
    gate: CallGate,
    liveness: Liveness,
}

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("no HTTP/2 preface came in time")]
    NoPreface,
    #[error("{0}")]
    Http(#[from] h2::Error),
    #[error("the client gives no sign of life")]
    Silent,
}

/// Serves a connection until it ends, is idle for too long, or the server stops and its calls have ended.
pub(crate) async fn serve(stream: TcpStream, peer: SocketAddr, door: Door) {
    // Answers are written whole; waiting to fill packets would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, "the connection is gone: {error}");
        return;
    }
    let activity = Arc::new(Activity::default());
    let turns = Arc::new(Turns::default());
    let gate = CallGate::new(&door, &stream, peer, Arc::clone(&activity), Arc::clone(&turns));
    let Door { limits, mut stop, .. } = door;
    let mut connection = match Connection::begin(stream, gate, &limits).await {
        Ok(connection) => connection,
        Err(error) => {
            tracing::debug!(%peer, "the connection did not begin: {error}");
            return;
        }
    };
    let mut phase = Phase::Open;
    loop {
        let pause = match phase {
            Phase::Open => activity.idle_in(limits.idle_time_max),
            Phase::Closing => limits.keep_alive_time_max,
        };
        let written = poll_fn(|context| {
            let ended = connection.poll(context);
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
                connection.http.graceful_shutdown();
                phase = Phase::Closing;
            }
            () = sleep(pause) => match phase {
                Phase::Open if activity.idle_in(limits.idle_time_max).is_zero() => {
                    connection.http.graceful_shutdown();
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

type Stream = Join<SocketRead<OwnedReadHalf>, SocketWrite<OwnedWriteHalf>>;

impl Connection<Stream> {
    /// Waits for the client to speak HTTP/2.
    async fn begin(stream: TcpStream, gate: CallGate, limits: &Limits) -> Result<Self, Ended> {
        let (interval, time_max) = (limits.keep_alive_interval, limits.keep_alive_time_max);
        let heard = Arc::new(Heard::default());
        let (reads, writes) = stream.into_split();
        // A client that reads nothing gives no sign of life either.
        let stream = join(SocketRead::new(reads, Arc::clone(&heard)), SocketWrite::new(writes, interval + time_max));
        let mut http = handshake(stream, limits).await?;
        let pings = http.ping_pong().expect("nobody has asked for it yet");
        Ok(Self { http, gate, liveness: Liveness::new(pings, heard, interval, time_max) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Reads and writes what it can, and begins calls; ready once the connection has ended.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        if self.liveness.is_gone(context) {
            return Poll::Ready(Err(Ended::Silent));
        }
        while let Some(accepted) = ready!(self.http.poll_accept(context)) {
            let (request, respond) = accepted?;
            self.begin_call(request, respond);
        }
        Poll::Ready(Ok(()))
    }

    fn begin_call(&self, request: Request<RecvStream>, respond: SendResponse<AnswerPiece>) {
        let (head, stream) = request.into_parts();
        let (incoming, intake) = incoming(stream);
        let response = self.gate.call(Request::from_parts(head, incoming));
        tokio::spawn(answer(response, respond, intake));
    }
}
