//! What has come of a request and was not read by its call yet.
//!
//! The HTTP/2 library keeps each frame by itself, in a place of some hundred bytes, however few it brought, and frames are
//! cut as the client likes: events that are sent one by one would take several times the window that the client has
//! filled, and windows are the only bound that a client knows of. So what a call does not read at once is taken out of
//! the library, and small frames are joined. The windows are opened again only as the call reads: what waits here stays
//! within them, and costs about its own bytes.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use h2::{Reason, RecvStream};
use http_body::{Body, Frame};

/// Frames below this are joined. A larger one is kept as it came: it holds on to little more than itself.
const JOINED_FRAME_BYTES_MAX: usize = 16 * 1024;
/// Bytes of joined frames in one piece.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// A request's body, for its call.
#[derive(Debug)]
pub(super) struct Incoming(Arc<Mutex<Option<Request>>>);

/// Takes in what comes of a request while its call does not read.
#[derive(Debug)]
pub(super) struct Intake(Arc<Mutex<Option<Request>>>);

#[derive(Debug)]
struct Request {
    stream: RecvStream,
    unread: Unread,
}

/// The body of a request, and its intake, which has its turn at each turn of the call's task. Both are used in that task
/// alone: the library wakes one.
pub(super) fn incoming(stream: RecvStream) -> (Incoming, Intake) {
    let request = Arc::new(Mutex::new(Some(Request { stream, unread: Unread::default() })));
    (Incoming(Arc::clone(&request)), Intake(request))
}

impl Intake {
    /// Takes in what is here, after the call has read what it wants. Its task is woken when more comes.
    pub(super) fn take_in(&self, context: &mut Context<'_>) {
        with(&self.0, |request| {
            let Some(Request { stream, unread }) = request else { return };
            // An end or an error is told again to the call, once it has read up to there.
            while let Poll::Ready(Some(Ok(frame))) = stream.poll_data(context) {
                unread.push(frame);
            }
        });
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        with(&self.0, |request| match request {
            Some(request) => request.poll_frame(context),
            None => Poll::Ready(None),
        })
    }

    fn is_end_stream(&self) -> bool {
        with(&self.0, |request| {
            request.as_ref().is_none_or(|request| request.unread.is_empty() && request.stream.is_end_stream())
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Nobody reads any more: what came is given up, and what comes is not kept.
        drop(with(&self.0, Option::take));
    }
}

impl Request {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let Self { stream, unread } = self;
        if let Some(bytes) = unread.pop() {
            return Poll::Ready(Some(read(stream, bytes)));
        }
        match ready!(stream.poll_data(context)) {
            Some(Ok(bytes)) => Poll::Ready(Some(read(stream, bytes))),
            Some(Err(error)) => Poll::Ready(told(error)),
            None => match ready!(stream.poll_trailers(context)) {
                Ok(trailers) => Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
                Err(error) => Poll::Ready(told(error)),
            },
        }
    }
}

/// Opens the windows again for what the call now reads.
fn read(stream: &mut RecvStream, bytes: Bytes) -> Result<Frame<Bytes>, h2::Error> {
    stream.flow_control().release_capacity(bytes.len())?;
    Ok(Frame::data(bytes))
}

/// A client that resets a call without an error has said all that it has to say.
fn told<T>(error: h2::Error) -> Option<Result<T, h2::Error>> {
    (error.reason() != Some(Reason::NO_ERROR)).then_some(Err(error))
}

fn with<T>(request: &Mutex<Option<Request>>, act: impl FnOnce(&mut Option<Request>) -> T) -> T {
    act(&mut request.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Frames that were taken in, in their order.
#[derive(Debug, Default)]
struct Unread {
    pieces: VecDeque<Bytes>,
    /// Small frames that came after all pieces.
    joined: BytesMut,
}

impl Unread {
    fn push(&mut self, frame: Bytes) {
        let is_small = frame.len() < JOINED_FRAME_BYTES_MAX;
        if !is_small || self.joined.len() + frame.len() > PIECE_BYTES_MAX {
            self.close_joined();
        }
        if is_small {
            self.joined.extend_from_slice(&frame);
        } else {
            self.pieces.push_back(frame);
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        if self.pieces.is_empty() {
            self.close_joined();
        }
        self.pieces.pop_front()
    }

    fn close_joined(&mut self) {
        if !self.joined.is_empty() {
            self.pieces.push_back(std::mem::take(&mut self.joined).freeze());
        }
    }

    fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.joined.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(unread: &mut Unread) -> Vec<Bytes> {
        std::iter::from_fn(|| unread.pop()).collect()
    }

    #[test]
    fn small_frames_are_joined_and_large_ones_kept_as_they_are() {
        let mut unread = Unread::default();
        let large = Bytes::from(vec![2; JOINED_FRAME_BYTES_MAX]);
        for frame in
            [&b"ab"[..], b"c"].map(Bytes::from_static).into_iter().chain([large.clone(), Bytes::from_static(b"d")])
        {
            unread.push(frame);
        }
        assert!(!unread.is_empty());
        let read = read_all(&mut unread);
        assert_eq!(read, [Bytes::from_static(b"abc"), large.clone(), Bytes::from_static(b"d")]);
        assert_eq!(read[1].as_ptr(), large.as_ptr(), "it is not copied");
        assert!(unread.is_empty());
    }

    #[test]
    fn a_window_of_tiny_frames_takes_few_pieces_and_comes_back_in_order() {
        let mut unread = Unread::default();
        let sent: Vec<u8> = (0..=250).cycle().take(5 * PIECE_BYTES_MAX + 17).collect();
        let frames = Bytes::from(sent.clone());
        let mut read = Vec::new();
        for start in 0..sent.len() {
            unread.push(frames.slice(start..=start));
            if start == 1000 {
                read = read_all(&mut unread);
            }
        }
        assert_eq!(unread.pieces.len(), 4, "the fifth is not full yet, since some were read");
        read.extend(read_all(&mut unread));
        assert_eq!(read.concat(), sent);
    }
}
