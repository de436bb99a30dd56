//! One call on its connection: its response goes out as far as the client takes it, and its request comes in meanwhile.
//!
//! The call is given up as soon as the client resets it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};

use annals_service::AnswerPiece;
use bytes::Buf;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{HeaderMap, Response};
use http_body::{Body, Frame};

use super::call_gate::CallBody;
use super::request_intake::Intake;

/// Why a call ended before its response was sent.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the client reset the call: {0}")]
    Reset(Reason),
    #[error("the response can't be sent: {0}")]
    AnswerBudget(#[from] h2::Error),
    #[error("the response failed: {0}")]
    Response(tonic::Status),
}

/// Sends the response to a call once there is one, and takes in what comes of the request for as long as that lasts.
pub(super) async fn answer(
    response: impl Future<Output = Response<CallBody>>,
    respond: SendResponse<AnswerPiece>,
    intake: Intake,
) {
    let mut responding = pin!(respond_with(response, respond));
    let ended = poll_fn(|context| {
        let ended = responding.as_mut().poll(context);
        if ended.is_pending() {
            intake.take_in(context);
        }
        ended
    });
    if let Err(error) = ended.await {
        tracing::debug!("a call ended early: {error}");
    }
}

async fn respond_with(
    response: impl Future<Output = Response<CallBody>>,
    mut respond: SendResponse<AnswerPiece>,
) -> Result<(), Ended> {
    let response = tokio::select! {
        biased;
        response = response => response,
        reason = poll_fn(|context| respond.poll_reset(context)) => return Err(Ended::Reset(reason?)),
    };
    let (head, body) = response.into_parts();
    let is_whole = body.is_end_stream();
    let stream = respond.send_response(Response::from_parts(head, ()), is_whole)?;
    if is_whole { Ok(()) } else { send(body, stream).await }
}

async fn send(body: CallBody, mut stream: SendStream<AnswerPiece>) -> Result<(), Ended> {
    let mut body = pin!(body);
    loop {
        let frame = match next_frame(body.as_mut(), &mut stream).await? {
            Some(Ok(frame)) => frame,
            Some(Err(status)) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Err(Ended::Response(status));
            }
            None => Frame::trailers(HeaderMap::new()),
        };
        match frame.into_data() {
            Ok(answer) => {
                until_sendable(&answer, &mut stream).await?;
                let is_last = body.is_end_stream();
                stream.send_data(answer, is_last)?;
                if is_last {
                    return Ok(());
                }
            }
            Err(frame) => {
                // What was reserved for more is free for other calls.
                stream.reserve_capacity(0);
                stream.send_trailers(frame.into_trailers().unwrap_or_default())?;
                return Ok(());
            }
        }
    }
}

/// The next piece of a response. None of the connection's window is reserved until it is here: the client may have
/// little of it, and other calls need it.
async fn next_frame(
    mut body: Pin<&mut CallBody>,
    stream: &mut SendStream<AnswerPiece>,
) -> Result<Option<Result<Frame<AnswerPiece>, tonic::Status>>, Ended> {
    poll_fn(|context| {
        if let Poll::Ready(reason) = stream.poll_reset(context) {
            return Poll::Ready(Err(Ended::Reset(reason?)));
        }
        Poll::Ready(Ok(ready!(body.as_mut().poll_frame(context))))
    })
    .await
}

/// Waits until the client takes some of an answer. The library keeps the rest, and sends it as the client lets it.
async fn until_sendable(answer: &AnswerPiece, stream: &mut SendStream<AnswerPiece>) -> Result<(), Ended> {
    if !answer.has_remaining() {
        return Ok(());
    }
    stream.reserve_capacity(1);
    while stream.capacity() == 0 {
        match poll_fn(|context| stream.poll_capacity(context)).await {
            Some(capacity) => drop(capacity?),
            None => return Err(Ended::Reset(Reason::CANCEL)),
        }
    }
    Ok(())
}
